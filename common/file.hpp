// Files: bounded reads, and writes that are whole or not there after a power cut.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace nodeproof {

// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd();
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  int release();
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Errc::too_large beyond max_bytes. Works on /proc and /sys files, whose size reads as 0.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes = 1 << 20);

// Temporary file in the same directory, fsync, rename, fsync of the directory; the directory is
// made when absent.
Result<> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                               unsigned mode = 0644);

Result<> make_directories(const std::filesystem::path& path, unsigned mode = 0755);
Result<> remove_file(const std::filesystem::path& path);  // absent is fine

// Of the environment (TMPDIR); /tmp where that names no folder.
[[nodiscard]] std::filesystem::path temporary_folder();

// syncfs(2) on the file system that holds the path.
Result<> sync_file_system(const std::filesystem::path& path);

}  // namespace nodeproof
