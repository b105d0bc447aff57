// One cycle at a time on a node: two would sweep each other's containers.
#pragma once

#include <filesystem>

#include "common/error.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {

// Held until destroyed; the kernel drops it with the process.
class InstanceLock {
 public:
  // Errc::busy names the process that holds it.
  static Result<InstanceLock> take(const std::filesystem::path& path);

 private:
  explicit InstanceLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace nodeproof::cli
