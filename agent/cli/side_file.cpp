#include "agent/cli/side_file.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

namespace fs = std::filesystem;

// Only a file of its own tells: access(2) knows of no quota and lets root into what a server
// refuses it.
Result<> try_to_write_in(const fs::path& folder) {
  TRY(make_directories(folder));
  std::string name = (folder / ".nodeproof-XXXXXX").string();
  const UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return fail_errno(errno, "writing in " + folder.string());
  return remove_file(name);
}

Result<> try_to_write(const fs::path& file) {
  std::error_code problem;
  if (fs::is_directory(file, problem)) return fail(Errc::usage, "this is a folder");
  return try_to_write_in(fs::absolute(file, problem).parent_path());
}

Error named(const SideFile& file, Error error) {
  return std::move(error).with_context(file.option + " " + file.path.string());
}

}  // namespace

Error not_usable(const SideFile& file, Error error) {
  const bool permission = error.code == Errc::permission_denied;
  if (!permission) error.code = Errc::usage;
  if (error.remedy.empty()) {
    error.remedy = permission ? "give this user the permission, or name another place"
                              : "check the path given with " + file.option;
  }
  return named(file, std::move(error));
}

Result<std::string> read_side_file(const SideFile& file) {
  auto text = read_file(file.path);
  if (!text) return std::unexpected(not_usable(file, std::move(text).error()));
  return text;
}

Result<> check_writable_file(const SideFile& file) {
  auto tried = try_to_write(file.path);
  if (!tried) return std::unexpected(not_usable(file, std::move(tried).error()));
  return {};
}

Result<> check_writable_folder(const SideFile& folder) {
  auto tried = try_to_write_in(folder.path);
  if (!tried) return std::unexpected(not_usable(folder, std::move(tried).error()));
  return {};
}

Error not_written(const SideFile& file, Error error) {
  if (error.remedy.empty()) {
    error.remedy = error.code == Errc::no_space ? "make room there, or name another place"
                                                : "name a place that can be written to";
  }
  return named(file, std::move(error));
}

}  // namespace nodeproof::cli
