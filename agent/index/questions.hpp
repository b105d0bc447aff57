// What every question to the registry needs, and when to stop asking.
#pragma once

#include <atomic>
#include <optional>
#include <stop_token>
#include <utility>

#include "agent/index/flaw.hpp"
#include "agent/index/validate.hpp"

namespace nodeproof::index {

// Safe to use from several threads.
class Questions {
 public:
  // All outlive it.
  Questions(Registry& registry, const Reference& reference, const ValidateOptions& options,
            std::stop_token stop)
      : registry_(registry), reference_(reference), options_(options), stop_(std::move(stop)) {}
  Questions(const Questions&) = delete;
  Questions& operator=(const Questions&) = delete;
  ~Questions() = default;

  Result<FetchedManifest> manifest();
  Result<FetchedManifest> child(const Descriptor& child);
  Result<> blob(const Descriptor& blob, const ByteSink& sink);
  Result<BlobState> probe(const Descriptor& blob);
  // What the tag names now: by a HEAD, and a GET where that does not say.
  Result<Digest> digest();

  // flaw_of(), in the words that fit who is asked.
  template <class Answer>
  [[nodiscard]] Flaw flaw(const Answer& answer, std::string what, std::string digest) const {
    return options_.layouts ? layout_flaw_of(answer, std::move(what), std::move(digest))
                            : flaw_of(answer, std::move(what), std::move(digest));
  }

  [[nodiscard]] const Reference& reference() const { return reference_; }
  [[nodiscard]] const ValidateOptions& options() const { return options_; }

 private:
  // A registry that has gone away is not asked a thousand times more, nor one for a caller who is
  // gone.
  [[nodiscard]] std::optional<Error> why_not() const;
  template <class Answer>
  Answer heard(Answer answer);

  Registry& registry_;
  const Reference& reference_;
  const ValidateOptions& options_;
  std::stop_token stop_;
  std::atomic<unsigned> silent_ = 0;  // answers in a row that were none
  std::atomic<Errc> last_silence_ = Errc::unreachable;
};

}  // namespace nodeproof::index
