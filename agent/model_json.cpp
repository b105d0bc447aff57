#include "agent/model_json.hpp"

#include <array>
#include <limits>
#include <utility>

#include "agent/json_read.hpp"
#include "common/text.hpp"

namespace nodeproof {
namespace {

constexpr std::array<std::pair<Severity, std::string_view>, 4> kSeverities = {
    {{Severity::info, "info"},
     {Severity::warn, "warn"},
     {Severity::unknown, "unknown"},
     {Severity::fail, "fail"}}};

void write_finding(json::Writer& out, const Finding& finding) {
  out.begin_object();
  out.member("code", finding.code);
  out.member("severity", to_string(finding.severity));
  if (finding.lowered) {
    out.key("lowered").begin_object();
    out.member("from", to_string(finding.lowered->from)).member("why", finding.lowered->why);
    out.end_object();
  }
  out.member("subject", finding.subject);
  if (!finding.layer.empty()) out.member("layer", finding.layer);
  out.member("message", finding.message);
  out.member("evidence", finding.evidence);
  out.member("remedy", finding.remedy);
  out.end_object();
}

Result<Severity> read_severity(const json::Value& value, std::string_view key) {
  std::string severity;
  TRY(json::read(value, key, severity));
  for (const auto& [known, name] : kSeverities) {
    if (severity == name) return known;
  }
  return std::unexpected(value.wrong("a finding with severity info, warn, unknown or fail"));
}

Result<Finding> read_finding(const json::Value& value) {
  Finding finding;
  TRY(json::read(value, "code", finding.code));
  finding.severity = TRY(read_severity(value, "severity"));
  if (const json::Value* lowered = value.find("lowered")) {
    finding.lowered.emplace().from = TRY(read_severity(*lowered, "from"));
    TRY(json::read(*lowered, "why", finding.lowered->why));
  }
  TRY(json::read(value, "subject", finding.subject));
  TRY(json::read(value, "layer", finding.layer));
  TRY(json::read(value, "message", finding.message));
  TRY(json::read(value, "evidence", finding.evidence));
  TRY(json::read(value, "remedy", finding.remedy));
  return finding;
}

void write_binfmt(json::Writer& out, const std::vector<BinfmtHandler>& handlers) {
  out.begin_array();
  for (const BinfmtHandler& handler : handlers) {
    out.begin_object();
    out.member("name", handler.name);
    out.member("interpreter", handler.interpreter);
    out.member("flags", handler.flags);
    out.member("elfMachine", std::uint64_t{handler.elf_machine});
    out.member("enabled", handler.enabled);
    out.end_object();
  }
  out.end_array();
}

Result<BinfmtHandler> read_binfmt(const json::Value& value) {
  BinfmtHandler handler;
  unsigned machine = 0;
  TRY(json::read(value, "name", handler.name));
  TRY(json::read(value, "interpreter", handler.interpreter));
  TRY(json::read(value, "flags", handler.flags));
  TRY(json::read(value, "elfMachine", machine));
  TRY(json::read(value, "enabled", handler.enabled));
  if (machine > 0xFFFFU) return std::unexpected(value.wrong("an ELF machine number"));
  handler.elf_machine = static_cast<std::uint16_t>(machine);
  return handler;
}

void write_containerd(json::Writer& out, const ContainerdFacts& facts) {
  out.begin_object();
  out.member("socket", facts.socket);
  out.member("version", facts.version);
  out.member("namespace", facts.namespace_);
  out.member("snapshotter", facts.snapshotter);
  out.member("cri", facts.cri);
  out.member("systemdCgroup", facts.systemd_cgroup);
  out.member("cgroupDriverKnown", facts.cgroup_driver_known);
  out.end_object();
}

Result<ContainerdFacts> read_containerd(const json::Value& value) {
  ContainerdFacts facts;
  TRY(json::read(value, "socket", facts.socket));
  TRY(json::read(value, "version", facts.version));
  TRY(json::read(value, "namespace", facts.namespace_));
  TRY(json::read(value, "snapshotter", facts.snapshotter));
  TRY(json::read(value, "cri", facts.cri));
  TRY(json::read(value, "systemdCgroup", facts.systemd_cgroup));
  TRY(json::read(value, "cgroupDriverKnown", facts.cgroup_driver_known));
  return facts;
}

void write_kubelet(json::Writer& out, const KubeletFacts& facts) {
  out.begin_object();
  out.member("source", facts.source);
  out.member("imageGcHighPercent", std::uint64_t{facts.image_gc_high_percent});
  out.key("evictionHard").begin_object();
  for (const auto& [signal, amount] : facts.eviction_hard) out.member(signal, amount);
  out.end_object();
  out.member("pullCredentialsPolicy", facts.pull_credentials_policy);
  out.member("preloadedImagesAllowlist", facts.preloaded_images_allowlist);
  out.member("cgroupDriver", facts.cgroup_driver);
  out.end_object();
}

Result<std::map<std::string, std::string>> read_texts(const json::Value& object) {
  std::map<std::string, std::string> texts;
  for (const auto& [name, text] : object.members()) texts[name] = TRY(text.string());
  return texts;
}

Result<KubeletFacts> read_kubelet(const json::Value& value) {
  KubeletFacts facts;
  TRY(json::read(value, "source", facts.source));
  TRY(json::read(value, "imageGcHighPercent", facts.image_gc_high_percent));
  if (const json::Value* marks = value.find("evictionHard")) {
    facts.eviction_hard = TRY(read_texts(*marks));
  }
  TRY(json::read(value, "pullCredentialsPolicy", facts.pull_credentials_policy));
  TRY(json::read(value, "preloadedImagesAllowlist", facts.preloaded_images_allowlist));
  TRY(json::read(value, "cgroupDriver", facts.cgroup_driver));
  return facts;
}

Result<> read_nested_host_members(const json::Value& object, HostFacts& facts) {
  if (const json::Value* handlers = object.find("binfmt")) {
    for (const json::Value& item : handlers->items())
      facts.binfmt.push_back(TRY(read_binfmt(item)));
  }
  const json::Value* containerd = object.find("containerd");
  if (containerd != nullptr && containerd->kind() == json::Value::Kind::object) {
    facts.containerd = TRY(read_containerd(*containerd));
  }
  const json::Value* kubelet = object.find("kubelet");
  if (kubelet != nullptr && kubelet->kind() == json::Value::Kind::object) {
    facts.kubelet = TRY(read_kubelet(*kubelet));
  }
  return {};
}

constexpr std::array kOutcomes = {SmokeOutcome::passed, SmokeOutcome::failed,
                                  SmokeOutcome::skipped};

Result<SmokeResult> read_smoke_result(const json::Value& value) {
  SmokeResult result;
  TRY(json::read(value, "name", result.name));
  TRY(json::read_word<SmokeOutcome>(value, "result", kOutcomes, result.result));
  if (const json::Value* exit = value.find("exit")) {
    const std::int64_t status = TRY(exit->integer());
    if (status < std::numeric_limits<int>::min() || status > std::numeric_limits<int>::max()) {
      return std::unexpected(exit->wrong("an exit status"));
    }
    result.exit = static_cast<int>(status);
  }
  TRY(json::read(value, "signal", result.signal));
  TRY(json::read(value, "seconds", result.seconds));
  TRY(json::read(value, "stdoutSha256", result.stdout_sha256));
  TRY(json::read(value, "normalisedSha256", result.normalised_sha256));
  TRY(json::read(value, "testSha256", result.test_sha256));
  TRY(json::read(value, "reason", result.reason));
  TRY(json::read(value, "source", result.source));
  TRY(json::read(value, "runs", result.runs));
  TRY(json::read(value, "maxRss", result.max_rss));
  TRY(json::read(value, "pageFaults", result.page_faults));
  return result;
}

}  // namespace

std::string_view to_string(Severity severity) {
  for (const auto& [known, name] : kSeverities) {
    if (known == severity) return name;
  }
  return "unknown";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return "ready";
    case Verdict::unknown:
      return "unknown";
    case Verdict::not_ready:
      return "not-ready";
  }
  return "unknown";
}

