#include "agent/smoke/judge.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <utility>

#include "agent/codes.hpp"
#include "agent/smoke/judge_fault.hpp"
#include "agent/smoke/loader_output.hpp"
#include "common/text.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::string_view kUnpackAgain =
    "nodeproof repair IMAGE unpacks it again; pulling it again alone mends nothing";
constexpr std::string_view kBuildForThis =
    "build this image's variant with programs of this architecture";
constexpr std::string_view kLookAtProgram =
    "run the test's command in the image by hand and mend what it reports";

struct CauseWords {
  StartCause cause;
  std::string_view code, says, remedy;
};

constexpr std::array kCauseWords = {
    CauseWords{StartCause::file_missing, code::kSmokeFailed, "is not in the image",
               "correct the test's command, or add the program to the image"},
    CauseWords{StartCause::file_empty, code::kFileCorrupt, "is an empty file", kUnpackAgain},
    CauseWords{StartCause::file_zeroed, code::kFileCorrupt, "holds only zero bytes", kUnpackAgain},
    CauseWords{StartCause::file_truncated, code::kFileCorrupt, "is a program that ends too early",
               kUnpackAgain},
    CauseWords{StartCause::wrong_architecture, code::kArchMismatch,
               "is built for another architecture", kBuildForThis},
    CauseWords{StartCause::no_shebang, code::kNotExecutable,
               "is neither a program nor a script with a \"#!\" line",
               "give the script a first line such as #!/bin/sh"},
    CauseWords{StartCause::interpreter_missing, code::kLoaderMissing,
               "needs a loader or interpreter that is not in the image",
               "add it to the image, or build the program for the image's C library"},
    CauseWords{StartCause::interpreter_unusable, code::kSmokeFailed,
               "needs a loader or interpreter that the kernel cannot use",
               "put a loader of this architecture into the image, executable for the image's user"},
    CauseWords{StartCause::not_mapped, code::kPageSizeIncompatible,
               "cannot be mapped with this kernel's pages",
               "relink it with -z max-page-size=65536, or boot a kernel with 4 KiB pages"},
    CauseWords{StartCause::not_executable, code::kNotExecutable, "may not be executed",
               "give the file execute permission for the image's user"},
    CauseWords{StartCause::user_unknown, code::kSmokeFailed,
               "cannot be started as the image's user",
               "add the user to the image's /etc/passwd and /etc/group, or name it by number"},
    CauseWords{StartCause::cwd_unusable, code::kSmokeFailed,
               "cannot be started in the image's working directory",
               "correct the image's WorkingDir"},
    CauseWords{StartCause::sandbox, code::kSmokeNotRun, "could not be sandboxed",
               "look at the host's kernel log and at containerd's version"},
    CauseWords{StartCause::other, code::kSmokeFailed, "was refused by the kernel", kLookAtProgram},
};

std::string seconds_text(double seconds) { return human_seconds(seconds); }

// The last lines that say something, made harmless.
std::string last_lines(std::string_view text) {
  constexpr int kLines = 3;
  std::string found;
  for (int lines = 0; lines < kLines && !text.empty();) {
    const std::size_t start = text.find_last_of('\n');
    const std::string line = printable(text.substr(start == text.npos ? 0 : start + 1), 200);
    if (!line.empty()) {
      found = found.empty() ? line : line + " | " + found;
      ++lines;
    }
    text = text.substr(0, start == text.npos ? 0 : start);
  }
  return found;
}

struct Ending {
  std::string_view code;
  std::string reason;
};

std::string evidence_of(const RunRecord& record) {
  if (std::string lines = last_lines(record.err); !lines.empty()) return lines;
  return last_lines(record.out);
}

Finding make_finding(std::string_view code, const std::string& subject, std::string message) {
  return {.code = std::string(code),
          .severity = code == code::kSmokeNotRun ? Severity::unknown : Severity::fail,
          .subject = printable(subject),
          .layer = {},
          .message = std::move(message),
          .evidence = {},
          .remedy = std::string(kLookAtProgram)};
}

Judged failed(std::string reason, Finding finding) {
  return {false, std::move(reason), std::move(finding)};
}

Judged judge_not_started(const std::string& what, const RunRecord& record) {
  const auto words = std::ranges::find(kCauseWords, record.cause, &CauseWords::cause);
  const CauseWords& found = words == kCauseWords.end() ? kCauseWords.back() : *words;
  const std::string program = printable(record.program);
  std::string reason = program + " " + std::string(found.says);
  if (!record.detail.empty()) reason += ": " + printable(record.detail);
  Finding finding = make_finding(found.code, record.program, what + " did not start: " + reason);
  if (record.error != 0) finding.evidence = "execve: " + errno_name(record.error);
  finding.remedy = found.remedy;
  return failed(std::move(reason), std::move(finding));
}

