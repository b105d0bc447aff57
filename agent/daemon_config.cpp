#include "agent/daemon_config.hpp"

#include <algorithm>
#include <utility>

#include "common/file.hpp"
#include "common/log.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;

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
    : options_(options), folder_(options.state_dir / "config") {}

Result<> AcceptedConfig::load() {
  TRY(recover());
  auto taken = take_over();
  if (taken) {
    error_.clear();
    return {};
  }
  error_ = taken.error().message;
  log::error("configuration not taken over: " + error_);
  auto kept = options_.load_config(file());
  if (!kept) return fail(Errc::invalid_config, error_, taken.error().remedy);
  settings_ = *std::move(kept);
  return {};
}

// A take-over was cut short between its two renames: the last good copy still has its old name.
Result<> AcceptedConfig::recover() const {
  const fs::path old = options_.state_dir / "config.old";
  if (is_there(folder_) || !is_there(old)) return {};
  return rename_folder(old, folder_);
}

// The copy is what is checked, so that what was checked is what cycles read.
Result<> AcceptedConfig::take_over() {
  const fs::path fresh = options_.state_dir / "config.new";
  const fs::path old = options_.state_dir / "config.old";
  TRY(remove_folder(fresh));
  if (options_.config_required || is_there(options_.config_file)) {
    // First where the operator wrote it: the error names that file.
    [[maybe_unused]] const DaemonSettings checked = TRY(options_.load_config(options_.config_file));
  }
  TRY(copy_to(fresh));
  DaemonSettings settings = TRY(options_.load_config(fresh / "nodeproof.json"));
  TRY(remove_folder(old));
  if (is_there(folder_)) TRY(rename_folder(folder_, old));
  TRY(rename_folder(fresh, folder_));
  settings_ = std::move(settings);
  return remove_folder(old);
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
  return {};
}

}  // namespace nodeproof
