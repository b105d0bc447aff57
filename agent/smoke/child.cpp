#include "agent/smoke/child.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace nodeproof::smoke {
namespace {

constexpr int kExitNotStarted = 127;
constexpr int kReport = 3;  // where the report pipe goes, right behind the standard streams

[[noreturn]] void give_up(ChildStep step) {
  const ChildFailure failure{step, errno};
  if (write(kReport, &failure, sizeof(failure)) < 0) _exit(kExitNotStarted);
  _exit(kExitNotStarted);
}

void require(ChildStep step, bool done) {
  if (!done) give_up(step);
}

// The descriptors of the child: 0 = its input or /dev/null, 1, 2, and the report pipe, which execve
// closes.
void arrange_files(const ChildSetup& setup) {
  const int report = fcntl(setup.report, F_DUPFD_CLOEXEC, kReport + 3);
  const int out = fcntl(setup.out, F_DUPFD_CLOEXEC, kReport + 3);
  const int err = fcntl(setup.err, F_DUPFD_CLOEXEC, kReport + 3);
  const int in = setup.in < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC)
                              : fcntl(setup.in, F_DUPFD_CLOEXEC, kReport + 3);
  dup3(report, kReport, O_CLOEXEC);
  require(ChildStep::sandbox, report >= 0 && out >= 0 && err >= 0 && in >= 0);
  require(ChildStep::sandbox, dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2);
  if (syscall(SYS_close_range, kReport + 1, ~0U, 0) == 0) return;
  rlimit limit{};  // Linux before 5.9
  getrlimit(RLIMIT_NOFILE, &limit);
  const int most = limit.rlim_cur < 65536 ? static_cast<int>(limit.rlim_cur) : 65536;
  for (int fd = kReport + 1; fd < most; ++fd) close(fd);
}

// Dispositions and the mask survive execve; the program must find them as a shell would give them.
void reset_signals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// When memory is short a test goes before the supervisor and before anything that runs on the host.
void offer_to_oom_killer() {
  const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  const ssize_t written = write(file, "1000", 4);
  static_cast<void>(written);  // refused: then the kernel chooses by size
  close(file);
}

void drop_bounding_set() {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    require(ChildStep::sandbox, prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0);
  }
}

void become_user(const User& user) {
  require(ChildStep::user, syscall(SYS_setgroups, user.groups.size(), user.groups.data()) == 0);
  require(ChildStep::user, setresgid(user.gid, user.gid, user.gid) == 0);
  require(ChildStep::user, setresuid(user.uid, user.uid, user.uid) == 0);
}

void drop_capabilities() {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0,
        0);  // absent before Linux 4.3: nothing to clear
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  require(ChildStep::sandbox, syscall(SYS_capset, &header, none) == 0);
  require(ChildStep::sandbox, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

void become(const ChildSetup& setup) {
  const std::vector<char*> args = pointers(setup.args), env = pointers(setup.env);
  setsid();
  arrange_files(setup);
  reset_signals();
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  umask(022);
  offer_to_oom_killer();
  require(ChildStep::cwd, chdir(setup.cwd.c_str()) == 0);
  drop_bounding_set();
  become_user(setup.user);
  drop_capabilities();
  // Refused where Yama or a seccomp profile says so; the run is then only less explained.
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0) raise(SIGSTOP);
  execve(setup.program.c_str(), args.data(), env.data());
  give_up(ChildStep::exec);
}

}  // namespace nodeproof::smoke
