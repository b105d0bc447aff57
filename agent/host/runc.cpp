#include "agent/host/runc.hpp"

#include <sys/stat.h>

#include <array>
#include <string_view>

#include "agent/host/dpkg.hpp"

namespace nodeproof::host {
namespace {

namespace fs = std::filesystem;

constexpr std::array kPackages = {"runc", "runc-app", "runc-stable", "containerd.io"};
// k3s, RKE2 and MicroK8s bring their own, and containerd's version tells which.
constexpr std::array kFiles = {"usr/local/sbin/runc", "usr/local/bin/runc", "usr/sbin/runc",
                               "usr/bin/runc"};

std::string packaged(const fs::path& root) {
  const InstalledPackages packages(root);
  for (const char* name : kPackages) {
    const std::string version = packages.version(name);
    if (!version.empty()) return std::string(name) + " " + version;
  }
  return {};
}

}  // namespace

std::string read_runc(const fs::path& root) {
  for (const char* file : kFiles) {
    struct stat found{};
    if (stat((root / file).c_str(), &found) != 0 || !S_ISREG(found.st_mode)) continue;
    const bool local = std::string_view(file).starts_with("usr/local/");
    if (std::string package = local ? "" : packaged(root); !package.empty()) return package;
    return "/" + std::string(file) + " " + std::to_string(found.st_size) + " " +
           std::to_string(found.st_mtim.tv_sec);
  }
  return {};
}

}  // namespace nodeproof::host
