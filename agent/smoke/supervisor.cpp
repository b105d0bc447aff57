#include "agent/smoke/supervisor.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "agent/smoke/clone3.hpp"
#include "agent/smoke/compare.hpp"
#include "agent/smoke/file_list.hpp"
#include "agent/smoke/record.hpp"
#include "agent/smoke/runner.hpp"
#include "agent/smoke/spec.hpp"
#include "agent/smoke/test_run.hpp"
#include "common/file.hpp"

namespace nodeproof::smoke {
namespace {

constexpr int kExitUsage = 64, kExitPlan = 65, kExitDeadline = 75;

void answer(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = write(STDOUT_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody hears us any more; the container ends soon
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

// With us, as PID 1, the kernel ends everything else in the container.
void on_deadline(int, siginfo_t* info, void*) {
  if (info->si_code != SI_KERNEL) return;  // a test of user 0 may send us signals
  if (write(STDOUT_FILENO, kDeadlineLine.data(), kDeadlineLine.size()) < 0) _exit(kExitDeadline);
  _exit(kExitDeadline);
}

void set_deadline(std::chrono::milliseconds deadline) {
  struct sigaction action{};
  action.sa_sigaction = on_deadline;  // PID 1 has no default actions
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  itimerval timer{};
  timer.it_value.tv_sec = deadline.count() / 1000;
  timer.it_value.tv_usec = (deadline.count() % 1000) * 1000;
  setitimer(ITIMER_REAL, &timer, nullptr);
}

// Not to be looked into by what we run; children of children come to us; SIGCHLD is read, not
// delivered.
void settle() {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

// What is compared, and what was found so far.
struct Comparing {
  const Root& root;
  std::uint64_t compared = 0, wrong = 0;
  std::optional<unsigned> lowest = {};

  void take(const FileExpectation& file, std::optional<std::uint64_t> place) {
    ++compared;
    auto record = compare_file(root, file);
    if (!record) return;
    record->place = place;
    if (place) lowest = std::min(lowest.value_or(file.layer), file.layer);
    if (wrong++ < kMaxFileRecords) answer(file_line(*record));
  }
};

// Of the calling thread alone: whoever has work to do comes first, on the disk and on the
// processor.
void step_back() {
  constexpr int kThisThread = 1, kIdleClass = 3, kClassShift = 13;  // linux/ioprio.h
  static_cast<void>(setpriority(PRIO_PROCESS, 0, 19));
  static_cast<void>(syscall(SYS_ioprio_set, kThisThread, 0, kIdleClass << kClassShift));
}

Result<> compare_listed(Comparing& comparing) {
  Result<> done;
  std::jthread([&] {
    step_back();
    std::uint64_t place = 0;
    done = read_list(std::string(kListInside), [&](const FileExpectation& file) -> Result<> {
      comparing.take(file, place++);
      return {};
    });
  }).join();
  return done;
}

// How many are wrong.
std::uint64_t compare_files(const Plan& plan, const Root& root) {
  Comparing comparing{root};
  for (const FileExpectation& file : plan.files) comparing.take(file, {});
  if (plan.listed) {
    if (auto done = compare_listed(comparing); !done) answer(problem_line(done.error().message));
  }
  answer(files_line(comparing.compared, comparing.wrong, comparing.lowest));
  return comparing.wrong;
}

Result<Plan> load(const char* path) {
  const std::string text = TRY(read_file(path, kMaxPlanBytes));
  return parse_plan(text);
}

void execute(const Plan& plan, const Root& root) {
  const RunLimits limits{plan.keep_bytes, plan.output_limit, getpid() == 1};
  // A damaged program's failure would be taken for another fault than it is.
  if (compare_files(plan, root) > 0) return;
  if (plan.loader) answer(loader_line(run_program(*plan.loader, root, limits)));
  for (std::size_t i = 0; i < plan.tests.size(); ++i) {
    answer(test_line(i, run_test(plan.tests[i], root, limits)));
  }
}

}  // namespace

int supervisor_main(std::span<char* const> args) {
  if (args.size() != 1) return kExitUsage;
  settle();
  const auto plan = load(args[0]);
  const auto root = Root::open("/");
  if (!plan || !root) {
    answer(problem_line((plan ? root.error() : plan.error()).message));
    return kExitPlan;
  }
  set_deadline(plan->deadline);
  answer(clone3_line(try_clone3()));
  execute(*plan, *root);
  answer(kEndLine);
  return 0;
}

}  // namespace nodeproof::smoke
