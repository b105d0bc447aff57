// One nodeproof at a time on a machine that moves a tag.
#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <vector>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/reference.hpp"

namespace nodeproof::cli {

// Where locks are kept, best first: /run/lock, which is the same for all users and empty after a
// boot, the user's own run-time folder, the folder for temporary files.
[[nodiscard]] std::vector<std::filesystem::path> lock_folders();

struct LockRequest {
  const Reference& tag;
  std::chrono::milliseconds wait;
  std::vector<std::filesystem::path> folders = lock_folders();  // the first that can be used is
};

// Held until destroyed; the kernel drops it with the process. An empty file, which stays there.
class TagLock {
 public:
  // Errc::busy when another one still holds it after the wait.
  static Result<TagLock> take(const LockRequest& request, const std::stop_token& stop);

 private:
  explicit TagLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace nodeproof::cli
