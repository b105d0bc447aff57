#include "agent/unpack/snapshot.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

namespace nodeproof::unpack {
namespace {

constexpr std::string_view kOverlay = "/io.containerd.snapshotter.v1.overlayfs/snapshots/";
constexpr std::string_view kNative = "/io.containerd.snapshotter.v1.native/snapshots/";
constexpr std::string_view kSnapshots = "/snapshots/";
constexpr std::string_view kUpper = "/fs";

struct Parsed {
  std::string root, number;
  bool overlay = false;
};

std::unexpected<Error> refuse(const std::string& path, std::string_view why) {
  return fail(Errc::unsupported, path + " " + std::string(why));
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<Parsed> parse(const std::string& path) {
  const bool plain = path.starts_with('/') && path.size() < PATH_MAX &&
                     path.find('\0') == std::string::npos && !(path + "/").contains("/../");
  if (!plain) return refuse(path, "is not an absolute path without ..");
  Parsed parsed;
  std::size_t at = path.rfind(kOverlay);
  parsed.overlay = at != std::string::npos;
  std::string_view rest = path;
  if (parsed.overlay && path.ends_with(kUpper)) {
    rest.remove_suffix(kUpper.size());
    rest.remove_prefix(at + kOverlay.size());
    at += kOverlay.size() - kSnapshots.size();
  } else {
    at = parsed.overlay ? std::string::npos : path.rfind(kNative);
    if (at == std::string::npos) return refuse(path, "is no snapshot of overlayfs or native");
    rest.remove_prefix(at + kNative.size());
    at += kNative.size() - kSnapshots.size();
  }
  if (!is_number(rest)) return refuse(path, "is no snapshot of overlayfs or native");
  parsed.root = path.substr(0, at);
  parsed.number = rest;
  return parsed;
}

Result<std::string> without_links(const std::string& path) {
  struct Free {
    void operator()(char* text) const { std::free(text); }
  };
  const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
  if (!real) return fail_errno(errno, path);
  return std::string(real.get());
}

// One step down: a directory of root's, and no link.
Result<UniqueFd> step(int from, const std::string& name, const std::string& path) {
  UniqueFd fd(::openat(from, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct ::stat status{};
  if (!fd && (errno == ENOTDIR || errno == ELOOP)) {
    return refuse(path, "is reached through a link or is no directory");
  }
  if (!fd || ::fstat(fd.get(), &status) != 0) return fail_errno(errno, path);
  if (status.st_uid != 0) return refuse(path, "does not belong to root");
  return fd;
}

}  // namespace

Result<Snapshot> open_snapshot(const std::string& path) {
  const Parsed parsed = TRY(parse(path));
  Snapshot snapshot;
  snapshot.overlay = parsed.overlay;
  snapshot.root = TRY(without_links(parsed.root));
  const UniqueFd root = TRY(step(AT_FDCWD, snapshot.root, path));
  snapshot.parent = TRY(step(root.get(), "snapshots", path));
  snapshot.name = parsed.number;
  snapshot.directory = TRY(step(snapshot.parent.get(), snapshot.name, path));
  if (!parsed.overlay) return snapshot;
  snapshot.parent = std::move(snapshot.directory);
  snapshot.name = "fs";
  snapshot.directory = TRY(step(snapshot.parent.get(), snapshot.name, path));
  return snapshot;
}

}  // namespace nodeproof::unpack
