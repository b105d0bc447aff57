// One nodeproof at a time on a machine that moves a tag.
#pragma once

#include <chrono>
#include <stop_token>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/reference.hpp"

namespace nodeproof::cli {

// Held until destroyed; the kernel drops it with the process. A file in the folder for temporary
// files, the same for all users; it stays there, empty.
class TagLock {
 public:
  // Errc::busy when another one still holds it after `wait`.
  static Result<TagLock> take(const Reference& tag, std::chrono::milliseconds wait,
                              const std::stop_token& stop);

 private:
  explicit TagLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace nodeproof::cli
