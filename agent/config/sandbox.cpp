#include <algorithm>

#include "agent/config/sections.hpp"
#include "common/amount.hpp"

namespace nodeproof::config {
namespace {

// Less, and not even the supervisor and the C library's start fit; more is no limit.
constexpr std::uint64_t kLeastMemory = 16'000'000;
constexpr std::uint64_t kMostMemory = 1ULL << 50U;
constexpr std::uint64_t kLeastPids = 16;
constexpr std::uint64_t kMostPids = 4'194'304;  // PID_MAX_LIMIT

// An absolute path without "..", "." and empty parts: what is compared by its text must have one.
bool is_canonical(std::string_view path) {
  if (path.size() < 2 || !path.starts_with('/') || path.ends_with('/')) return false;
  if (path.find('\0') != std::string_view::npos) return false;
  const std::string framed = std::string(path) + '/';
  return !framed.contains("//") && !framed.contains("/./") && !framed.contains("/../");
}

constexpr std::string_view kCanonical =
    "write an absolute path without \"..\", \".\" and a slash at its end";

Result<> read_source(const Entry& entry, SandboxMount& into) {
  into.source = TRY(entry.text());
  if (!is_canonical(into.source)) return entry.error(std::string(kCanonical));
  return {};
}

Result<> read_mount_target(const Entry& entry, SandboxMount& into) {
  into.target = TRY(entry.inside());
  if (!is_canonical(into.target)) return entry.error(std::string(kCanonical));
  return {};
}

constexpr std::array kMount = {Field<SandboxMount>{"source", read_source},
                               Field<SandboxMount>{"target", read_mount_target}};

Result<> read_mounts(const Entry& entry, Sandbox& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  for (const json::Value& item : entry.value().items()) {
    const Entry here = entry.child(item);
    SandboxMount mount;
    TRY(read_fields<SandboxMount>(here, kMount, mount));
    if (mount.source.empty()) return here.error("a mount needs a \"source\" on this host");
    if (mount.target.empty()) return here.error("a mount needs a \"target\" inside");
    if (std::ranges::find(into.mounts, mount.target, &SandboxMount::target) != into.mounts.end()) {
      return here.error("two mounts have the target " + excerpt(mount.target, 64));
    }
    into.mounts.push_back(std::move(mount));
  }
  return {};
}

Result<> read_tmpfs(const Entry& entry, Sandbox& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  for (const json::Value& item : entry.value().items()) {
    const Entry here = entry.child(item);
    into.tmpfs.push_back(TRY(here.inside()));
    if (std::ranges::count(into.tmpfs, into.tmpfs.back()) > 1) return here.error("named twice");
    if (!is_canonical(into.tmpfs.back())) return here.error(std::string(kCanonical));
  }
  return {};
}

Result<> read_devices(const Entry& entry, Sandbox& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  for (const json::Value& item : entry.value().items()) {
    const Entry here = entry.child(item);
    const std::string device = TRY(here.text());
    if (!device.starts_with("/dev/") || !is_canonical(device)) {
      return here.error("write a device of this host, such as \"/dev/nvhost-ctrl\"");
    }
    into.devices.push_back(device);
  }
  return {};
}

Result<> read_memory(const Entry& entry, Sandbox& into) {
  const std::string text = TRY(entry.text());
  const auto amount = parse_amount(text);
  if (!amount || amount->percent > 0 || amount->units < kLeastMemory ||
      amount->units > kMostMemory) {
    return entry.error("\"" + excerpt(text, 64) +
                       "\" is not an amount of memory such as \"512MB\" or \"1GiB\", from 16MB");
  }
  into.memory = amount->units;
  return {};
}

Result<> read_pids(const Entry& entry, Sandbox& into) {
  into.pids = static_cast<unsigned>(TRY(entry.number(kLeastPids, kMostPids)));
  return {};
}

constexpr std::array kSandbox = {
    Field<Sandbox>{"mounts", read_mounts},   Field<Sandbox>{"tmpfs", read_tmpfs},
    Field<Sandbox>{"devices", read_devices}, Field<Sandbox>{"runtime", text<&Sandbox::runtime>},
    Field<Sandbox>{"memory", read_memory},   Field<Sandbox>{"pids", read_pids}};

// ---- golden ----
Result<> read_report(const Entry& entry, Golden& into) {
  into.report = TRY(entry.text());
  if (into.report.empty() || into.report == "registry" || into.report.starts_with('/')) return {};
  return entry.error("write the absolute path of a report, or \"registry\"");
}

Result<> read_keys(const Entry& entry, Golden& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  for (const json::Value& item : entry.value().items()) {
    const Entry here = entry.child(item);
    into.keys.push_back(TRY(here.path()));
    if (into.keys.back().empty()) return here.error("the path of a PEM file with a public key");
  }
  return {};
}

constexpr std::array kGolden = {Field<Golden>{"report", read_report},
                                Field<Golden>{"keys", read_keys}};

}  // namespace

Result<> read_sandbox(const Entry& entry, RequiredImage& into) {
  TRY(read_fields<Sandbox>(entry, kSandbox, into.sandbox));
  for (const SandboxMount& mount : into.sandbox.mounts) {
    if (std::ranges::find(into.sandbox.tmpfs, mount.target) == into.sandbox.tmpfs.end()) continue;
    return entry.error(excerpt(mount.target, 64) + " is a mount and a tmpfs at once");
  }
  return {};
}

Result<> read_golden(const Entry& entry, RequiredImage& into) {
  TRY(read_fields<Golden>(entry, kGolden, into.golden));
  if (into.golden.report.empty() && !into.golden.keys.empty()) {
    return entry.error("\"keys\" without a \"report\"");
  }
  return {};
}

std::vector<std::string> supported_sandbox_keys() {
  std::vector<std::string> keys;
  list_keys<Sandbox>("images[].sandbox.", kSandbox, keys);
  list_keys<SandboxMount>("images[].sandbox.mounts[].", kMount, keys);
  list_keys<Golden>("images[].golden.", kGolden, keys);
  return keys;
}

}  // namespace nodeproof::config
