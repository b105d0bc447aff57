#include "agent/cycle.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "agent/certificates.hpp"
#include "agent/codes.hpp"
#include "agent/host/host.hpp"
#include "agent/image_cycle.hpp"
#include "agent/image_report.hpp"
#include "agent/in_use.hpp"
#include "agent/prepull/pins.hpp"
#include "agent/pull_options.hpp"
#include "agent/report/findings.hpp"
#include "agent/report/verdict.hpp"
#include "agent/required_set.hpp"
#include "agent/scrub.hpp"
#include "agent/smoke/clone3.hpp"
#include "agent/smoke/container.hpp"
#include "common/file.hpp"
#include "common/version.hpp"

namespace nodeproof {
namespace {

// An answer holds for the boot: a machine that is too busy to give it a second time would void
// every proof.
class KeptAnswer {
 public:
  KeptAnswer(const CycleConfig& config, const HostFacts& host)
      : file_(config.run_dir / "aarch32"), yes_(host.boot_id + " yes"), no_(host.boot_id + " no") {}

  [[nodiscard]] std::optional<bool> read() const {
    const std::string text = read_file(file_).value_or("");
    if (text == yes_) return true;
    return text == no_ ? std::optional(false) : std::nullopt;
  }
  void keep(const std::optional<bool>& answer) const {
    if (!answer || answer == read()) return;
    // Without it the next cycle asks again.
    static_cast<void>(write_file_atomically(file_, *answer ? yes_ : no_));
  }

 private:
  std::filesystem::path file_;
  std::string yes_, no_;
};

NodeReport describe(const CycleConfig& config, const HostFacts& host, const Clock& clock) {
  const config::Config& settings = config.settings;
  NodeReport report;
  report.node = settings.node.name.empty() ? host.name : settings.node.name;
  report.time = report.since = clock.now();
  report.agent_version = build_info().version;
  report.config_digest =
      config.config_digest.empty() ? config::config_digest(settings) : config.config_digest;
  report.labels.assign(settings.node.labels.begin(), settings.node.labels.end());
  report.host = host;
  report.findings = host.findings;
  append(report.findings, expiring_certificates(settings, report.time));
  append(report.findings, config.findings);
  return report;
}

using Settled = std::function<bool(const ImageReport&)>;

// Lists what containerd has; whose image changes nothing of what is proven. Without `settled` these
// images are not all that this node needs.
Result<> note_use(const Ports& ports, NodeReport& report, const Settled& settled,
                  const std::stop_token& stop) {
  const auto& containerd = report.host.containerd;
  if (ports.chains == nullptr || !containerd || stop.stop_requested()) return {};
  const bool kubelet = containerd->namespace_ == prepull::kCriNamespace;
  const InUse use = TRY(look_at_use(*ports.chains, kubelet, stop));
  note_failing(report.images, use);
  if (!settled) return {};
  append(report.findings, not_required(report.images, use));
  append(report.findings, not_used(report.images, use, settled));
  return {};
}

}  // namespace

report::Leniency leniency_of(const config::Config& settings) {
  return report::make_leniency(settings.accept, settings.rule_set).value_or(report::Leniency{});
}

HostFacts read_facts(const CycleConfig& config, Ports& ports, const std::stop_token& stop) {
  HostFacts host = host::read_host(config.host_root);
  if (config.host_root == "/") {
    const KeptAnswer aarch32(config, host);
    host.aarch32 = aarch32.read();
    host::probe(host);
    aarch32.keep(host.aarch32);
  }
  if (auto facts = ports.runtime.facts(stop)) {
    host.containerd = *std::move(facts);
  } else {
    host.findings.push_back(report::finding_from_error(facts.error(), report::Stage::host));
  }
  host::diagnose(host, config.host_root, config.settings.host.kernel.require);
  host.clone3 = smoke::kept_clone3(config.run_dir / "smoke", host);
  return host;
}

NodeReport run_cycle(const CycleConfig& config, Ports& ports, const std::stop_token& stop) {
  const HostFacts host = read_facts(config, ports, stop);
  NodeReport report = describe(config, host, ports.clock);
  if (auto swept = ports.runtime.sweep(stop); !swept) {
    Finding leftovers =
        report::finding_from_error(swept.error(), report::Stage::smoke, "leftovers");
    // Of an earlier run: they take nothing away from what is proven in this one.
    if (swept.error().code != Errc::cancelled) leftovers.severity = Severity::warn;
    if (swept.error().code == Errc::io) leftovers.code = code::kSmokeLeftovers;
    report.findings.push_back(std::move(leftovers));
  }
  smoke::remove_work_files(config.run_dir / "smoke");
  ImageCycle cycle(config, host, ports);
  const auto images = required_here(config.settings.images, host);
  report.images = cycle.run(images, stop);
  report.host.clone3 = smoke::kept_clone3(config.run_dir / "smoke", host);
  if (auto refused = smoke::threads_refused(report.host)) report.findings.push_back(*refused);
  for (ImageReport& image : report.images) {
    append(image.findings, scrub_findings(config, image));
    append(image.findings, required_by(config.origins, image.reference));
  }
  const auto warn_of = [&](const Result<>& done, const char* subject) {
    if (done) return;
    Finding finding = report::finding_from_error(done.error(), report::Stage::host, subject);
    finding.severity = Severity::warn;
    report.findings.push_back(std::move(finding));
  };
  const Settled settled = [&](const ImageReport& image) { return cycle.is_settled(image); };
  warn_of(note_use(ports, report, config.ad_hoc ? Settled() : settled, stop), "containers");
  if (!config.ad_hoc && !stop.stop_requested()) {
    cycle.release_unclaimed();
    warn_of(cycle.keep_pins(images), "pins");
  }
  warn_of(cycle.save_polls(), "polls");
  const report::Leniency leniency = leniency_of(config.settings);
  const auto now = ports.clock.now();
  for (ImageReport& image : report.images) {
    report::ease(image.findings, image.reference, leniency, now);
  }
  report::ease(report.findings, "", leniency, now);
  std::ranges::move(report::ended_acceptances(leniency, now), std::back_inserter(report.findings));
  report::conclude(report);
  return report;
}

}  // namespace nodeproof
