#include "agent/registry/surroundings.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>

#include "common/log.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::string_view kUsualPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::array<std::string_view, 18> kPassedOn{"HOME",
                                                     "USER",
                                                     "LOGNAME",
                                                     "XDG_RUNTIME_DIR",
                                                     "XDG_CONFIG_HOME",
                                                     "XDG_DATA_HOME",
                                                     "DBUS_SESSION_BUS_ADDRESS",
                                                     "GNUPGHOME",
                                                     "PASSWORD_STORE_DIR",
                                                     "DOCKER_CONFIG",
                                                     "http_proxy",
                                                     "https_proxy",
                                                     "no_proxy",
                                                     "HTTP_PROXY",
                                                     "HTTPS_PROXY",
                                                     "NO_PROXY",
                                                     "SSL_CERT_FILE",
                                                     "SSL_CERT_DIR"};
constexpr std::array<std::string_view, 5> kPassedOnFamilies{"AWS_", "AZURE_", "GOOGLE_",
                                                            "CLOUDSDK_", "ECR_"};

std::string search_path(const Surroundings& around) {
  const std::string own = around.variable("PATH");
  return std::string(kUsualPath) + (own.empty() ? "" : ":" + own);
}

// Debian gives /usr/local to the group staff, one of those that distributions count as root.
constexpr gid_t kFirstOrdinaryGroup = 100;

bool others_write(const struct stat& status, bool folder) {
  const bool group_is_root = status.st_gid == 0 || (folder && status.st_gid < kFirstOrdinaryGroup);
  // In a sticky folder nobody replaces what is not theirs.
  const bool sticky = folder && (status.st_mode & S_ISVTX) != 0;
  const bool group = (status.st_mode & S_IWGRP) != 0 && !group_is_root;
  return status.st_uid != 0 || (!sticky && (group || (status.st_mode & S_IWOTH) != 0));
}

}  // namespace

Surroundings Surroundings::of_this_process() {
  Surroundings around;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    around.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  around.is_root = geteuid() == 0;
  return around;
}

std::string Surroundings::variable(std::string_view name) const {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

std::string Surroundings::home() const {
  const std::string home = variable("HOME");
  return home.empty() && is_root ? "/root" : home;
}

std::vector<std::string> helper_environment(const Surroundings& around) {
  std::vector<std::string> all{"PATH=" + search_path(around)};
  for (const auto& [name, value] : around.environment) {
    const bool family = std::ranges::any_of(
        kPassedOnFamilies, [&](std::string_view start) { return name.starts_with(start); });
    if (family || std::ranges::find(kPassedOn, name) != kPassedOn.end()) {
      all.push_back(name + "=" + value);
    }
  }
  if (around.variable("HOME").empty() && !around.home().empty()) {
    all.push_back("HOME=" + around.home());
  }
  return all;
}

Result<std::string> find_program(const std::string& name, const Surroundings& around) {
  for (const auto part : std::views::split(search_path(around), ':')) {
    const std::string folder(part.begin(), part.end());
    if (!folder.starts_with('/')) continue;
    std::string path = folder + "/" + name;
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return fail(Errc::not_found, "there is no program " + name + " on this node",
              "install " + name + ", or take its name out of the file that asks for it");
}

Result<> check_only_root_writes(const std::filesystem::path& file, const Surroundings& around) {
  if (!around.is_root) return {};
  std::error_code problem;
  std::filesystem::path part = std::filesystem::canonical(file, problem);
  if (problem) return fail_errno(problem.value(), file.string());
  for (bool folder = false;; folder = true) {
    struct stat status{};
    if (stat(part.c_str(), &status) != 0) return fail_errno(errno, part.string());
    if (others_write(status, folder)) {
      return fail(
          Errc::untrusted,
          file.string() + " is not used: others than root can write " + part.string(),
          "give it to root alone: chown root " + part.string() + " && chmod go-w " + part.string());
    }
    if (part == part.root_path()) return {};
    part = part.parent_path();
  }
}

void warn_when_all_can_read(const std::filesystem::path& file) {
  struct stat status{};
  if (stat(file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0) {
    log::warning(file.string() + " holds credentials and every user can read it: chmod o-r " +
                 file.string());
  }
}

}  // namespace nodeproof::registry
