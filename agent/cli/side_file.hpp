// Files beside the images that options name: lists, backups, metrics, another host's facts.
#pragma once

#include <filesystem>
#include <string>

#include "common/error.hpp"

namespace nodeproof::cli {

struct SideFile {
  std::string option;  // "--metrics"
  std::filesystem::path path;
};

// Names option, file and what to do. A missing permission stays one, anything else is a usage
// error.
[[nodiscard]] Error not_usable(const SideFile& file, Error error);

Result<std::string> read_side_file(const SideFile& file);

// Before the work: could it be written? Missing folders are made.
Result<> check_writable_file(const SideFile& file);
Result<> check_writable_folder(const SideFile& folder);

// When it could not be written after all.
[[nodiscard]] Error not_written(const SideFile& file, Error error);

}  // namespace nodeproof::cli
