#include "agent/daemon_state.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "agent/codes.hpp"
#include "agent/report/findings.hpp"
#include "agent/report/json.hpp"
#include "agent/report/overridden.hpp"
#include "agent/report/verdict.hpp"
#include "common/file.hpp"
#include "common/log.hpp"
#include "common/version.hpp"

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

// Reports without news are not on the disk: what a new run numbers is above all that the one before
// it can have numbered, so that a receiver can tell a replayed report. A disk that keeps nothing
// gives the same report at each start; the clock counts on.
std::uint64_t beyond(std::uint64_t sequence, DaemonState::Time now) {
  constexpr std::uint64_t kOfOneRun = 1U << 20U;
  const auto clock = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  return std::max((sequence / kOfOneRun + 1) * kOfOneRun,
                  static_cast<std::uint64_t>(clock.count()));
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

Finding finding_of_failure(const Error& error) {
  if (error.code != Errc::internal) return report::finding_from_error(error, report::Stage::host);
  Finding finding;
  finding.code = code::kCycleCrashed;
  finding.severity = Severity::unknown;
  finding.message = error.message;
  finding.remedy = "see the service's journal; the next check is made by itself";
  return finding;
}

std::chrono::milliseconds until_deferred(const NodeReport& report, bool failed) {
  constexpr std::chrono::milliseconds kAtLeast = std::chrono::seconds(1);
  const auto now = std::chrono::system_clock::now();
  auto wait = std::chrono::milliseconds::max();
  for (const ImageReport& image : report.images) {
    if (!image.deferred_until || (failed && *image.deferred_until <= now)) continue;
    wait =
        std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(*image.deferred_until - now));
  }
  return std::max(wait, kAtLeast);
}

DaemonState::DaemonState(const DaemonOptions& options, std::string boot_id)
    : clean_file_(options.run_dir / "clean-exit"),
      ready_file_(options.run_dir / "ready"),
      state_dir_(options.state_dir),
      report_file_(options.state_dir / "report.json", kMaxReport,
                   [](std::string_view text) { return report::from_json(text).has_value(); }),
      boot_id_(std::move(boot_id)),
      overrides_(options.state_dir) {}

// The mark goes before anything else happens: a daemon that crashes has left none.
bool DaemonState::take_clean_mark() {
  const std::string mark = read_file(clean_file_).value_or("");
  const std::size_t line = std::min(mark.find('\n'), mark.size());
  const bool clean = !boot_id_.empty() && mark.substr(0, line) == boot_id_;
  checked_ = moment_now(boot_id_).since_boot;  // an earlier version does not say when
  std::chrono::milliseconds::rep checked = 0;
  const char* const end = mark.data() + mark.size();
  if (line < mark.size() && std::from_chars(mark.data() + line + 1, end, checked).ptr == end) {
    checked_ = std::chrono::milliseconds(checked);
  }
  const auto removed = remove_file(clean_file_);
  take_note("the mark of its stop", removed);
  return clean && removed;
}

void DaemonState::restore(const DaemonSettings& settings, Time now) {
  const bool clean = take_clean_mark();
  auto text = report_file_.read();
  auto last = text ? report::from_json(*text) : Result<NodeReport>(std::unexpected(text.error()));
  if (last && clean && last->host.boot_id == boot_id_ &&
      last->config_digest == settings.config_digest) {
    report_ = *std::move(last);
    drop_code(report_.findings, code::kConfigInvalid);  // of a configuration read before
    drop_code(report_.findings, code::kStateNotKept);   // of a disk as it was then
    report_.freshness = Freshness::stale;
    ++report_.sequence;
    proven_ = true;
    return publish(false);
  }
  const std::string host_name = read_file("/proc/sys/kernel/hostname").value_or("");
  report_.node = last ? last->node : host_name.substr(0, host_name.find('\n'));
  report_.sequence = last ? beyond(last->sequence, now) : 0;
  report_.host.boot_id = boot_id_;
  forget(settings, now);
}

void DaemonState::reconfigure(const DaemonSettings& settings, Time now) {
  if (report_.config_digest == settings.config_digest) return;
  ++report_.sequence;  // another content is another report
  forget(settings, now);
}

void DaemonState::forget(const DaemonSettings& settings, Time now) {
  proven_ = false;
  report_.time = report_.since = now;
  report_.config_digest = settings.config_digest;
  if (!settings.node.empty()) report_.node = settings.node;
  report_.labels = settings.labels;
  report_.agent_version = build_info().version;
  report_.freshness = Freshness::stale;
  report_.verdict = Verdict::unknown;
  report_.reason = code::kNotChecked;
  report_.message = "not checked yet";
  report_.findings = {not_checked_yet()};
  report_.images.clear();
  publish(false);
}

