#include "agent/daemon_state.hpp"

#include <algorithm>
#include <utility>

#include "agent/codes.hpp"
#include "agent/report/findings.hpp"
#include "agent/report/json.hpp"
#include "agent/report/overridden.hpp"
#include "agent/report/verdict.hpp"
#include "common/file.hpp"
#include "common/log.hpp"

namespace nodeproof {
namespace {

constexpr std::size_t kMaxReport = 16U << 20U;  // bytes

void drop_code(std::vector<Finding>& findings, std::string_view code) {
  std::erase_if(findings, [&](const Finding& finding) { return finding.code == code; });
}

NodeReport comparable(NodeReport report) {
  report.time = {};
  report.since = {};
  report.sequence = 0;
  drop_code(report.findings, code::kInUseNotRequired);
  drop_code(report.findings, code::kRequiredNotUsed);
  for (ImageReport& image : report.images) {
    image.pull = {};
    drop_code(image.findings, code::kInUseAndFailing);
    for (SmokeResult& result : image.smoke) result.seconds = 0;
  }
  return report;
}

void add_once(std::vector<Finding>& findings, const Finding& finding) {
  drop_code(findings, finding.code);
  findings.push_back(finding);
}

Finding not_checked_yet() {
  Finding finding;
  finding.code = code::kNotChecked;
  finding.severity = Severity::unknown;
  finding.message = "no check of this configuration has ended yet on this boot";
  finding.remedy = "wait for the first check to end: nodeproof wait";
  return finding;
}

}  // namespace

bool says_the_same(const NodeReport& a, const NodeReport& b) {
  return comparable(a) == comparable(b);
}

DaemonState::DaemonState(const DaemonOptions& options, std::string boot_id)
    : report_file_(options.state_dir / "report.json"),
      clean_file_(options.state_dir / "clean-exit"),
      ready_file_(options.run_dir / "ready"),
      boot_id_(std::move(boot_id)),
      overrides_(options.state_dir) {}

Result<> DaemonState::restore(const DaemonSettings& settings, Time now) {
  const bool clean = !boot_id_.empty() && read_file(clean_file_).value_or("") == boot_id_;
  TRY(remove_file(clean_file_));
  auto text = read_file(report_file_, kMaxReport);
  auto last = text ? report::from_json(*text) : Result<NodeReport>(std::unexpected(text.error()));
  if (last && clean && last->host.boot_id == boot_id_ &&
      last->config_digest == settings.config_digest) {
    report_ = *std::move(last);
    drop_code(report_.findings, code::kConfigInvalid);  // of a configuration read before
    report_.freshness = Freshness::stale;
    proven_ = true;
    return publish(false);
  }
  const std::string host_name = read_file("/proc/sys/kernel/hostname").value_or("");
  report_.node = last ? last->node : host_name.substr(0, host_name.find('\n'));
  report_.sequence = last ? last->sequence : 0;
  report_.host.boot_id = boot_id_;
  return forget(settings, now);
}

Result<> DaemonState::reconfigure(const DaemonSettings& settings, Time now) {
  return report_.config_digest == settings.config_digest ? Result<>() : forget(settings, now);
}

Result<> DaemonState::forget(const DaemonSettings& settings, Time now) {
  proven_ = false;
  report_.time = report_.since = now;
  report_.config_digest = settings.config_digest;
  report_.freshness = Freshness::stale;
  report_.verdict = Verdict::unknown;
  report_.reason = code::kNotChecked;
  report_.message = "not checked yet";
  report_.findings = {not_checked_yet()};
  report_.images.clear();
  return publish(false);
}

Result<> DaemonState::accept(NodeReport report) {
  report::continue_from(report, report_);
  const NodeReport before = std::exchange(report_, std::move(report));
  proven_ = true;
  show_config_error();  // so that these are not taken for news
  show_override();
  return publish(!says_the_same(before, report_));
}

Result<> DaemonState::accept_failure(const Finding& finding, const DaemonSettings& settings,
                                     Time now) {
  const NodeReport before = report_;
  const bool stands = proven_ && report_.config_digest == settings.config_digest;
  Finding told = finding;
  told.severity = stands ? Severity::warn : Severity::unknown;
  drop_code(report_.findings, code::kNotChecked);
  add_once(report_.findings, told);
  report_.freshness = Freshness::stale;
  report_.time = now;
  report_.sequence = before.sequence + 1;
  if (!stands) {
    report_.verdict = Verdict::unknown;
    report_.reason = told.code;
    report_.message = told.message;
    if (before.verdict != Verdict::unknown) report_.since = now;
  }
  return publish(proven_ && !says_the_same(before, report_));
}

void DaemonState::set_config_error(std::string message) {
  config_error_ = std::move(message);
  show_config_error();
}

// A cycle may have found a fault in the configuration too; that one is its own.
void DaemonState::show_config_error() {
  if (shown_config_error_) std::erase(report_.findings, *shown_config_error_);
  shown_config_error_.reset();
  if (config_error_.empty()) return;
  Finding finding =
      report::finding_from_error({Errc::invalid_config, config_error_, ""}, report::Stage::config);
  finding.severity =
      Severity::warn;  // the last good copy is in use, and what it asks for was judged
  shown_config_error_ = finding;
  report_.findings.push_back(std::move(finding));
}

void DaemonState::show_override() {
  const Moment now = moment_now(boot_id_);
  if (auto settled = overrides_.settle(now); !settled) {
    log::warning("the override that has ended: " + settled.error().message);
  }
  const auto active = overrides_.active(now);
  if (active != report_.overridden) {
    log::notice(active ? report::text_of(*active) : "no override any more: the verdict counts");
  }
  report::show_override(report_, active);
}

Result<> DaemonState::follow_override() {
  const auto before = report_.overridden;
  show_override();
  return publish(proven_ && before != report_.overridden);
}

std::optional<std::chrono::milliseconds> DaemonState::override_left() const {
  return overrides_.left(moment_now(boot_id_));
}

Result<> DaemonState::leave() {
  if (report_.verdict != Verdict::ready) TRY(remove_file(ready_file_));
  if (proven_) {
    TRY(write_file_atomically(report_file_, report::to_json(report_), 0600));
    TRY(write_file_atomically(clean_file_, boot_id_, 0600));
  }
  return {};
}

// The flag first: whoever waits for it must not see it outlive its verdict.
Result<> DaemonState::publish(bool persist) {
  show_config_error();
  show_override();
  if (report::effective_verdict(report_) == Verdict::ready) {
    const std::string why =
        report_.overridden ? report::text_of(*report_.overridden) + "; " : std::string();
    TRY(write_file_atomically(ready_file_, why + report_.message + "\n", 0644));
  } else {
    TRY(remove_file(ready_file_));
  }
  if (persist) TRY(write_file_atomically(report_file_, report::to_json(report_), 0600));
  return {};
}

}  // namespace nodeproof
