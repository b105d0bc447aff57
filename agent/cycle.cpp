#include "agent/cycle.hpp"

#include <utility>

#include "agent/host/host.hpp"
#include "agent/image_cycle.hpp"
#include "agent/pull_options.hpp"
#include "agent/report/findings.hpp"
#include "agent/report/verdict.hpp"
#include "common/version.hpp"

namespace nodeproof {
namespace {

HostFacts read_facts(const CycleConfig& config, Ports& ports, const std::stop_token& stop) {
  HostFacts host = host::read_host(config.host_root);
  if (auto facts = ports.runtime.facts(stop)) {
    host.containerd = *std::move(facts);
  } else {
    host.findings.push_back(report::finding_from_error(facts.error(), report::Stage::host));
  }
  return host;
}

NodeReport describe(const CycleConfig& config, const HostFacts& host, const Clock& clock) {
  const config::Config& settings = config.settings;
  NodeReport report;
  report.node = settings.node.name.empty() ? host.name : settings.node.name;
  report.time = report.since = clock.now();
  report.agent_version = build_info().version;
  report.config_digest = config::config_digest(settings);
  report.labels.assign(settings.node.labels.begin(), settings.node.labels.end());
  report.host = host;
  report.findings = host.findings;
  return report;
}

}  // namespace

NodeReport run_cycle(const CycleConfig& config, Ports& ports, const std::stop_token& stop) {
  const HostFacts host = read_facts(config, ports, stop);
  NodeReport report = describe(config, host, ports.clock);
  if (auto swept = ports.runtime.sweep(stop); !swept) {
    Finding leftovers =
        report::finding_from_error(swept.error(), report::Stage::smoke, "leftovers");
    // Of an earlier run: they take nothing away from what is proven in this one.
    if (swept.error().code != Errc::cancelled) leftovers.severity = Severity::warn;
    report.findings.push_back(std::move(leftovers));
  }
  ImageCycle cycle(config, host, ports);
  std::vector<const RequiredImage*> images;
  for (const RequiredImage& image : config.settings.images) {
    if (applies(image.when, host)) images.push_back(&image);
  }
  report.images = cycle.run(images, stop);
  const auto warn_of = [&](const Result<>& done, const char* subject) {
    if (done) return;
    Finding finding = report::finding_from_error(done.error(), report::Stage::host, subject);
    finding.severity = Severity::warn;
    report.findings.push_back(std::move(finding));
  };
  if (!config.ad_hoc && !stop.stop_requested()) {
    cycle.release_unclaimed();
    warn_of(cycle.keep_pins(images), "pins");
  }
  warn_of(cycle.save_polls(), "polls");
  report::conclude(report);
  return report;
}

}  // namespace nodeproof
