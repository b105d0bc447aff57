#include "tests/unit/smoke/supervise.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "agent/smoke/supervisor.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::uint32_t kKept = 1U << CAP_DAC_READ_SEARCH | 1U << CAP_KILL | 1U << CAP_SETGID |
                                1U << CAP_SETUID | 1U << CAP_SETPCAP;

bool keep_five_capabilities() {
  for (int one = 0; prctl(PR_CAPBSET_READ, one, 0, 0, 0) >= 0; ++one) {
    const bool kept = one < 32 && ((kKept >> one) & 1) != 0;
    if (!kept && prctl(PR_CAPBSET_DROP, one, 0, 0, 0) != 0) return false;
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, 2> sets = {{{kKept, kKept, 0}, {0, 0, 0}}};
  return syscall(SYS_capset, &header, sets.data()) == 0;
}

int wait_for(pid_t pid) {
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool write_text(const std::string& path, std::string_view text) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY));
  return fd && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool refuse_ptrace() {
  std::array<sock_filter, 4> program = {
      {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
       {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_ptrace},
       {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
       {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
  const sock_fprog filter{program.size(), program.data()};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

// e_machine is at offset 18. The interpreter is opened now (F), as qemu's is, and is not to be seen
// afterwards.
bool register_emulator() {
  const std::string folder = "/proc/sys/fs/binfmt_misc", place = "/mnt";
  if (mount("none", place.c_str(), "tmpfs", 0, nullptr) != 0) return false;
  std::error_code error;
  std::filesystem::copy_file("/bin/true", place + "/emulator", error);
  if (error || mount("binfmt_misc", folder.c_str(), "binfmt_misc", 0, nullptr) != 0) return false;
  const std::string rule = ":foreign:M:18:\\x7a\\x7a::" + place + "/emulator:F";
  return write_text(folder + "/register", rule) &&
         mount("none", place.c_str(), "tmpfs", 0, nullptr) == 0;
}

// As runc does it.
bool bring_loopback_up() {
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");  // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
  if (!any || ioctl(any.get(), SIOCGIFFLAGS, &request) != 0) return false;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  return ioctl(any.get(), SIOCSIFFLAGS, &request) == 0;
}

[[noreturn]] void be_first_process(const std::string& plan, const std::string& answers,
                                   World world) {
  const int out = open(answers.c_str(), O_WRONLY | O_APPEND);
  if (mount("proc", "/proc", "proc", 0, nullptr) != 0) _exit(kNoSuchWorld);
  if (world == World::emulator && !register_emulator()) _exit(kNoSuchWorld);
  const bool ready = out >= 0 && dup2(out, 1) == 1 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                     keep_five_capabilities();
  if (!ready || (world == World::no_ptrace && !refuse_ptrace())) _exit(120);
  std::string path = plan;
  std::array<char*, 1> arguments = {path.data()};
  _exit(supervisor_main(arguments));
}

// Stops once when its new user namespace has no ids yet.
[[noreturn]] void enter_namespaces(const std::string& plan, const std::string& answers,
                                   World world) {
  const bool own_users = world == World::emulator;
  constexpr int kOwn = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET;
  if (unshare(kOwn | (own_users ? CLONE_NEWUSER : 0)) != 0) _exit(kNoSuchWorld);
  if (own_users) raise(SIGSTOP);
  if (!bring_loopback_up()) _exit(kNoSuchWorld);
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(122);
  const pid_t first = fork();
  if (first == 0) be_first_process(plan, answers, world);
  _exit(wait_for(first));
}

void give_ids(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status)) return;
  const std::string folder = "/proc/" + std::to_string(pid);
  static_cast<void>(write_text(folder + "/uid_map", "0 0 65536") &&
                    write_text(folder + "/gid_map", "0 0 65536"));
  kill(pid, SIGCONT);
}

bool can_execute(const char* program) {
  const pid_t pid = fork();
  if (pid == 0) {
    execl(program, program, "exit", "0", nullptr);
    _exit(1);
  }
  return wait_for(pid) == 0;
}

}  // namespace

std::string cannot_supervise() {
  if (geteuid() != 0) return "needs root";
  if (!can_execute(SMOKE_SUBJECT))
    return "programs of this build do not run by themselves here: emulation";
  return {};
}

Supervised supervise(const Plan& plan, World world) {
  const fakes::TempFolder folder;
  const std::string plan_file = folder.path() / "plan", answers = folder.path() / "answers";
  Supervised done;
  if (write_file_atomically(plan_file, to_json(plan), 0600) &&
      write_file_atomically(answers, "", 0600)) {
    const pid_t pid = fork();
    if (pid == 0) enter_namespaces(plan_file, answers, world);
    if (world == World::emulator) give_ids(pid);
    done.status = wait_for(pid);
    if (auto text = read_file(answers, 64 << 20)) done.answers = *std::move(text);
    if (auto records = parse_records(done.answers, plan)) done.records = *std::move(records);
  }
  return done;
}

TestRecord run_in(const Plan& plan) {
  const Supervised done = supervise(plan);
  EXPECT_EQ(done.status, 0) << done.answers;
  EXPECT_TRUE(done.records.ended) << done.answers;
  if (!done.records.tests.empty() && done.records.tests[0]) return *done.records.tests[0];
  ADD_FAILURE() << "no record: " << done.answers;
  return {};
}

TestRecord run_alone(PlannedRun planned) {
  Plan plan;
  plan.tests = {std::move(planned)};
  return run_in(plan);
}

PlannedRun subject(std::vector<std::string> arguments) {
  PlannedRun run;
  run.name = arguments.empty() ? "" : arguments[0];
  run.args = {SMOKE_SUBJECT};
  run.args.insert(run.args.end(), arguments.begin(), arguments.end());
  run.env = {"PATH=/usr/bin:/bin"};
  return run;
}

}  // namespace nodeproof::smoke
