#include "agent/daemon_spawn.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "common/subprocess.hpp"

namespace nodeproof {
namespace {

constexpr int kExecFailed = 127;

// Between fork and exec: async-signal-safe calls only (signal-safety(7)).
[[noreturn]] void become(char* const* argv, int output, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kExecFailed);  // it died before the prctl
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
    _exit(kExecFailed);
  close_descriptors_from(STDERR_FILENO + 1);
  execv(argv[0], argv);
  _exit(kExecFailed);
}

}  // namespace

Result<SpawnedChild> spawn_child(const std::vector<std::string>& argv) {
  if (argv.empty()) return fail(Errc::internal, "no command for a cycle");
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  fcntl(read_end.get(), F_SETFL, O_NONBLOCK);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail_errno(errno, "starting a cycle");
  if (pid == 0) become(arguments.data(), write_end.get(), parent);
  setpgid(pid, pid);  // in both, so that a kill of the group is never too early
  return SpawnedChild{pid, std::move(read_end)};
}

}  // namespace nodeproof
