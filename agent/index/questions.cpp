#include "agent/index/questions.hpp"

#include <string>

namespace nodeproof::index {

namespace {

// Each has been tried several times by itself.
constexpr unsigned kSilentEnough = 4;

// It is gone, or does not want to be asked.
bool is_silence(const Error& error) {
  return error.code == Errc::unreachable || error.code == Errc::timeout ||
         error.code == Errc::throttled;
}

}  // namespace

std::optional<Error> Questions::why_not() const {
  if (stop_.stop_requested()) return Error{Errc::cancelled, "asked to stop", "run it again"};
  if (silent_ < kSilentEnough) return std::nullopt;
  const Errc code = last_silence_;
  return Error{code,
               "not asked, for the last " + std::to_string(kSilentEnough) +
                   " questions got: " + std::string(to_string(code)),
               "run it again when the registry answers"};
}

template <class Answer>
Answer Questions::heard(Answer answer) {
  if (answer || !is_silence(answer.error())) {
    silent_ = 0;
  } else {
    last_silence_ = answer.error().code;
    ++silent_;
  }
  return answer;
}

Result<FetchedManifest> Questions::manifest() {
  if (auto error = why_not()) return std::unexpected(*std::move(error));
  return heard(registry_.manifest(reference_, stop_));
}

Result<FetchedManifest> Questions::child(const Descriptor& child) {
  if (auto error = why_not()) return std::unexpected(*std::move(error));
  return heard(registry_.child(reference_, child, stop_));
}

Result<> Questions::blob(const Descriptor& blob, const ByteSink& sink) {
  if (auto error = why_not()) return std::unexpected(*std::move(error));
  return heard(registry_.blob(reference_, blob, 0, sink, stop_));
}

Result<BlobState> Questions::probe(const Descriptor& blob) {
  if (auto error = why_not()) return std::unexpected(*std::move(error));
  return heard(registry_.probe(reference_, blob, stop_));
}

Result<Digest> Questions::digest() {
  if (auto error = why_not()) return std::unexpected(*std::move(error));
  const auto said = TRY(heard(registry_.ask_digest(reference_, stop_)));
  if (said) return *said;
  FetchedManifest found = TRY(manifest());
  return std::move(found.descriptor.digest);
}

}  // namespace nodeproof::index
