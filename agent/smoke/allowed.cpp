#include "agent/smoke/allowed.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "common/file.hpp"
#include "common/text.hpp"
#include "common/words.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::size_t kMostVolumes = 32;
constexpr std::size_t kMostVersion = 4096;

std::unexpected<Error> absent(const std::string& what, const std::string& path, int error) {
  return fail(Errc::not_found,
              "the " + what + " " + printable(path) +
                  " is not there to be given to it: " + std::strerror(error),
              "make it available on this host, or correct the image's \"sandbox\"");
}

Result<HostDevice> device_at(const std::string& path) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0) return absent("device", path, errno);
  if (!S_ISCHR(found.st_mode) && !S_ISBLK(found.st_mode)) {
    return fail(Errc::not_found, printable(path) + " is no device",
                "correct the image's \"sandbox\": \"devices\" are device nodes of this host");
  }
  constexpr unsigned kPermissions = 0777;
  return HostDevice{.path = path,
                    .type = S_ISCHR(found.st_mode) ? 'c' : 'b',
                    .major = major(found.st_rdev),
                    .minor = minor(found.st_rdev),
                    .mode = found.st_mode & kPermissions,
                    .uid = found.st_uid,
                    .gid = found.st_gid};
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

bool is_plain(const std::string& path) {
  if (path.size() < 2 || !path.starts_with('/') || path.ends_with('/')) return false;
  const std::string framed = path + '/';
  return valid_utf8(path) == path && path.find('\0') == std::string::npos &&
         !framed.contains("//") && !framed.contains("/./") && !framed.contains("/../");
}

constexpr unsigned kMostEntries = 1000;  // of all folders that are mounted

void add_state(std::string& key, const std::filesystem::path& path) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0) return;
  key += path.string() + ' ' + std::to_string(found.st_size) + ' ' +
         std::to_string(found.st_mtim.tv_sec) + '.' + std::to_string(found.st_mtim.tv_nsec) + ' ' +
         std::to_string(found.st_ino) + '\n';
}

}  // namespace

Result<Allowed> allowed_by(const Sandbox& sandbox) {
  Allowed allowed;
  for (const SandboxMount& mount : sandbox.mounts) {
    struct stat found{};
    if (stat(mount.source.c_str(), &found) != 0) return absent("mount", mount.source, errno);
    allowed.mounts.push_back(mount);
  }
  for (const std::string& path : sandbox.devices) {
    allowed.devices.push_back(TRY(device_at(path)));
  }
  allowed.tmpfs = sandbox.tmpfs;
  return allowed;
}

std::string given_key(const Sandbox& sandbox, const std::filesystem::path& host_root) {
  std::string key;
  if (!sandbox.runtime.empty() || !sandbox.devices.empty()) {
    key += read_file(host_root / "proc/driver/nvidia/version", kMostVersion).value_or("");
    for (const char* program : {"nvidia-container-runtime", "nvidia-container-cli"}) {
      add_state(key, host_root / "usr/bin" / program);
    }
  }
  unsigned left = kMostEntries;
  for (const SandboxMount& mount : sandbox.mounts) {
    add_state(key, mount.source);
    std::error_code ended;
    for (std::filesystem::recursive_directory_iterator at(mount.source, ended), end;
         !ended && at != end && left > 0; at.increment(ended), --left) {
      add_state(key, at->path());
    }
  }
  return key;
}

std::vector<std::string> volumes_of(const ImageConfig& config, const Sandbox& sandbox) {
  std::vector<std::string> volumes;
  for (std::string path : config.volumes) {
    if (path.size() > 1 && path.ends_with('/')) path.pop_back();
    const auto is_own = [&](std::string_view own) { return is_at_or_below(path, own); };
    constexpr auto kOwn =
        std::to_array<std::string_view>({"/proc", "/sys", "/dev", "/tmp", "/run"});
    const bool taken =
        std::ranges::find(volumes, path) != volumes.end() ||
        std::ranges::find(sandbox.tmpfs, path) != sandbox.tmpfs.end() ||
        std::ranges::find(sandbox.mounts, path, &SandboxMount::target) != sandbox.mounts.end();
    if (!is_plain(path) || taken || std::ranges::any_of(kOwn, is_own)) continue;
    if (volumes.size() < kMostVolumes) volumes.push_back(std::move(path));
  }
  return volumes;
}

std::vector<std::string> runtime_env(const ImageConfig& config, const Sandbox& sandbox) {
  std::vector<std::string> env;
  if (sandbox.runtime.empty()) return env;
  std::ranges::copy_if(config.env, std::back_inserter(env), [](const std::string& variable) {
    return variable.starts_with("NVIDIA_") && variable.find('\0') == std::string::npos;
  });
  return env;
}

}  // namespace nodeproof::smoke
