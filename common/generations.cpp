#include "common/generations.hpp"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "common/file.hpp"

namespace nodeproof {

Generations::Generations(std::filesystem::path path, std::size_t max_bytes, IsWhole is_whole)
    : path_(std::move(path)), max_bytes_(max_bytes), is_whole_(std::move(is_whole)) {}

std::filesystem::path Generations::older() const { return path_.string() + ".old"; }

Result<std::string> Generations::read() const {
  auto newer = read_file(path_, max_bytes_);
  if (newer && is_whole_(*newer)) return newer;
  auto before = read_file(older(), max_bytes_);
  if (before && is_whole_(*before)) return before;
  if (!newer) return newer;
  return fail(Errc::corrupt, path_.string() + " is torn");
}

Result<> Generations::write(std::string_view content, unsigned mode) const {
  keep_older();
  return write_file_atomically(path_, content, mode);
}

// A second name of the same bytes: nothing is copied. Where the file system has no links the older
// generation stays what it was.
void Generations::keep_older() const {
  const auto now = read_file(path_, max_bytes_);
  if (!now || !is_whole_(*now)) return;
  const std::string second = path_.string() + ".second";
  ::unlink(second.c_str());
  if (::link(path_.c_str(), second.c_str()) != 0) return;
  if (::rename(second.c_str(), older().c_str()) != 0) ::unlink(second.c_str());
}

Result<> Generations::forget_older() const { return remove_file(older()); }

Result<> Generations::remove() const {
  TRY(remove_file(older()));
  return remove_file(path_);
}

}  // namespace nodeproof