Judged judge_loader_message(const std::string& what, const LoaderProblem& problem,
                            const RunRecord& record) {
  Finding finding =
      make_finding(problem.code, problem.subject.empty() ? record.program : problem.subject,
                   what + ": " + problem.message);
  finding.evidence = problem.evidence;
  finding.remedy = problem.remedy;
  return failed(problem.message, std::move(finding));
}

Judged judge_fault(const std::string& what, FaultWords words, const RunRecord& record) {
  Finding finding = make_finding(words.code, record.program, what + " " + words.reason);
  finding.evidence = std::move(words.evidence);
  if (!words.remedy.empty()) finding.remedy = std::move(words.remedy);
  return failed(std::move(words.reason), std::move(finding));
}

bool ended_by_oom(const RunRecord& record) { return record.cgroup.oom_kills > 0; }

// The limit is the test's own, as its timeout is; a host that has no memory left proves nothing.
Finding memory_finding(const std::string& what, const RunRecord& record) {
  const CgroupEvents& events = record.cgroup;
  const bool limit = events.at_limit && events.memory_limit != 0;
  Finding finding =
      make_finding(limit ? code::kOutOfMemory : code::kSmokeNotRun, record.program, what + ": ");
  finding.message += limit ? "killed by the memory limit of " + human_bytes(events.memory_limit) +
                                 " (sandbox.memory)"
                           : "killed because this host has no memory left";
  finding.evidence = "memory.events: oom_kill " + std::to_string(events.oom_kills);
  finding.remedy = limit ? "raise the image's sandbox.memory if the program needs more"
                         : "free memory on this host, and check again";
  return finding;
}

Judged judge_memory(const std::string& what, const RunRecord& record) {
  Finding finding = memory_finding(what, record);
  std::string reason = finding.message.substr(what.size() + 2);
  return failed(std::move(reason), std::move(finding));
}

Judged judge_emulation(const std::string& what, const RunRecord& record,
                       const JudgeContext& context);

// The closest known cause; how the run ended (ending, reason) is the last resort.
Judged judge_failure(const std::string& what, const RunRecord& record, const JudgeContext& context,
                     Ending ending) {
  if (ended_by_oom(record)) return judge_memory(what, record);
  std::optional<FaultWords> fault;
  if (record.fault && record.fault->code > 0) fault = explain_fault(*record.fault, context.host);
  if (fault && fault->code == code::kMissingIsaExtension)
    return judge_fault(what, *std::move(fault), record);
  if (const auto problem = find_loader_problem(record.err))
    return judge_loader_message(what, *problem, record);
  if (!record.mapped.empty() && context.emulation == Emulation::refuse)
    return judge_emulation(what, record, context);
  if (fault) return judge_fault(what, *std::move(fault), record);
  if (record.cgroup.refused_forks > 0) {
    ending = {code::kProcessLimit, "was refused more processes than its limit (sandbox.pids); " +
                                       std::move(ending.reason)};
  }
  Finding finding = make_finding(ending.code, record.program, what + " " + ending.reason);
  finding.evidence = evidence_of(record);
  return failed(std::move(ending.reason), std::move(finding));
}

// Of a signal without siginfo: sent by the program itself, or seen without ptrace.
Ending signal_ending(const RunRecord& record) {
  constexpr std::array kCrashes = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
  Ending ending{code::kSmokeFailed, "died of " + signal_name(record.signal)};
  if (std::ranges::find(kCrashes, record.signal) != kCrashes.end())
    ending.code = code::kProgramCrashed;
  if (record.signal == SIGSYS) ending.code = code::kSyscallRefused;
  if (record.signal == SIGABRT) ending.reason += ": it aborted";
  if (record.signal == SIGKILL) {
    ending.reason += ", not sent by nodeproof";
    if (!record.cgroup.memory_known) ending.reason += ": most often the memory limit";
  }
  return ending;
}

std::string exit_reason(int exit, int expected) {
  std::string reason =
      "ended with " + std::to_string(exit) + ", expected " + std::to_string(expected);
  if (exit == 126) reason += " (a shell's word for a program it could not execute)";
  if (exit == 127) reason += " (a shell's or loader's word for something it did not find)";
  if (exit > 128 && exit < 128 + NSIG) {
    reason += " (a shell's word for a program that died of " + signal_name(exit - 128) + ")";
  }
  return reason;
}

