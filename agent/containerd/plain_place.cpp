#include "agent/containerd/plain_place.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace nodeproof::containerd {
namespace {

std::unexpected<Error> not_plain(const std::string& why) {
  return fail(Errc::unsupported, "the snapshotter's mount is not a plain one: " + why);
}

bool is_absolute(const std::string& path) {
  return path.starts_with('/') && !path.contains("/../") && !path.ends_with("/..");
}

Result<SnapshotPlace> bound(SnapshotPlace place, const PlainMount& mount) {
  for (const std::string& option : mount.options) {
    if (option != "rw" && option != "rbind" && option != "bind") return not_plain(option);
  }
  place.directory = mount.source;
  return place;
}

// A colon in a path is escaped.
Result<std::vector<std::string>> lower_of(std::string_view list) {
  if (list.contains('\\')) return not_plain("a lower directory with a colon in its name");
  std::vector<std::string> lower;
  while (!list.empty()) {
    const std::size_t colon = std::min(list.find(':'), list.size());
    lower.emplace_back(list.substr(0, colon));
    list.remove_prefix(std::min(colon + 1, list.size()));
  }
  if (!std::ranges::all_of(lower, is_absolute)) return not_plain("a relative lower directory");
  return lower;
}

Result<> take_option(std::string_view option, SnapshotPlace& place) {
  constexpr std::string_view kUpper = "upperdir=", kLower = "lowerdir=", kWork = "workdir=";
  if (option.starts_with(kUpper)) {
    place.directory = option.substr(kUpper.size());
  } else if (option.starts_with(kLower)) {
    place.lower = TRY(lower_of(option.substr(kLower.size())));
  } else if (option != "index=off" && !option.starts_with(kWork)) {
    return not_plain("overlay with " + std::string(option));
  }
  return {};
}

Result<SnapshotPlace> overlaid(SnapshotPlace place, const PlainMount& mount) {
  for (const std::string& option : mount.options) TRY(take_option(option, place));
  if (place.lower.empty()) return not_plain("overlay without lower directories");
  return place;
}

}  // namespace

Result<SnapshotPlace> plain_place(std::string key, const std::vector<PlainMount>& mounts) {
  if (mounts.size() != 1) return not_plain(std::to_string(mounts.size()) + " mounts");
  const PlainMount& mount = mounts.front();
  SnapshotPlace place{.key = std::move(key), .directory = {}, .lower = {}};
  Result<SnapshotPlace> made = mount.type == "bind"      ? bound(std::move(place), mount)
                               : mount.type == "overlay" ? overlaid(std::move(place), mount)
                                                         : not_plain("of type " + mount.type);
  if (made && !is_absolute(made->directory)) return not_plain("its directory is not absolute");
  return made;
}

Result<> check_empty(const std::string& directory) {
  struct stat status{};
  if (::lstat(directory.c_str(), &status) != 0) {
    return fail(Errc::unsupported, directory + " is not to be seen from here");
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != 0 || ::geteuid() != 0) {
    return fail(Errc::unsupported, directory + " is not a directory of root's");
  }
  std::error_code error;
  if (!std::filesystem::is_empty(directory, error) || error) {
    return fail(Errc::unsupported, directory + " is not an empty directory");
  }
  return {};
}

}  // namespace nodeproof::containerd
