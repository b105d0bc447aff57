#include "common/subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "common/file.hpp"

namespace nodeproof {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMaxInput = 4096;  // fits the smallest pipe there is, so nothing blocks
constexpr std::size_t kMaxErrors = 4096;
constexpr int kSignalled = 128;
constexpr milliseconds kNextLook{20};  // for a program that closed its outputs and lives on

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

struct Start {
  char* const* argv;
  char* const* environment;
  std::array<int, 3> standard;  // what becomes its 0, 1 and 2; all above 2
  int failure;                  // where errno goes when it does not start
  pid_t parent;
};

// Between fork and exec: async-signal-safe calls only (signal-safety(7)).
[[noreturn]] void become(const Start& start) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  bool ready = getppid() == start.parent && chdir("/") == 0;  // it may have died before the prctl
  for (int fd = 0; const int source : start.standard) {
    ready = ready && dup2(source, fd) == fd;
    ++fd;
  }
  // The failure pipe closes itself at exec.
  ready = ready && dup2(start.failure, 3) == 3 && fcntl(3, F_SETFD, FD_CLOEXEC) == 0;
  if (ready) {
    close_descriptors_from(4);
    execve(start.argv[0], start.argv, start.environment);
  }
  const int reason = errno;
  const auto ignored = write(ready ? 3 : start.failure, &reason, sizeof reason);
  static_cast<void>(ignored);
  _exit(kSignalled - 1);
}

// Above 2 and, with the failure pipe on 3, above 3, so that no dup2 overwrites another.
Result<UniqueFd> lifted(const UniqueFd& fd) {
  const int copy = fcntl(fd.get(), F_DUPFD_CLOEXEC, 4);
  if (copy < 0) return fail_errno(errno, "a descriptor");
  return UniqueFd(copy);
}

struct Child {
  pid_t pid = -1;
  UniqueFd output, errors;
};

Result<Child> start(const Command& command) {
  Pipe input = TRY(make_pipe());
  if (command.input.size() > kMaxInput ||
      write(input.write.get(), command.input.data(), command.input.size()) !=
          static_cast<ssize_t>(command.input.size())) {
    return fail(Errc::internal, "the input of " + command.argv[0] + " does not fit");
  }
  input.write.reset();
  Pipe output = TRY(make_pipe());
  Pipe errors = TRY(make_pipe());
  Pipe failure = TRY(make_pipe());
  const UniqueFd in = TRY(lifted(input.read));
  UniqueFd out = TRY(lifted(output.write));
  UniqueFd err = TRY(lifted(errors.write));
  UniqueFd failed = TRY(lifted(failure.write));
  const auto argv = pointers(command.argv);
  const auto environment = pointers(command.environment);
  const Start how{
      argv.data(), environment.data(), {in.get(), out.get(), err.get()}, failed.get(), getpid()};
  const pid_t pid = fork();
  if (pid < 0) return fail_errno(errno, "starting " + command.argv[0]);
  if (pid == 0) become(how);
  setpgid(pid, pid);  // in both, so that a kill of the group is never too early
  for (UniqueFd* end : {&output.write, &errors.write, &failure.write, &out, &err, &failed}) {
    end->reset();
  }
  int reason = 0;
  ssize_t got = 0;
  while ((got = read(failure.read.get(), &reason, sizeof reason)) < 0 && errno == EINTR) {
  }
  if (got > 0) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return fail_errno(reason, command.argv[0]);
  }
  return Child{pid, std::move(output.read), std::move(errors.read)};
}

