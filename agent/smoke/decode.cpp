#include "agent/smoke/decode.hpp"

#include <algorithm>
#include <array>

#include "agent/codes.hpp"
#include "agent/smoke/file_findings.hpp"
#include "agent/smoke/judge.hpp"
#include "agent/smoke/judge_fault.hpp"
#include "agent/smoke/judge_kinds.hpp"
#include "common/text.hpp"

namespace nodeproof::smoke {
namespace {

struct RuntimeMessage {
  std::string_view part;  // of containerd's or runc's text
  std::string_view says, remedy;
};

// runc 1.1 .. 1.3 and containerd 1.6 .. 2.x.
constexpr std::array kRuntimeMessages = {
    RuntimeMessage{"/dev/.nodeproof/", "the container does not see nodeproof's own program",
                   "install nodeproof at a path that containerd's mount namespace shows"},
    RuntimeMessage{"tmpcopyup",
                   "what the image has in a VOLUME (or in /run, /tmp) does not fit into the "
                   "container's temporary copy of it",
                   "give that path a mount or a tmpfs of its own in the image's \"sandbox\""},
    RuntimeMessage{"no space left on device", "no space is left for the container's snapshot",
                   "free space on containerd's file system"},
    RuntimeMessage{"cgroup", "the container's cgroup could not be made",
                   "compare containerd's cgroup driver with the one found by `nodeproof host`"},
    RuntimeMessage{"seccomp", "the container's seccomp filter was refused",
                   "update runc and libseccomp, or use a kernel with seccomp filters"},
    RuntimeMessage{"runc: executable file not found", "containerd finds no runc", "install runc"},
    RuntimeMessage{"exec format error",
                   "nodeproof's own program is of another architecture than this host",
                   "install the nodeproof of this architecture"},
};

Finding not_run(std::string message, std::string evidence, std::string remedy) {
  return {.code = std::string(code::kSmokeNotRun),
          .severity = Severity::unknown,
          .subject = "smoke container",
          .layer = {},
          .message = std::move(message),
          .evidence = std::move(evidence),
          .remedy = std::move(remedy)};
}

void add_files(const DecodeInput& input, SmokeReport& report) {
  const auto& records = input.records.files;
  for (std::size_t i = 0; i < std::min(records.size(), kMaxFileFindings); ++i) {
    const auto wanted =
        std::ranges::find(input.plan.files, records[i].path, &FileExpectation::path);
    report.findings.push_back(file_finding(records[i], *wanted, input.image));
  }
  const std::uint64_t wrong = std::max<std::uint64_t>(input.records.files_wrong, records.size());
  if (!report.findings.empty()) note_more(report.findings.back(), wrong, kMaxFileFindings);
}

// One finding per cause and subject: five tests of one broken program say it once.
void add_finding(SmokeReport& report, Finding finding) {
  const bool known = std::ranges::any_of(report.findings, [&](const Finding& other) {
    return other.code == finding.code && other.subject == finding.subject &&
           other.severity == finding.severity;
  });
  if (!known || finding.code == code::kSmokeFailed) report.findings.push_back(std::move(finding));
}

SmokeResult skipped(const SmokeTest& test, std::string reason) {
  SmokeResult result;
  result.name = test.name;
  result.source = test.source;
  result.reason = std::move(reason);
  result.runs = 0;
  return result;
}

SmokeResult result_of(const SmokeTest& test, const TestRecord& record, const Judged& judged) {
  SmokeResult result = skipped(test, judged.reason);
  const bool unknown = judged.finding && judged.finding->severity == Severity::unknown;
  result.result = judged.passed ? SmokeOutcome::passed
                  : unknown     ? SmokeOutcome::skipped
                                : SmokeOutcome::failed;
  if (record.state == RunState::exited) result.exit = record.exit;
  if (record.signal != 0) result.signal = signal_name(record.signal);
  result.seconds = record.all_seconds;
  result.stdout_sha256 = record.stdout_sha256;
  result.normalised_sha256 = normalised_sha256(record);
  result.runs = record.runs;
  result.max_rss = record.max_rss_kib * 1024;
  result.page_faults = record.page_faults;
  return result;
}

std::string end_reason(const DecodeInput& input) {
  if (!input.records.problem.empty())
    return "the supervisor in the container: " + printable(input.records.problem);
  if (input.records.deadline || input.exit.timed_out) return "the container did not end in time";
  if (input.records.files_wrong > 0) return std::string(kDamaged);
  if (input.exit.out_of_memory) return "the container's memory limit ended its supervisor";
  return "the supervisor in the container ended early, status " + std::to_string(input.exit.status);
}

void add_end(const DecodeInput& input, SmokeReport& report) {
  const std::string reason = end_reason(input);
  for (SmokeResult& result : report.results) {
    if (result.result == SmokeOutcome::skipped && result.reason.empty()) result.reason = reason;
  }
  const bool all_told = std::ranges::all_of(
      input.records.tests,
      [](const std::optional<TestRecord>& record) { return record.has_value(); });
  if (input.records.ended && (all_told || input.records.files_wrong > 0)) return;
  report.findings.push_back(
      not_run(reason, printable(input.records.noise, 300),
              "try again; if it stays so, run `nodeproof check -v` and look at containerd's log"));
}

// Of a dry run that is not understood nothing is left to know once the tests have passed.
void add_loader(const DecodeInput& input, SmokeReport& report) {
  if (!input.records.loader) return;
  Judged judged = judge_loader(input.program, *input.records.loader, {input.host, input.emulation});
  if (!judged.finding) return;
  const auto passed = [](const SmokeResult& result) {
    return result.result == SmokeOutcome::passed;
  };
  const bool proven = !report.results.empty() && std::ranges::all_of(report.results, passed);
  if (proven && judged.finding->severity == Severity::unknown)
    judged.finding->severity = Severity::info;
  add_finding(report, *std::move(judged.finding));
}

}  // namespace

SmokeReport decode(const DecodeInput& input) {
  SmokeReport report;
  const JudgeContext context{input.host, input.emulation};
  add_files(input, report);
  for (std::size_t i = 0; i < input.tests.size(); ++i) {
    const auto& record = input.records.tests[i];
    if (!record) {
      report.results.push_back(skipped(input.tests[i], ""));
      continue;
    }
    Judged judged = judge_kind(input.tests[i], *record, context);
    report.results.push_back(result_of(input.tests[i], *record, judged));
    if (judged.finding) add_finding(report, *std::move(judged.finding));
  }
  add_loader(input, report);
  add_end(input, report);
  return report;
}

SmokeReport decode_not_run(const std::vector<SmokeTest>& tests, const Error& error) {
  SmokeReport report;
  std::string message = "the smoke container did not run: ", remedy = error.remedy;
  const auto known = std::ranges::find_if(kRuntimeMessages, [&](const RuntimeMessage& one) {
    return error.message.find(one.part) != error.message.npos;
  });
  if (known != kRuntimeMessages.end()) {
    message += known->says;
    remedy = known->remedy;
  } else {
    message += printable(error.message, 300);
  }
  if (remedy.empty()) remedy = "look at containerd's log";
  for (const SmokeTest& test : tests) report.results.push_back(skipped(test, message));
  report.findings.push_back(
      not_run(std::move(message), printable(error.message, 500), std::move(remedy)));
  return report;
}

Finding not_executed() {
  return {.code = std::string(code::kNotExecuted),
          .severity = Severity::info,
          .subject = {},
          .layer = {},
          .message =
              "nothing of this image was executed: its program is static and no test is declared",
          .evidence = {},
          .remedy = "declare a smoke test, such as the program's --version"};
}

}  // namespace nodeproof::smoke