std::string_view to_string(Freshness freshness) {
  switch (freshness) {
    case Freshness::current:
      return "current";
    case Freshness::stale:
      return "stale";
    case Freshness::unreachable:
      return "unreachable";
  }
  return "stale";
}

std::string_view to_string(SmokeOutcome outcome) {
  switch (outcome) {
    case SmokeOutcome::passed:
      return "passed";
    case SmokeOutcome::failed:
      return "failed";
    case SmokeOutcome::skipped:
      return "skipped";
  }
  return "skipped";
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::resolve:
      return "resolve";
    case Phase::pull:
      return "pull";
    case Phase::unpack:
      return "unpack";
    case Phase::inspect:
      return "inspect";
    case Phase::smoke:
      return "smoke";
    case Phase::done:
      return "done";
  }
  return "done";
}

void write_findings(json::Writer& out, const std::vector<Finding>& findings) {
  out.begin_array();
  for (const Finding& finding : findings) write_finding(out, finding);
  out.end_array();
}

Result<std::vector<Finding>> read_findings(const json::Value& object, std::string_view key) {
  std::vector<Finding> findings;
  const json::Value* list = object.find(key);
  if (list == nullptr) return findings;
  for (const json::Value& item : list->items()) findings.push_back(TRY(read_finding(item)));
  return findings;
}