Judged judge_emulation(const std::string& what, const RunRecord& record,
                       const JudgeContext& context) {
  Finding finding = make_finding(code::kWouldRunEmulated, record.program,
                                 what + " ran under emulation, not on this processor");
  finding.evidence = "mapped instead of the program: " + printable(record.mapped);
  finding.remedy =
      "take an image of this architecture, or set the image's \"emulation\" to \"allow\"";
  if (context.emulation == Emulation::warn) finding.severity = Severity::warn;
  if (context.emulation == Emulation::allow) finding.severity = Severity::info;
  const bool refused = context.emulation == Emulation::refuse;
  return {!refused, refused ? "ran under emulation" : "", std::move(finding)};
}

}  // namespace

std::string errno_name(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? std::string(name) : "error " + std::to_string(error);
}

Judged judge_mismatch(const std::string& what, const std::string& subject,
                      const Mismatch& mismatch) {
  Finding finding = make_finding(mismatch.unknown ? code::kSmokeNotRun : code::kSmokeFailed,
                                 subject, what + ": " + mismatch.reason);
  finding.evidence = last_lines(mismatch.text);
  if (finding.evidence.empty() && !mismatch.unknown) finding.evidence = "nothing was written";
  if (!mismatch.remedy.empty()) finding.remedy = mismatch.remedy;
  return failed(mismatch.reason, std::move(finding));
}

Judged judge_output(const std::string& what, const SmokeExpectation& expect,
                    const RunRecord& record, const JudgeContext& context) {
  if (const auto found = output_mismatch(expect, record))
    return judge_mismatch(what, record.program, *found);
  if (!record.mapped.empty()) return judge_emulation(what, record, context);
  if (!ended_by_oom(record)) return {true, "", std::nullopt};
  Finding finding = memory_finding(what + " passed, but a process of it", record);
  if (finding.severity == Severity::fail) finding.severity = Severity::warn;
  return {finding.severity == Severity::warn, "", std::move(finding)};
}

Judged judge_end(const std::string& what, const RunRecord& record, const JudgeContext& context,
                 std::string reason) {
  const bool signaled = record.state == RunState::signaled;
  return judge_failure(
      what, record, context,
      {signaled ? signal_ending(record).code : code::kSmokeFailed, std::move(reason)});
}

Judged judge_test(const SmokeTest& test, const RunRecord& record, const JudgeContext& context) {
  return judge_run("test \"" + printable(test.name, 100) + "\"", test, record, context);
}

Judged judge_run(const std::string& what, const SmokeTest& test, const RunRecord& record,
                 const JudgeContext& context) {
  const double limit = std::chrono::duration<double>(test.timeout).count();
  switch (record.state) {
    case RunState::not_started:
      return judge_not_started(what, record);
    case RunState::timed_out:
      return judge_failure(what, record, context,
                           {code::kTimedOut, "did not end within " + seconds_text(limit)});
    case RunState::output_limit:
      return judge_failure(
          what, record, context,
          {code::kOutputLimit,
           "wrote more than is allowed: " + human_bytes(record.out_bytes + record.err_bytes)});
    case RunState::signaled:
      return judge_failure(what, record, context, signal_ending(record));
    case RunState::exited:
      break;
  }
  if (record.exit == test.expect.exit) return judge_output(what, test.expect, record, context);
  return judge_failure(what, record, context,
                       {code::kSmokeFailed, exit_reason(record.exit, test.expect.exit)});
}

Judged judge_loader(const std::string& program, const RunRecord& record,
                    const JudgeContext& context) {
  const std::string what = "the loader's dry run of " + printable(program);
  if (record.state == RunState::not_started) {
    Judged judged = judge_not_started(what, record);
    if (record.cause == StartCause::file_missing) {
      judged.finding->code = code::kLoaderMissing;
      judged.finding->remedy =
          "add the loader to the image, or build the program for the image's C library";
    }
    return judged;
  }
  if (record.state == RunState::signaled)
    return judge_failure(what, record, context, signal_ending(record));
  const auto said = find_loader_problem(record.err);
  const auto listed = said ? said : find_loader_problem(record.out);
  if (listed) return judge_loader_message(what, *listed, record);
  if (record.state == RunState::exited && record.exit == 0) {
    if (!record.mapped.empty()) return judge_emulation(what, record, context);
    return {true, "", std::nullopt};
  }
  std::string reason = record.state == RunState::exited
                           ? "ended with " + std::to_string(record.exit)
                           : "did not come to an end";
  Finding finding = make_finding(code::kSmokeNotRun, program, what + " " + reason);
  finding.evidence = evidence_of(record);
  finding.remedy = "declare a smoke test, such as the program's --version";
  return failed(std::move(reason), std::move(finding));
}

}  // namespace nodeproof::smoke
