#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string>

#include "agent/codes.hpp"
#include "agent/host/doctor.hpp"
#include "agent/host/dpkg.hpp"

namespace nodeproof::host {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kFinal = 999;  // a release is later than its candidates

struct Version {
  unsigned major = 0, minor = 0, patch = 0;
  unsigned candidate = kFinal;
  friend auto operator<=>(const Version&, const Version&) = default;
  [[nodiscard]] bool same_branch(const Version& other) const {
    return major == other.major && minor == other.minor;
  }
};

struct Escape {
  std::string_view names;
  std::string_view what;
  std::array<Version, 5> fixed;  // the first good one of each branch, in order; zeroes end the list
};

// From the projects' security advisories.
constexpr std::array<Escape, 4> kContainerd = {
    {{"CVE-2020-15257",
      "the shim's abstract socket is open to containers in the host's network",
      {{{1, 3, 9}, {1, 4, 3}}}},
     {"CVE-2022-23648",
      "an image's volumes read any file of the host",
      {{{1, 4, 13}, {1, 5, 10}, {1, 6, 1}}}},
     {"CVE-2024-40635",
      "a user ID beyond 2^31 in an image runs as root",
      {{{1, 6, 38}, {1, 7, 27}, {2, 0, 4}}}},
     {"CVE-2026-53488",
      "a label of an image runs a command on the host as root",
      {{{1, 7, 33}, {2, 0, 10}, {2, 1, 9}, {2, 2, 5}, {2, 3, 2}}}}}};

constexpr std::array<Escape, 4> kRunc = {
    {{"CVE-2019-5736", "a container overwrites the host's runc", {{{1, 0, 0, 7}}}},
     {"CVE-2021-30465", "a race of symbolic links mounts the host's root", {{{1, 0, 0, 95}}}},
     {"CVE-2024-21626", "a leaked file descriptor is the host's root", {{{1, 1, 12}}}},
     {"CVE-2025-31133, CVE-2025-52565, CVE-2025-52881",
      "masked paths and /dev are redirected",
      {{{1, 2, 8}, {1, 3, 3}, {1, 4, 0, 3}}}}}};

// "1.6.20~ds1", "v1.7.23-k3s2", "1.4.0-rc.3", "1.0.0~rc93+ds1"; what follows is left to who asks.
std::optional<Version> parse(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  Version version;
  for (unsigned* part : {&version.major, &version.minor, &version.patch}) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), *part);
    if (failure != std::errc()) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (part == &version.patch) break;
    if (!text.starts_with('.')) return {};
    text.remove_prefix(1);
  }
  if (text.size() > 3 && text.substr(1).starts_with("rc")) {
    text.remove_prefix(text[3] == '.' ? 4 : 3);
    std::from_chars(text.data(), text.data() + text.size(), version.candidate);
  }
  return version;
}

bool is_open(const Escape& escape, const Version& version) {
  Version newest;
  for (const Version& fixed : escape.fixed) {
    if (fixed == Version{}) break;
    if (version.same_branch(fixed)) return version < fixed;
    newest = fixed;
  }
  return version < newest;
}

std::string open_ones(std::span<const Escape> escapes, const Version& version) {
  std::string out;
  for (const Escape& escape : escapes) {
    if (!is_open(escape, version)) continue;
    out.append(out.empty() ? "" : "; ").append(escape.names).append(" (").append(escape.what);
    out += ")";
  }
  return out;
}

struct Program {
  std::string_view name;
  std::string version;        // as it calls itself
  std::string package;        // "containerd 1.6.20~ds1-1+deb12u1"; "" = upstream's own build
  bool distribution = false;  // which patches without changing the number
};

Finding finding_of(const Program& program, const std::string& open) {
  Finding finding{
      std::string(code::kKnownEscape), Severity::warn, std::string(program.name), "", "", "", ""};
  const std::string named = std::string(program.name) + " " + program.version;
  if (program.distribution) {
    finding.severity = Severity::info;
    finding.message = named +
                      " is, by its number, older than the fix of published ways out of a "
                      "container; a distribution may have patched it all the same";
    finding.remedy =
        "install the distribution's security updates (apt-get update && apt-get "
        "install --only-upgrade " +
        std::string(program.name) + "), and look the package up in its security tracker";
  } else {
    finding.message = named + " has published ways out of a container";
    finding.remedy = "update " + std::string(program.name) +
                     " to the newest release of its branch, or the distribution of Kubernetes that "
                     "brings it; then restart it";
  }
  finding.evidence = program.package.empty() ? open : program.package + ": " + open;
  return finding;
}

// Debian's and Ubuntu's names of one thing. Docker's containerd.io is upstream's.
constexpr std::array<const char*, 3> kContainerdPackages = {"containerd", "containerd-app",
                                                            "containerd-stable"};
constexpr std::array<const char*, 3> kRuncPackages = {"runc", "runc-app", "runc-stable"};

std::string package_of(const InstalledPackages& packages, std::span<const char* const> names) {
  for (const char* name : names) {
    const std::string version = packages.version(name);
    if (!version.empty()) return std::string(name) + " " + version;
  }
  return {};
}

// A package manager that is not read here.
bool has_another_package_manager(const fs::path& root) {
  constexpr std::array kMarks = {"var/lib/rpm", "usr/lib/sysimage/rpm", "lib/apk/db/installed",
                                 "var/lib/pacman", "nix/store"};
  return std::ranges::any_of(kMarks, [&](const char* mark) {
    std::error_code error;
    return fs::exists(root / mark, error);
  });
}

// k3s, RKE2, MicroK8s and k0s bring upstream's along.
bool comes_with_kubernetes(std::string_view socket) {
  return socket.starts_with("/run/k3s/") || socket.starts_with("/var/snap/microk8s/") ||
         socket.starts_with("/run/k0s/");
}

Program containerd_of(const fs::path& root, const InstalledPackages& packages,
                      const ContainerdFacts& facts) {
  Program program{"containerd", facts.version, "", false};
  program.distribution = facts.version.find('~') != std::string::npos ||
                         facts.version.find("+ds") != std::string::npos ||
                         facts.version.find("ubuntu") != std::string::npos;
  if (comes_with_kubernetes(facts.socket)) return program;
  if (!facts.socket.starts_with("/run/containerd/")) {  // whose it is, nobody says
    program.distribution = true;
    return program;
  }
  program.package = package_of(packages, kContainerdPackages);
  if (!program.package.empty()) program.distribution = true;
  if (!packages.known() && has_another_package_manager(root)) program.distribution = true;
  return program;
}

}  // namespace

Findings known_escapes(const fs::path& root, const HostFacts& facts) {
  if (!facts.containerd) return {};
  Findings findings;
  const InstalledPackages packages(root);
  const auto judge = [&](const Program& program, std::span<const Escape> escapes) {
    const auto version = parse(program.version);
    const std::string open = version ? open_ones(escapes, *version) : "";
    if (!open.empty()) findings.push_back(finding_of(program, open));
  };
  judge(containerd_of(root, packages, *facts.containerd), kContainerd);
  // Of no other runc is the version known without running it.
  const std::string runc = package_of(packages, kRuncPackages);
  if (runc.empty() || !facts.containerd->socket.starts_with("/run/containerd/")) return findings;
  std::string version = runc.substr(runc.find(' ') + 1);
  if (const std::size_t epoch = version.find(':'); epoch != std::string::npos) {
    version.erase(0, epoch + 1);
  }
  judge({"runc", version, runc, true}, kRunc);
  return findings;
}

}  // namespace nodeproof::host
