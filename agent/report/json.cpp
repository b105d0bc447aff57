#include "agent/report/json.hpp"

#include <algorithm>

#include "agent/model_json.hpp"
#include "agent/report/overridden.hpp"
#include "agent/report/parity.hpp"
#include "agent/report/progress_json.hpp"
#include "common/clock.hpp"

namespace nodeproof::report {
namespace {

void write_labels(json::Writer& out, const NodeReport& report) {
  out.key("labels").begin_object();
  for (const auto& [name, value] : report.labels) out.member(name, value);
  out.end_object();
}

// Nothing when no layer was unpacked in this run.
void write_unpacked(json::Writer& out, const Unpacked& unpacked) {
  if (unpacked == Unpacked{}) return;
  const bool here = unpacked.by_nodeproof > 0, there = unpacked.by_containerd > 0;
  out.key("unpack").begin_object();
  out.member("by", here && there ? "both" : here ? "nodeproof" : "containerd");
  out.member("layersByNodeproof", std::uint64_t{unpacked.by_nodeproof});
  out.member("layersByContainerd", std::uint64_t{unpacked.by_containerd});
  out.key("reasons").begin_array();
  for (const std::string& reason : unpacked.reasons) out.string(reason);
  out.end_array().end_object();
}

void write_pull(json::Writer& out, const PullStats& pull) {
  out.key("pull").begin_object();
  out.member("bytes", pull.bytes);
  out.member("downloadedBytes", pull.downloaded_bytes);
  out.member("seconds", pull.seconds);
  out.member("layers", std::uint64_t{pull.layers});
  out.member("reusedLayers", std::uint64_t{pull.reused_layers});
  write_unpacked(out, pull.unpacked);
  out.end_object();
}

void write_image(json::Writer& out, const ImageReport& image) {
  out.begin_object();
  out.member("reference", image.reference);
  out.member("verdict", to_string(image.verdict));
  out.member("required", image.required);
  out.member("freshness", to_string(image.freshness));
  out.member("platform", image.platform);
  out.member("indexDigest", image.index_digest);
  out.member("manifestDigest", image.manifest_digest);
  if (!image.rootfs.empty()) out.member("rootfs", image.rootfs);
  out.member("choice", image.choice);
  write_pull(out, image.pull);
  out.key("findings");
  write_findings(out, image.findings);
  out.key("smoke");
  write_smoke_results(out, image.smoke);
  const bool tested = std::ranges::any_of(image.smoke, [](const SmokeResult& result) {
    return result.result != SmokeOutcome::skipped;
  });
  if (tested) out.member("notProven", std::vector<std::string>{std::string(kMemoryOrdering)});
  if (image.rate_limit) {
    out.key("rateLimit");
    write_rate_limit(out, *image.rate_limit);
  }
  if (image.deferred_until) out.member("deferredUntil", to_rfc3339(*image.deferred_until));
  out.end_object();
}

}  // namespace

std::string to_json(const NodeReport& report, bool pretty, const CycleProgress* cycle) {
  json::Writer out(pretty);
  out.begin_object();
  out.member("apiVersion", "nodeproof.dev/v1");
  out.member("kind", "NodeReport");
  out.member("node", report.node);
  out.member("time", to_rfc3339(report.time));
  out.member("sequence", report.sequence);
  out.member("verdict", to_string(report.verdict));
  out.member("effectiveVerdict", to_string(effective_verdict(report)));
  if (report.overridden) {
    out.key("override");
    write_override(out, *report.overridden);
  }
  out.member("reason", report.reason);
  out.member("message", report.message);
  out.member("since", to_rfc3339(report.since));
  out.member("freshness", to_string(report.freshness));
  out.member("agentVersion", report.agent_version);
  out.member("bootId", report.host.boot_id);
  out.member("configDigest", report.config_digest);
  write_labels(out, report);
  out.key("host").begin_object();
  write_host_members(out, report.host);
  out.end_object();
  out.key("findings");
  write_findings(out, report.findings);
  out.key("images").begin_array();
  for (const ImageReport& image : report.images) write_image(out, image);
  out.end_array();
  if (cycle != nullptr) {
    out.key("progress");
    write_cycle_progress(out, *cycle);
  }
  out.end_object();
  return out.str();
}

}  // namespace nodeproof::report
