// The files of a folder that came from somebody else: no link leads out of it, and nothing but a
// regular file is ever opened.
#pragma once

#include <filesystem>
#include <string>

#include "common/byte_source.hpp"
#include "common/file.hpp"

namespace nodeproof {

class Folder {
 public:
  static Result<Folder> open(const std::filesystem::path& path);

  // By its path from the folder. not_found; unsupported for what is no regular file (it is not
  // opened, for a device may act on that) and for a link that leads out; permission_denied.
  [[nodiscard]] Result<FileSource> file(const std::string& name) const;

 private:
  explicit Folder(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace nodeproof
