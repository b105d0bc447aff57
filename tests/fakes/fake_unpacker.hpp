// A LayerUnpacker that remembers what it was given, and fails on demand.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/unpack/layer_unpacker.hpp"

namespace nodeproof {

// Safe to use from several threads.
class FakeUnpacker final : public LayerUnpacker {
 public:
  struct Written {
    std::string bytes;
    Whiteouts whiteouts = Whiteouts::overlay;
    bool finished = false;
  };

  Result<std::unique_ptr<LayerWriting>> begin(const LayerDirectory& directory) override {
    const std::lock_guard lock(mutex_);
    if (refuse_) return std::unexpected(*refuse_);
    written_[directory.path] = {"", directory.whiteouts};
    return std::make_unique<Writing>(*this, directory.path);
  }
  Result<> adopt(const Adoption& adoption) override {
    const std::lock_guard lock(mutex_);
    if (not_adopted_) return std::unexpected(*not_adopted_);
    std::swap(written_[adoption.staged], written_[adoption.place]);
    adoptions_.push_back(adoption);
    return {};
  }

  void refuse(Error error) { set(refuse_, std::move(error)); }       // at begin()
  void fail_at_end(Error error) { set(at_end_, std::move(error)); }  // at finish()
  void fail_adopting(Error error) { set(not_adopted_, std::move(error)); }

  void when_written(std::function<void(std::uint64_t)> tell) { when_written_ = std::move(tell); }
  void take_nothing() {  // and say at finish() that all is well
    const std::lock_guard lock(mutex_);
    deaf_ = true;
  }

  [[nodiscard]] std::map<std::string, Written> written() const {
    const std::lock_guard lock(mutex_);
    return written_;
  }
  [[nodiscard]] std::vector<Adoption> adoptions() const {
    const std::lock_guard lock(mutex_);
    return adoptions_;
  }
  [[nodiscard]] int open() const {
    const std::lock_guard lock(mutex_);
    return open_;
  }

 private:
  class Writing final : public LayerWriting {
   public:
    Writing(FakeUnpacker& owner, std::string directory)
        : owner_(owner), directory_(std::move(directory)) {
      ++owner_.open_;
    }
    ~Writing() override {
      const std::lock_guard lock(owner_.mutex_);
      --owner_.open_;
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

    void abandon() override {}
    bool write(Bytes plain_tar) override {
      const std::lock_guard lock(owner_.mutex_);
      if (owner_.at_end_ || owner_.deaf_) return false;
      std::string& bytes = owner_.written_[directory_].bytes;
      bytes += as_text(plain_tar);
      if (owner_.when_written_) owner_.when_written_(bytes.size());
      return true;
    }
    Result<UnpackedLayer> finish() override {
      const std::lock_guard lock(owner_.mutex_);
      if (owner_.at_end_) return std::unexpected(*owner_.at_end_);
      Written& written = owner_.written_[directory_];
      written.finished = true;
      return UnpackedLayer{
          .entries = 1, .bytes = written.bytes.size(), .implied = {}, .opaque = {}};
    }

   private:
    FakeUnpacker& owner_;
    std::string directory_;
  };

  void set(std::optional<Error>& fault, Error error) {
    const std::lock_guard lock(mutex_);
    fault = std::move(error);
  }

  mutable std::mutex mutex_;
  std::map<std::string, Written> written_;  // by directory
  std::vector<Adoption> adoptions_;
  std::optional<Error> refuse_, at_end_, not_adopted_;
  bool deaf_ = false;
  std::function<void(std::uint64_t)> when_written_;
  int open_ = 0;
};

}  // namespace nodeproof
