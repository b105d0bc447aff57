// The files that an unpacked image is to have, one after the other: an image may have hundreds of
// thousands, so neither who writes the list nor who reads it holds it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "agent/smoke/plan.hpp"
#include "common/file.hpp"

namespace nodeproof::smoke {

// A file of records "<layer> <size> <ContentHash or -> <path>", each ended by a NUL, which no
// path holds.
class FileListWriter {
 public:
  // Made anew, 0600, with its directory (0700).
  static Result<FileListWriter> create(const std::filesystem::path& path);

  // Leaves out what a container's own mounts hide.
  Result<> add(const FileExpectation& file);
  Result<> finish();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }  // of the files that are hashed

 private:
  explicit FileListWriter(UniqueFd fd) : fd_(std::move(fd)) {}
  Result<> flush();
  UniqueFd fd_;
  std::string pending_;
  std::uint64_t count_ = 0, bytes_ = 0;
};

using FileSink = std::function<Result<>(const FileExpectation&)>;
// Errc::invalid_document for a list that no writer wrote.
Result<> read_list(const std::filesystem::path& path, const FileSink& sink);

}  // namespace nodeproof::smoke
