#include "agent/smoke/compare.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/content_hash.hpp"

namespace nodeproof::smoke {
namespace {

// Hash of the whole file; an errno in the error case.
struct Hashed {
  std::string hex;
  int error = 0;
  bool zero = true;  // every byte
};

Hashed hash_file(int fd) {
  ContentHasher hasher;
  bool zero = true;
  std::array<std::byte, 64 << 10> buffer{};
  for (;;) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {"", errno, false};
    if (got == 0) break;
    const Bytes bytes = Bytes(buffer).first(static_cast<std::size_t>(got));
    hasher.update(bytes);
    zero = zero && std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
  }
  return {to_hex(hasher.finish()), 0, zero};
}

FileProblem size_problem(std::uint64_t found, std::uint64_t expected) {
  if (found == 0) return FileProblem::empty;
  return found < expected ? FileProblem::truncated : FileProblem::longer;
}

}  // namespace

std::optional<FileRecord> compare_file(const Root& root, const FileExpectation& file) {
  FileRecord record;
  record.path = file.path;
  const bool hash = !file.hash.empty();
  const Root::Opened opened =
      root.open_file(file.path, hash ? O_RDONLY | O_NOFOLLOW : O_PATH | O_NOFOLLOW);
  record.error = opened.error;
  if (opened.error == ENOENT || opened.error == ENOTDIR) return record;
  record.problem = opened.error == ELOOP ? FileProblem::not_regular : FileProblem::unreadable;
  if (opened.error != 0) return record;
  struct stat stat{};
  if (fstat(opened.fd.get(), &stat) != 0) {
    record.error = errno;
    return record;
  }
  record.size = static_cast<std::uint64_t>(stat.st_size);
  record.problem = FileProblem::not_regular;
  if (!S_ISREG(stat.st_mode)) return record;
  record.problem = size_problem(record.size, file.size);
  if (record.size != file.size) return record;
  if (!hash) return std::nullopt;
  Hashed hashed = hash_file(opened.fd.get());
  record.problem = hashed.error != 0 ? FileProblem::unreadable
                   : hashed.zero     ? FileProblem::zeroed
                                     : FileProblem::changed;
  record.error = hashed.error;
  record.hash = std::move(hashed.hex);
  if (record.error == 0 && record.hash == file.hash) return std::nullopt;
  return record;
}

}  // namespace nodeproof::smoke