void DaemonState::accept(NodeReport report) {
  report::continue_from(report, report_);
  const NodeReport before = std::exchange(report_, std::move(report));
  proven_ = true;
  checked_ = moment_now(boot_id_).since_boot;
  shown_.clear();
  show_override();  // so that these are not taken for news
  show_own_findings();
  publish(!says_the_same(before, report_));
}

void DaemonState::accept_failure(const Finding& finding, const DaemonSettings& settings, Time now) {
  const NodeReport before = report_;
  const auto age = moment_now(boot_id_).since_boot - checked_;  // the wall clock may be set
  const bool in_time = settings.stale_after.count() == 0 || age <= settings.stale_after;
  const bool stands = proven_ && report_.config_digest == settings.config_digest && in_time;
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
  show_override();  // behind the failure, as at rest
  show_own_findings();
  publish(proven_ && !says_the_same(before, report_));
}

void DaemonState::set_config_error(std::string message) {
  config_error_ = std::move(message);
  renew_own_findings();
}

void DaemonState::set_not_kept(const std::string& what, std::string why) {
  if (why.empty()) {
    not_kept_.erase(what);
  } else {
    not_kept_[what] = std::move(why);
  }
  renew_own_findings();
}

// Another content is another report.
void DaemonState::renew_own_findings() {
  const std::vector<Finding> before = shown_;
  show_own_findings();
  if (shown_ != before) ++report_.sequence;
}

// The journal hears of it once.
void DaemonState::take_note(const std::string& what, const Result<>& done) {
  const std::string why = done ? "" : done.error().message;
  const auto known = not_kept_.find(what);
  if (!why.empty() && (known == not_kept_.end() || known->second != why)) {
    log::error(what + " is not kept: " + why);
  }
  set_not_kept(what, why);
}

// A cycle may have found a fault in the configuration too; that one is its own.
void DaemonState::show_own_findings() {
  for (const Finding& finding : std::exchange(shown_, {})) std::erase(report_.findings, finding);
  if (!config_error_.empty()) {
    shown_.push_back(report::finding_from_error({Errc::invalid_config, config_error_, ""},
                                                report::Stage::config));
  }
  if (!not_kept_.empty()) {
    Finding& finding = shown_.emplace_back();
    finding.code = code::kStateNotKept;
    finding.subject = state_dir_.string();
    for (const auto& [what, why] : not_kept_) {
      finding.message += (finding.message.empty() ? "" : "; ") + what + " is not kept: " + why;
    }
    finding.remedy = "free space on its file system, or make it writable again";
  }
  // The last good copy is in use, and what it asks for was judged; what is proven is proven.
  for (Finding& finding : shown_) finding.severity = Severity::warn;
  report_.findings.insert(report_.findings.end(), shown_.begin(), shown_.end());
}

void DaemonState::show_override() {
  const Moment now = moment_now(boot_id_);
  take_note("that an override has ended", overrides_.settle(now));
  const auto active = overrides_.active(now);
  if (active != report_.overridden) {
    log::notice(active ? report::text_of(*active) : "no override any more: the verdict counts");
  }
  report::show_override(report_, active);
}

void DaemonState::follow_override() {
  const auto before = report_.overridden;
  show_override();
  if (before != report_.overridden) ++report_.sequence;
  publish(proven_ && before != report_.overridden);
}

std::optional<std::chrono::milliseconds> DaemonState::override_left() const {
  return overrides_.left(moment_now(boot_id_));
}

void DaemonState::leave(bool managed) {
  if (!managed || report_.verdict != Verdict::ready)
    take_note("the ready flag", remove_file(ready_file_));
  if (!proven_ || !managed) return;
  auto left = report_file_.write(report::to_json(report_), 0600);
  if (left) {
    const std::string mark = boot_id_ + "\n" + std::to_string(checked_.count());
    left = write_file_atomically(clean_file_, mark, 0600);
  }
  take_note("the verdict", left);
}

Result<> DaemonState::write_flag() const {
  if (report::effective_verdict(report_) != Verdict::ready) return remove_file(ready_file_);
  const std::string why =
      report_.overridden ? report::text_of(*report_.overridden) + "; " : std::string();
  return write_file_atomically(ready_file_, why + report_.message + "\n", 0644);
}

// The flag first: whoever waits for it must not see it outlive its verdict.
void DaemonState::publish(bool news) {
  is_on_disk_ = is_on_disk_ && !news;
  show_override();
  take_note("the ready flag", write_flag());
  if (is_on_disk_) return;
  const auto kept = report_file_.write(report::to_json(report_), 0600);
  is_on_disk_ = kept.has_value();
  take_note("the report", kept);
}

}  // namespace nodeproof
