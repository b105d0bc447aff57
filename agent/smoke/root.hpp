// The image's file tree, opened by path without ever leaving it: symlinks, "..", magic links of a
// hostile image included.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "common/bytes.hpp"
#include "common/file.hpp"

namespace nodeproof::smoke {

class Root {
 public:
  static Result<Root> open(const std::filesystem::path& directory);

  // Flags of open(2); O_CLOEXEC, O_NOCTTY and O_NONBLOCK are added. The int is an errno, 0 =
  // opened.
  struct Opened {
    UniqueFd fd;
    int error = 0;
  };
  [[nodiscard]] Opened open_file(std::string_view path, int flags) const;

  struct Status {
    struct stat stat{};
    int error = 0;
  };
  [[nodiscard]] Status status(std::string_view path) const;  // follows symlinks inside the root

  // Errc::not_found when absent; only regular files.
  [[nodiscard]] Result<std::string> read(std::string_view path, std::size_t max_bytes) const;
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> source(std::string_view path) const;

 private:
  Root(UniqueFd fd, bool whole) : fd_(std::move(fd)), whole_(whole) {}
  UniqueFd fd_;
  bool whole_;  // it is this process' own root directory
};

}  // namespace nodeproof::smoke
