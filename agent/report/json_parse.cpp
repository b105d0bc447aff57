#include <array>

#include "agent/json_read.hpp"
#include "agent/model_json.hpp"
#include "agent/report/json.hpp"
#include "agent/report/time.hpp"

namespace nodeproof::report {
namespace {

constexpr std::array kVerdicts = {Verdict::ready, Verdict::unknown, Verdict::not_ready};
constexpr std::array kFreshness = {Freshness::current, Freshness::stale, Freshness::unreachable};

Result<> read_time(const json::Value& object, std::string_view key,
                   std::chrono::system_clock::time_point& out) {
  const std::string text = TRY(object.string_or(key, ""));
  if (!text.empty()) out = TRY(parse_rfc3339(text));
  return {};
}

Result<std::chrono::sys_seconds> read_seconds(const json::Value& object, std::string_view key) {
  std::chrono::system_clock::time_point time;
  TRY(read_time(object, key, time));
  return std::chrono::floor<std::chrono::seconds>(time);
}

Result<Override> read_override(const json::Value& value) {
  Override given;
  given.until = TRY(read_seconds(value, "until"));
  given.since = TRY(read_seconds(value, "since"));
  TRY(json::read(value, "reason", given.reason));
  const json::Value* by = value.find("by");
  if (by == nullptr) return given;
  TRY(json::read(*by, "uid", given.uid));
  if (by->find("loginUid") != nullptr) {
    unsigned login = 0;
    TRY(json::read(*by, "loginUid", login));
    given.login_uid = login;
  }
  if (const json::Value* pid = by->find("pid")) given.pid = TRY(pid->integer());
  return given;
}

Result<Unpacked> read_unpacked(const json::Value& pull) {
  Unpacked unpacked;
  const json::Value* value = pull.find("unpack");
  if (value == nullptr) return unpacked;
  TRY(json::read(*value, "layersByNodeproof", unpacked.by_nodeproof));
  TRY(json::read(*value, "layersByContainerd", unpacked.by_containerd));
  TRY(json::read(*value, "reasons", unpacked.reasons));
  return unpacked;
}

Result<PullStats> read_pull(const json::Value& image) {
  PullStats pull;
  const json::Value* value = image.find("pull");
  if (value == nullptr) return pull;
  TRY(json::read(*value, "bytes", pull.bytes));
  TRY(json::read(*value, "downloadedBytes", pull.downloaded_bytes));
  TRY(json::read(*value, "seconds", pull.seconds));
  TRY(json::read(*value, "layers", pull.layers));
  TRY(json::read(*value, "reusedLayers", pull.reused_layers));
  pull.unpacked = TRY(read_unpacked(*value));
  return pull;
}

Result<ImageReport> read_image(const json::Value& value) {
  ImageReport image;
  TRY(json::read(value, "reference", image.reference));
  TRY(json::read_word<Verdict>(value, "verdict", kVerdicts, image.verdict));
  TRY(json::read(value, "required", image.required));
  TRY(json::read_word<Freshness>(value, "freshness", kFreshness, image.freshness));
  TRY(json::read(value, "platform", image.platform));
  TRY(json::read(value, "indexDigest", image.index_digest));
  TRY(json::read(value, "manifestDigest", image.manifest_digest));
  TRY(json::read(value, "rootfs", image.rootfs));
  TRY(json::read(value, "choice", image.choice));
  image.pull = TRY(read_pull(value));
  image.findings = TRY(read_findings(value, "findings"));
  image.smoke = TRY(read_smoke_results(value, "smoke"));
  image.rate_limit = TRY(read_rate_limit(value, "rateLimit"));
  std::string deferred;
  TRY(json::read(value, "deferredUntil", deferred));
  if (!deferred.empty()) {
    image.deferred_until = std::chrono::floor<std::chrono::seconds>(TRY(parse_rfc3339(deferred)));
  }
  return image;
}

Result<> read_labels(const json::Value& document, NodeReport& report) {
  const json::Value* labels = document.find("labels");
  if (labels == nullptr) return {};
  for (const auto& [name, value] : labels->members()) {
    report.labels.emplace_back(name, TRY(value.string()));
  }
  return {};
}

Result<> read_head(const json::Value& document, NodeReport& report) {
  TRY(json::read(document, "node", report.node));
  TRY(read_time(document, "time", report.time));
  TRY(json::read(document, "sequence", report.sequence));
  TRY(json::read_word<Verdict>(document, "verdict", kVerdicts, report.verdict));
  if (const json::Value* given = document.find("override")) {
    report.overridden = TRY(read_override(*given));
  }
  TRY(json::read(document, "reason", report.reason));
  TRY(json::read(document, "message", report.message));
  TRY(read_time(document, "since", report.since));
  TRY(json::read_word<Freshness>(document, "freshness", kFreshness, report.freshness));
  TRY(json::read(document, "agentVersion", report.agent_version));
  TRY(json::read(document, "configDigest", report.config_digest));
  return read_labels(document, report);
}

}  // namespace

Result<NodeReport> from_json(std::string_view text) {
  const json::Value document = TRY(json::parse(text, {.max_bytes = 16U << 20U}));
  const std::string api = TRY(document.string_or("apiVersion", ""));
  const std::string kind = TRY(document.string_or("kind", ""));
  if (api != "nodeproof.dev/v1" || kind != "NodeReport") {
    return fail(Errc::invalid_document, "not a nodeproof.dev/v1 NodeReport document");
  }
  NodeReport report;
  TRY(read_head(document, report));
  if (const json::Value* host = document.find("host")) {
    report.host = TRY(read_host_members(*host));
  }
  TRY(json::read(document, "bootId", report.host.boot_id));
  report.findings = TRY(read_findings(document, "findings"));
  if (const json::Value* images = document.find("images")) {
    for (const json::Value& item : images->items()) report.images.push_back(TRY(read_image(item)));
  }
  return report;
}

}  // namespace nodeproof::report
