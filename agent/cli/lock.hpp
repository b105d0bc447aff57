// One cycle at a time on a node: two would sweep each other's containers. What is locked is the
// folder of the state: /run/nodeproof goes with the service while somebody's check stays, and a
// disk that is full or read-only keeps nobody from it.
#pragma once

#include <filesystem>

#include "common/error.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {

// Held until destroyed; the kernel drops it with the process.
class InstanceLock {
 public:
  // Errc::busy names the process that holds it.
  static Result<InstanceLock> take(const std::filesystem::path& state_dir);

 private:
  explicit InstanceLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace nodeproof::cli
