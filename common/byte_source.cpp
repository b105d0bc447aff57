#include "common/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace nodeproof {

namespace {

Result<> check_range(std::uint64_t offset, std::size_t length, std::uint64_t size) {
  if (offset > size || length > size - offset) {
    return fail(Errc::truncated, "bytes " + std::to_string(offset) + "+" + std::to_string(length) +
                                     " lie beyond the end at " + std::to_string(size));
  }
  return {};
}

Result<> pread_all(int fd, std::uint64_t offset, std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "reading a file");
    if (got == 0) return fail(Errc::truncated, "the file became shorter while it was read");
    buffer = buffer.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace

Result<> MemorySource::read_at(std::uint64_t offset, std::span<std::byte> buffer) const {
  TRY(check_range(offset, buffer.size(), bytes_.size()));
  std::ranges::copy(bytes_.subspan(static_cast<std::size_t>(offset), buffer.size()),
                    buffer.begin());
  return {};
}

Result<FileSource> FileSource::open(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail_errno(errno, "opening " + path.string());
  return of(std::move(fd), path.string());
}

Result<FileSource> FileSource::of(UniqueFd fd, const std::string& name) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "reading " + name);
  if (!S_ISREG(status.st_mode)) return fail(Errc::unsupported, name + ": not a file");
  return FileSource(std::move(fd), static_cast<std::uint64_t>(status.st_size));
}

Result<> FileSource::read_at(std::uint64_t offset, std::span<std::byte> buffer) const {
  TRY(check_range(offset, buffer.size(), size_));
  return pread_all(fd_.get(), offset, buffer);
}

Result<SpoolFile> SpoolFile::create(const std::filesystem::path& directory) {
  // O_TMPFILE is not on every file system (overlayfs before 6.x), so a named file is unlinked
  // instead.
  std::string name = (directory / ".spool-XXXXXX").string();
  UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return fail_errno(errno, "creating a spool file in " + directory.string());
  if (::unlink(name.c_str()) != 0) return fail_errno(errno, "unlinking " + name);
  return SpoolFile(std::move(fd));
}

Result<> SpoolFile::append(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "writing a spool file");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    size_ += static_cast<std::uint64_t>(put);
  }
  return {};
}

Result<> SpoolFile::clear() {
  constexpr std::uint64_t kKept = 16 << 20;
  if (size_ > kKept && ::ftruncate(fd_.get(), kKept) != 0) {
    return fail_errno(errno, "shortening a spool file");
  }
  size_ = 0;
  return {};
}

Result<> SpoolFile::read_at(std::uint64_t offset, std::span<std::byte> buffer) const {
  TRY(check_range(offset, buffer.size(), size_));
  return pread_all(fd_.get(), offset, buffer);
}

}  // namespace nodeproof
