// Random access over bytes in memory, in a file, or spooled to a file that nobody else can see.
#pragma once

#include <filesystem>
#include <string>

#include "common/bytes.hpp"
#include "common/file.hpp"

namespace nodeproof {

// Borrows the bytes.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(Bytes bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  Result<> read_at(std::uint64_t offset, std::span<std::byte> buffer) const override;

 private:
  Bytes bytes_;
};

// A regular file; its size is the one found when opened.
class FileSource final : public ByteSource {
 public:
  static Result<FileSource> open(const std::filesystem::path& path);
  // What is open already; `name` is for messages.
  static Result<FileSource> of(UniqueFd fd, const std::string& name);
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  Result<> read_at(std::uint64_t offset, std::span<std::byte> buffer) const override;

 private:
  FileSource(UniqueFd fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) {}
  UniqueFd fd_;
  std::uint64_t size_;
};

// Appended to, then read at random; unlinked from the start, so that it ends with the process.
class SpoolFile final : public ByteSource {
 public:
  static Result<SpoolFile> create(const std::filesystem::path& directory);
  Result<> append(Bytes bytes);
  // Empty again. Its first pages stay for what comes next: to write over them takes a third of the
  // time that new ones take.
  Result<> clear();
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  Result<> read_at(std::uint64_t offset, std::span<std::byte> buffer) const override;

 private:
  explicit SpoolFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  std::uint64_t size_ = 0;
};

}  // namespace nodeproof