// A running program and what it has said so far. Its end is the end of its whole group.
class Running {
 public:
  Running(const Command& command, Child child)
      : command_(command), child_(std::move(child)), deadline_(Clock::now() + command.timeout) {
    fcntl(child_.output.get(), F_SETFL, O_NONBLOCK);
    fcntl(child_.errors.get(), F_SETFL, O_NONBLOCK);
  }
  ~Running() {
    if (child_.pid > 0) end_all();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  Result<Finished> finish(const std::stop_token& stop) {
    const UniqueFd stopped(eventfd(0, EFD_CLOEXEC));
    if (!stopped) return fail_errno(errno, "eventfd");
    const std::stop_callback wake(stop, [&] { eventfd_write(stopped.get(), 1); });
    for (;;) {
      const bool dead = has_died();
      TRY(take());
      if (dead) break;
      if (stop.stop_requested()) return fail(Errc::cancelled, "stopped while " + name() + " ran");
      if (Clock::now() >= deadline_) {
        return fail(Errc::timeout, name() + " gave no answer within " +
                                       std::to_string(command_.timeout.count()) + " ms");
      }
      wait(stopped.get());
    }
    finished_.exit_status = end_all();
    return std::move(finished_);
  }

 private:
  [[nodiscard]] const std::string& name() const { return command_.argv[0]; }

  // It stays a zombie, so that its group's number is not given away.
  [[nodiscard]] bool has_died() const {
    siginfo_t info{};
    const int done =
        waitid(P_PID, static_cast<id_t>(child_.pid), &info, WEXITED | WNOHANG | WNOWAIT);
    return (done == 0 && info.si_pid == child_.pid) || (done != 0 && errno == ECHILD);
  }

  void wait(int stopped) {
    std::array<pollfd, 3> fds{pollfd{child_.output.get(), POLLIN, 0},
                              pollfd{child_.errors.get(), POLLIN, 0}, pollfd{stopped, POLLIN, 0}};
    auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
    if (!child_.output && !child_.errors) left = std::min(left, kNextLook);
    // A program may also end while another one holds its outputs.
    left = std::clamp(left, milliseconds(0), 10 * kNextLook);
    poll(fds.data(), fds.size(), static_cast<int>(left.count()));
  }

  Result<> take() {
    if (!take_from(child_.output, finished_.output, command_.max_output)) {
      return fail(Errc::too_large, name() + " answered with more than " +
                                       std::to_string(command_.max_output) + " bytes");
    }
    take_from(child_.errors, finished_.errors, kMaxErrors);
    return {};
  }

  // False when there was more than fits, which is dropped.
  static bool take_from(UniqueFd& fd, std::string& text, std::size_t most) {
    std::array<char, 4096> buffer{};
    bool fits = true;
    // A program that never stops writing must not keep the deadline waiting.
    for (int rounds = 0; fd && rounds < 64; ++rounds) {
      const ssize_t size = read(fd.get(), buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && errno == EAGAIN) break;
      if (size <= 0) {
        fd.reset();
        break;
      }
      const auto room = std::min(most - text.size(), static_cast<std::size_t>(size));
      text.append(buffer.data(), room);
      fits = fits && room == static_cast<std::size_t>(size);
    }
    return fits;
  }

  int end_all() {
    kill(-child_.pid, SIGKILL);
    int status = 0;
    while (waitpid(child_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    child_.pid = -1;
    return WIFSIGNALED(status) ? kSignalled + WTERMSIG(status) : WEXITSTATUS(status);
  }

  const Command& command_;
  Child child_;
  const Clock::time_point deadline_;
  Finished finished_;
};

}  // namespace

void close_descriptors_from(int first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
  constexpr rlim_t kMost = 1 << 20;
  rlimit files{kMost, kMost};
  getrlimit(RLIMIT_NOFILE, &files);  // Linux before 5.9
  const auto highest = static_cast<int>(std::min(files.rlim_max, kMost));
  for (int fd = first; fd < highest; ++fd) close(fd);
}

Result<Finished> run_command(const Command& command, const std::stop_token& stop) {
  if (command.argv.empty() || !command.argv[0].starts_with('/')) {
    return fail(Errc::internal, "a program without an absolute path");
  }
  Running running(command, TRY(start(command)));
  return running.finish(stop);
}

}  // namespace nodeproof