void write_smoke_results(json::Writer& out, const std::vector<SmokeResult>& results) {
  out.begin_array();
  for (const SmokeResult& result : results) {
    out.begin_object();
    out.member("name", result.name);
    out.member("result", to_string(result.result));
    out.member("exit", std::int64_t{result.exit});
    out.member("signal", result.signal);
    out.member("seconds", result.seconds);
    out.member("stdoutSha256", result.stdout_sha256);
    out.member("normalisedSha256", result.normalised_sha256);
    if (!result.test_sha256.empty()) out.member("testSha256", result.test_sha256);
    out.member("reason", result.reason);
    if (!result.source.empty()) out.member("source", result.source);
    if (result.runs != 1) out.member("runs", std::uint64_t{result.runs});
    out.member("maxRss", result.max_rss);
    out.member("pageFaults", result.page_faults);
    out.end_object();
  }
  out.end_array();
}

Result<std::vector<SmokeResult>> read_smoke_results(const json::Value& object,
                                                    std::string_view key) {
  std::vector<SmokeResult> results;
  const json::Value* list = object.find(key);
  if (list == nullptr) return results;
  for (const json::Value& item : list->items()) results.push_back(TRY(read_smoke_result(item)));
  return results;
}

void write_host_members(json::Writer& out, const HostFacts& facts) {
  out.member("os", facts.platform.os);
  out.member("architecture", facts.platform.architecture);
  out.member("variant", facts.platform.variant);
  out.member("machine", facts.machine);
  out.member("kernelBits", std::uint64_t{facts.kernel_bits});
  out.member("userlandBits", std::uint64_t{facts.userland_bits});
  out.member("pageSize", facts.page_size);
  out.member("hwcaps", facts.hwcaps);
  out.member("isaLevel", facts.isa_level);
  out.member("vaBits", std::uint64_t{facts.va_bits});
  out.key("aarch32");
  if (facts.aarch32) {
    out.boolean(*facts.aarch32);
  } else {
    out.null();
  }
  out.member("kernelRelease", facts.kernel_release);
  out.member("board", facts.board);
  if (!facts.runc.empty()) out.member("runc", facts.runc);
  if (!facts.clone3.empty()) out.member("clone3", facts.clone3);
  if (!facts.l4t.empty()) out.member("l4t", facts.l4t);
  if (!facts.jetpack.empty()) out.member("jetpack", facts.jetpack);
  out.member("name", facts.name);
  out.member("bootId", facts.boot_id);
  out.key("binfmt");
  write_binfmt(out, facts.binfmt);
  out.member("cgroupControllers", facts.cgroup_controllers);
  out.member("cgroupV2", facts.cgroup_v2);
  out.key("containerd");
  if (facts.containerd) {
    write_containerd(out, *facts.containerd);
  } else {
    out.null();
  }
  out.key("kubelet");
  if (facts.kubelet) {
    write_kubelet(out, *facts.kubelet);
  } else {
    out.null();
  }
}

