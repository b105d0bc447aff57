#include "agent/smoke/judge.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "agent/codes.hpp"
#include "agent/smoke/instruction.hpp"
#include "agent/smoke/loader_output.hpp"
#include "agent/smoke/program.hpp"
#include "common/pattern.hpp"
#include "common/text.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::string_view kUnpackAgain =
    "remove the image with its snapshots and let it be unpacked again; pulling it again alone "
    "mends nothing";
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
    CauseWords{StartCause::no_shebang, code::kSmokeFailed,
               "is neither a program nor a script with a \"#!\" line",
               "give the script a first line such as #!/bin/sh"},
    CauseWords{StartCause::interpreter_missing, code::kLoaderMissing,
               "needs a loader or interpreter that is not in the image",
               "add it to the image, or build the program for the image's C library"},
    CauseWords{StartCause::interpreter_unusable, code::kSmokeFailed,
               "needs a loader or interpreter that the kernel cannot use",
               "put a loader of this architecture into the image, executable for the image's user"},
    CauseWords{StartCause::not_executable, code::kSmokeFailed, "may not be executed",
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

std::string hex(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  do {
    text.insert(text.begin(), kDigits[value & 15]);
    value >>= 4;
  } while (value != 0);
  return "0x" + text;
}

std::string fault_text(const Fault& fault) {
  std::string text = signal_name(fault.signal) + " at " + hex(fault.instruction);
  if (fault.signal != SIGILL) text += ", address " + hex(fault.address);
  return text +
         (fault.bytes.empty() ? ", instruction not readable" : ", instruction " + fault.bytes);
}

// The first extension that the instruction needs and this processor does not list.
std::string_view missing_extension(const Instruction& instruction, const HostFacts& host) {
  for (const std::string_view extension : instruction.extensions) {
    if (std::ranges::find(host.hwcaps, extension) == host.hwcaps.end()) return extension;
  }
  return {};
}

Judged judge_fault(const std::string& what, const RunRecord& record, const JudgeContext& context) {
  const Fault& fault = *record.fault;
  const std::string name = signal_name(fault.signal);
  std::string reason = fault.main ? "died of " + name : "a process it started died of " + name;
  Finding finding = make_finding(code::kSmokeFailed, record.program, "");
  finding.evidence = fault_text(fault);
  if (fault.signal == SIGILL) {
    const Instruction instruction = decode_instruction(native_machine(), fault.bytes);
    const std::string_view extension = missing_extension(instruction, context.host);
    if (!extension.empty()) {
      reason += ": this processor lacks " + std::string(extension);
      finding.code = code::kMissingIsaExtension;
      finding.evidence += " (" + std::string(instruction.what) + ")";
      finding.remedy =
          "take an image built for this processor, or one that asks the processor before it uses " +
          std::string(instruction.what);
    } else if (!instruction.what.empty()) {
      reason += ": " + std::string(instruction.what);
    }
  }
  finding.message = what + " " + reason;
  return failed(std::move(reason), std::move(finding));
}

Judged judge_failure(const std::string& what, const RunRecord& record, const JudgeContext& context,
                     std::string reason) {
  if (record.fault && record.fault->code > 0) return judge_fault(what, record, context);
  if (const auto problem = find_loader_problem(record.err))
    return judge_loader_message(what, *problem, record);
  Finding finding = make_finding(code::kSmokeFailed, record.program, what + " " + reason);
  finding.evidence = evidence_of(record);
  return failed(std::move(reason), std::move(finding));
}

std::string signal_reason(const RunRecord& record) {
  std::string reason = "died of " + signal_name(record.signal);
  if (record.signal == SIGKILL) reason += ", not sent by nodeproof: most often the memory limit";
  return reason;
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

struct Stream {
  std::string_view name, text, expression;
};

// nullopt = as expected.
std::optional<Judged> judge_stream(const std::string& what, const RunRecord& record,
                                   const Stream& stream) {
  if (stream.expression.empty()) return std::nullopt;
  const auto pattern = Pattern::compile(stream.expression);
  if (!pattern) {
    Finding finding = make_finding(code::kSmokeNotRun, record.program,
                                   what + ": its " + std::string(stream.name) +
                                       " cannot be judged: " + pattern.error().message);
    finding.remedy = pattern.error().remedy;
    return failed(pattern.error().message, std::move(finding));
  }
  if (pattern->found_in(stream.text)) return std::nullopt;
  std::string reason =
      "its " + std::string(stream.name) + " does not match " + printable(stream.expression, 200);
  Finding finding = make_finding(code::kSmokeFailed, record.program, what + ": " + reason);
  finding.evidence = last_lines(stream.text);
  if (finding.evidence.empty()) finding.evidence = "nothing was written";
  return failed(std::move(reason), std::move(finding));
}

Judged judge_exit(const SmokeTest& test, const RunRecord& record, const JudgeContext& context) {
  const std::string what = "test \"" + printable(test.name, 100) + "\"";
  if (record.exit != test.expect.exit) {
    return judge_failure(what, record, context, exit_reason(record.exit, test.expect.exit));
  }
  if (auto judged = judge_stream(what, record, {"output", record.out, test.expect.stdout_regex}))
    return *judged;
  if (auto judged =
          judge_stream(what, record, {"error output", record.err, test.expect.stderr_regex})) {
    return *judged;
  }
  if (!record.mapped.empty()) return judge_emulation(what, record, context);
  return {true, "", std::nullopt};
}

}  // namespace

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

std::string errno_name(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? std::string(name) : "error " + std::to_string(error);
}

Judged judge_test(const SmokeTest& test, const RunRecord& record, const JudgeContext& context) {
  const std::string what = "test \"" + printable(test.name, 100) + "\"";
  const double limit = std::chrono::duration<double>(test.timeout).count();
  switch (record.state) {
    case RunState::not_started:
      return judge_not_started(what, record);
    case RunState::timed_out:
      return judge_failure(what, record, context, "did not end within " + seconds_text(limit));
    case RunState::output_limit:
      return judge_failure(
          what, record, context,
          "wrote more than is allowed: " + human_bytes(record.out_bytes + record.err_bytes));
    case RunState::signaled:
      return judge_failure(what, record, context, signal_reason(record));
    case RunState::exited:
      return judge_exit(test, record, context);
  }
  return {};
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
    return judge_failure(what, record, context, signal_reason(record));
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
