#include "common/file_system.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>

namespace nodeproof {

Result<Volume> volume_of(const std::filesystem::path& path) {
  struct statvfs space = {};
  struct stat file = {};
  if (::statvfs(path.c_str(), &space) != 0 || ::stat(path.c_str(), &file) != 0) {
    return fail_errno(errno, path.string());
  }
  return Volume{.id = file.st_dev,
                .bytes = space.f_blocks * space.f_frsize,
                .free_bytes = space.f_bavail * space.f_frsize,
                .inodes = space.f_files,
                .free_inodes = space.f_favail};
}

}  // namespace nodeproof