Result<HostFacts> read_host_members(const json::Value& object) {
  HostFacts facts;
  TRY(json::read(object, "os", facts.platform.os));
  TRY(json::read(object, "architecture", facts.platform.architecture));
  TRY(json::read(object, "variant", facts.platform.variant));
  TRY(json::read(object, "machine", facts.machine));
  TRY(json::read(object, "kernelBits", facts.kernel_bits));
  TRY(json::read(object, "userlandBits", facts.userland_bits));
  TRY(json::read(object, "pageSize", facts.page_size));
  TRY(json::read(object, "hwcaps", facts.hwcaps));
  TRY(json::read(object, "isaLevel", facts.isa_level));
  TRY(json::read(object, "vaBits", facts.va_bits));
  const json::Value* aarch32 = object.find("aarch32");
  if (aarch32 != nullptr && aarch32->kind() != json::Value::Kind::null) {
    facts.aarch32 = TRY(aarch32->boolean());
  }
  TRY(json::read(object, "kernelRelease", facts.kernel_release));
  TRY(json::read(object, "board", facts.board));
  TRY(json::read(object, "runc", facts.runc));
  TRY(json::read(object, "clone3", facts.clone3));
  TRY(json::read(object, "l4t", facts.l4t));
  TRY(json::read(object, "jetpack", facts.jetpack));
  TRY(json::read(object, "name", facts.name));
  TRY(json::read(object, "bootId", facts.boot_id));
  TRY(json::read(object, "cgroupControllers", facts.cgroup_controllers));
  TRY(json::read(object, "cgroupV2", facts.cgroup_v2));
  TRY(read_nested_host_members(object, facts));
  return facts;
}

void write_rate_limit(json::Writer& out, const RateLimit& limit) {
  out.begin_object();
  if (limit.limit) out.member("limit", *limit.limit);
  if (limit.remaining) out.member("remaining", *limit.remaining);
  if (limit.window) {
    out.member("windowSeconds", static_cast<std::uint64_t>(limit.window->count()));
  }
  out.end_object();
}

Result<std::optional<RateLimit>> read_rate_limit(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  if (value == nullptr) return std::optional<RateLimit>();
  RateLimit limit;
  const auto number = [&](std::string_view name) -> Result<std::optional<std::uint64_t>> {
    const json::Value* member = value->find(name);
    if (member == nullptr) return std::optional<std::uint64_t>();
    return std::optional(TRY(member->unsigned_integer()));
  };
  limit.limit = TRY(number("limit"));
  limit.remaining = TRY(number("remaining"));
  const auto seconds = TRY(number("windowSeconds"));
  if (seconds) limit.window = std::chrono::seconds(*seconds);
  return std::optional(limit);
}

std::string text_of(const RateLimit& limit) {
  std::string text = limit.remaining ? std::to_string(*limit.remaining) : "at most";
  if (limit.limit) text += (limit.remaining ? " of " : " ") + std::to_string(*limit.limit);
  text += limit.remaining ? " requests left" : " requests";
  if (!limit.window) return text;
  return text + " in " + human_seconds(static_cast<double>(limit.window->count()));
}

bool is_low(const RateLimit& limit) {
  constexpr std::uint64_t kShare = 5;
  if (!limit.remaining) return false;
  return *limit.remaining == 0 ||
         (limit.limit && *limit.remaining < *limit.limit / kShare + (*limit.limit % kShare != 0));
}

}  // namespace nodeproof
