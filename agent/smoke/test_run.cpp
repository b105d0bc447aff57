#include "agent/smoke/test_run.hpp"

#include <sched.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "agent/smoke/expectation.hpp"
#include "agent/smoke/file_check.hpp"

namespace nodeproof::smoke {
namespace {

using Commands = std::vector<std::vector<std::string>>;

// What sched_getaffinity(2) leaves us, and so every program we start. 0 = not known.
unsigned usable_cpus() {
  constexpr int kMostCpus = 8192;  // CONFIG_NR_CPUS's own limit
  std::vector<cpu_set_t> set(kMostCpus / CPU_SETSIZE);
  const std::size_t bytes = set.size() * sizeof(cpu_set_t);
  if (sched_getaffinity(0, bytes, set.data()) != 0) return 0;
  return static_cast<unsigned>(CPU_COUNT_S(bytes, set.data()));
}

PlannedRun command_of(const PlannedRun& test, const std::vector<std::string>& args) {
  return {.name = test.name,
          .args = args,
          .env = test.env,
          .user = test.user,
          .cwd = test.cwd,
          .timeout = test.timeout};
}

enum class Stop { at_failure, never };

// The first that failed.
std::optional<CommandRecord> run_commands(const PlannedRun& test, const Commands& commands,
                                          Stop stop, const auto& run) {
  std::optional<CommandRecord> failed;
  for (unsigned place = 0; place < commands.size(); ++place) {
    RunRecord record = run(command_of(test, commands[place]));
    if (record.state == RunState::exited && record.exit == 0) continue;
    if (!failed) failed = CommandRecord{place, std::move(record)};
    if (stop == Stop::at_failure) break;
  }
  return failed;
}

void run_repeatedly(const PlannedRun& test, TestRecord& record, const auto& run) {
  const unsigned wanted = std::max(test.repeat, 1U);
  double seconds = 0;
  unsigned runs = 0;
  while (runs < wanted && (runs == 0 || as_expected(test, record))) {
    static_cast<RunRecord&>(record) = run(test);
    seconds += record.seconds;
    ++runs;
  }
  record.runs = runs;
  record.all_seconds = seconds;
}

}  // namespace

TestRecord run_test(const PlannedRun& test, const Root& root, const RunLimits& limits) {
  TestRecord record;
  if (test.file) {
    record.file = look_at(root, *test.file);
    return record;
  }
  const unsigned cpus = test.cpus == 0 ? 0 : usable_cpus();
  if (cpus < test.cpus) {
    record.cpus = cpus;
    return record;
  }
  RunLimits small = limits;
  small.keep_bytes = std::min(limits.keep_bytes, kMaxCommandBytes);
  const auto run_command = [&](const PlannedRun& run) { return run_program(run, root, small); };
  const auto run_once = [&](const PlannedRun& run) { return run_program(run, root, limits); };
  record.before = run_commands(test, test.before, Stop::at_failure, run_command);
  if (!record.before) run_repeatedly(test, record, run_once);
  // Also after a failure, whole: it clears away what the test and its first commands left.
  record.after = run_commands(test, test.after, Stop::never, run_command);
  return record;
}

}  // namespace nodeproof::smoke
