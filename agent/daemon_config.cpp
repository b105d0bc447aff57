#include "agent/daemon_config.hpp"

#include <algorithm>
#include <utility>

#include "common/file.hpp"
#include "common/log.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCopy = "config";
constexpr const char* kOldCopy = "config.old";

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

Result<> copy_small_file(const fs::path& from, const fs::path& to) {
  const std::string content = TRY(read_file(from, std::size_t{4} << 20U));
  return write_file_atomically(to, content, 0600);
}

Result<> remove_folder(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return fail_errno(error.value(), "removing " + path.string());
  return {};
}

Result<> rename_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return fail_errno(error.value(), "renaming " + from.string());
  return {};
}

}  // namespace

AcceptedConfig::AcceptedConfig(const DaemonOptions& options)
    : options_(options), folder_(options.state_dir / kCopy) {}

Result<> AcceptedConfig::load() {
  error_.clear();
  const auto valid = check_operators_files();
  const auto taken = valid ? take_over_somewhere() : valid;
  if (taken) return {};
  error_ = taken.error().message;
  log::error("configuration not taken over: " + error_);
  if (keep_last_good()) return {};
  return fail(Errc::invalid_config, error_, taken.error().remedy);
}

// First where the operator wrote it: the error names that file.
Result<> AcceptedConfig::check_operators_files() const {
  if (!options_.config_required && !is_there(options_.config_file)) return {};
  auto checked = options_.load_config(options_.config_file);
  return checked ? Result<>() : std::unexpected(std::move(checked).error());
}

// A full or read-only disk is no fault of the configuration: memory takes the copy.
Result<> AcceptedConfig::take_over_somewhere() {
  auto kept = take_over(options_.state_dir);
  not_kept_ = kept ? "" : kept.error().message;
  if (kept) return remove_folder(options_.run_dir / kCopy);
  if (kept.error().code == Errc::invalid_config) return kept;
  return take_over(options_.run_dir);
}

// What a life before left in memory is newer than what the disk has. A take-over that was cut short
// between its two renames has left the last good copy under its old name.
Result<> AcceptedConfig::keep_last_good() {
  const std::filesystem::path homes[] = {options_.run_dir / kCopy, options_.state_dir / kCopy,
                                         options_.state_dir / kOldCopy};
  for (const fs::path& folder : homes) {
    if (!is_there(folder)) continue;
    auto kept = options_.load_config(folder / "nodeproof.json");
    if (!kept) continue;
    settings_ = *std::move(kept);
    folder_ = folder;
    return {};
  }
  return fail(Errc::invalid_config, "there is no good copy");
}

// The copy is what is checked, so that what was checked is what cycles read.
Result<> AcceptedConfig::take_over(const fs::path& home) {
  const fs::path fresh = home / "config.new", copy = home / kCopy, old = home / kOldCopy;
  TRY(remove_folder(fresh));
  if (auto copied = copy_to(fresh); !copied) {
    static_cast<void>(remove_folder(fresh));  // half of it is of no use to anybody
    return copied;
  }
  DaemonSettings settings = TRY(options_.load_config(fresh / "nodeproof.json"));
  if (is_there(copy)) {
    TRY(remove_folder(old));
    TRY(rename_folder(copy, old));
  }
  TRY(rename_folder(fresh, copy));
  settings_ = std::move(settings);
  folder_ = copy;
  return {};
}

Result<> AcceptedConfig::copy_to(const fs::path& folder) const {
  TRY(make_directories(folder, 0700));
  if (is_there(options_.config_file)) {
    TRY(copy_small_file(options_.config_file, folder / "nodeproof.json"));
  } else {
    TRY(write_file_atomically(folder / "nodeproof.json", "{}\n", 0600));
  }
  const fs::path parts = options_.config_file.parent_path() / "conf.d";
  std::error_code error;
  for (fs::directory_iterator it(parts, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".json") continue;
    TRY(copy_small_file(it->path(), folder / "conf.d" / it->path().filename()));
  }
  // A part that nobody could read is not a part that is not there.
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail_errno(error.value(), parts.string());
  }
  return {};
}

}  // namespace nodeproof
