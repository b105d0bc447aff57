// How full a file system is (statvfs(3)).
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/error.hpp"

namespace nodeproof {

struct Volume {
  std::uint64_t id = 0;  // the same for two paths of one file system
  std::uint64_t bytes = 0, free_bytes = 0;
  std::uint64_t inodes = 0, free_inodes = 0;  // both 0 where they are not counted (btrfs)
  friend bool operator==(const Volume&, const Volume&) = default;
};

// Of the file system that holds the path; free is what an ordinary user may still take, as kubelet
// counts it.
Result<Volume> volume_of(const std::filesystem::path& path);

}  // namespace nodeproof
