#include "agent/smoke/supervisor.hpp"

#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>

#include "agent/smoke/compare.hpp"
#include "agent/smoke/record.hpp"
#include "agent/smoke/runner.hpp"
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

void compare_files(const Plan& plan, const Root& root) {
  std::uint64_t wrong = 0;
  for (const FileExpectation& file : plan.files) {
    const auto record = compare_file(root, file);
    if (!record) continue;
    if (wrong++ < kMaxFileRecords) answer(file_line(*record));
  }
  answer(files_line(plan.files.size(), wrong));
}

Result<Plan> load(const char* path) {
  const std::string text = TRY(read_file(path, kMaxPlanBytes));
  return parse_plan(text);
}

void execute(const Plan& plan, const Root& root) {
  const RunLimits limits{plan.keep_bytes, plan.output_limit, getpid() == 1};
  compare_files(plan, root);
  if (plan.loader) answer(loader_line(run_program(*plan.loader, root, limits)));
  for (std::size_t i = 0; i < plan.tests.size(); ++i) {
    answer(test_line(i, run_program(plan.tests[i], root, limits)));
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
  execute(*plan, *root);
  answer(kEndLine);
  return 0;
}

}  // namespace nodeproof::smoke
