#include "agent/smoke/runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string_view>
#include <vector>

#include "agent/smoke/capture.hpp"
#include "agent/smoke/child.hpp"
#include "agent/smoke/health_check.hpp"
#include "agent/smoke/service.hpp"
#include "agent/smoke/spec.hpp"
#include "agent/smoke/trace.hpp"

namespace nodeproof::smoke {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kGrace{5};  // for what was killed to be gone

struct Pipe {
  UniqueFd read, write;
};

// ours: 0 = we read, 1 = we write; that end does not block. The image's user may open the other one
// anew, as /dev/stdout or /dev/stdin: many images' log files are links to it.
Pipe make_pipe(unsigned ours = 0) {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  if (fchmod(ends[0], ours == 0 ? 0622 : 0644) != 0) return {UniqueFd(ends[0]), UniqueFd()};
  fcntl(ends.at(ours), F_SETFL, O_NONBLOCK);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd child_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  return UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Of every process that we have reaped: whatever a test starts comes to us in the end.
std::uint64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt) + static_cast<std::uint64_t>(usage.ru_majflt);
}

class Run {
 public:
  Run(const PlannedRun& planned, const Root& root, const RunLimits& limits)
      : planned_(planned), root_(root), limits_(limits) {}

  RunRecord go() {
    if (prepare() && launch()) {
      watch();
      conclude();
    }
    return std::move(record_);
  }

 private:
  bool refuse(StartCause cause, int error, std::string detail) {
    record_.cause = cause;
    record_.error = error;
    record_.detail = std::move(detail);
    return false;
  }

  bool prepare() {
    if (planned_.args.empty())
      return refuse(StartCause::file_missing, ENOENT, "the image names no program to start");
    record_.program = locate_program(planned_, root_);
    if (!record_.program.starts_with('/'))
      return refuse(StartCause::file_missing, ENOENT, "not in PATH");
    auto user = resolve_user(planned_.user, root_);
    if (!user) return refuse(StartCause::user_unknown, 0, user.error().message);
    user_ = *std::move(user);
    return true;
  }

  bool launch() {
    Pipe out = make_pipe(), err = make_pipe(), report = make_pipe(), in;
    if (!planned_.input.empty()) in = make_pipe(1);
    signals_ = child_signals();
    if (!out.read || !err.read || !report.read || !signals_ ||
        (!planned_.input.empty() && !in.read))
      return refuse(StartCause::sandbox, errno, "making pipes");
    const ChildSetup setup{record_.program, planned_.args,   planned_.env,    planned_.cwd,
                           user_,           out.write.get(), err.write.get(), report.write.get(),
                           in.read.get()};
    const Executable expected = follow_shebangs(root_, record_.program);
    begin_ = Clock::now();
    main_ = fork();
    if (main_ < 0) return refuse(StartCause::sandbox, errno, "fork");
    if (main_ == 0) become(setup);
    trace_.emplace(main_, root_, expected, user_);
    out_.emplace(std::move(out.read), limits_.keep_bytes, true);
    err_.emplace(std::move(err.read), limits_.keep_bytes, false);
    report_ = std::move(report.read);
    in_ = std::move(in.write);
    unread_ = planned_.input;
    if (planned_.service && planned_.service->port != 0) probe_.emplace(*planned_.service, begin_);
    if (planned_.service && !planned_.service->check.empty()) {
      check_.emplace(HealthCheck::Beside{planned_, user_, root_, *trace_}, begin_);
    }
    return true;
  }

  void watch() {
    Clock::time_point limit = begin_ + planned_.timeout;
    while (!done()) {
      if (is_up() && !stopping_ && !main_ended_ && !killed_) {
        stop_service();
        limit = Clock::now() + kStopGrace;
      }
      if (check_ && check_->hopeless() && !killed_) limit = Clock::now();
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Clock::now());
      if (left.count() <= 0 && killed_) return;  // not even SIGKILL helps: the container's end will
      if (left.count() <= 0) {
        if (!main_ended_) ran_out_of_time();
        limit = Clock::now() + kGrace;
        kill_all();
        continue;
      }
      wait_for_something(static_cast<int>(left.count()));
      if (killed_) kill_all();  // also what was forked meanwhile
      const bool flood = out_->bytes() + err_->bytes() > limits_.output_limit;
      if (!killed_ && flood) record_.state = RunState::output_limit;
      if (!killed_ && (flood || main_ended_)) {
        limit = Clock::now() + kGrace;
        kill_all();
      }
    }
  }

  // A process that was killed may come to its end after main; its pipe ends close then.
  [[nodiscard]] bool done() const {
    return main_ended_ && childless_ && out_->fd() < 0 && err_->fd() < 0;
  }

  [[nodiscard]] bool is_up() const {
    return planned_.service && (!probe_ || probe_->up()) && (!check_ || check_->up());
  }

  // To its main process alone, as container engines do.
  void stop_service() {
    stopping_ = true;
    if (probe_) probe_->close();
    kill(main_, planned_.service->stop_signal);
  }

  void ran_out_of_time() {
    if (stopping_) {
      ignored_stop_ = true;
      return;
    }
    if (probe_) listening_ = listening_here();
    record_.state = RunState::timed_out;
  }

  [[nodiscard]] bool probing() const { return probe_ && !probe_->up() && !main_ended_ && !killed_; }

  [[nodiscard]] bool checking() const {
    return check_ && !check_->up() && !main_ended_ && !killed_;
  }

  static int sooner(int milliseconds, Clock::time_point next) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    return std::clamp(static_cast<int>(left.count()), 0, milliseconds);
  }

  void wait_for_something(int milliseconds) {
    std::array<pollfd, 7> fds{{{signals_.get(), POLLIN, 0},
                               {out_->fd(), POLLIN, 0},
                               {err_->fd(), POLLIN, 0},
                               {report_.get(), POLLIN, 0},
                               {in_.get(), POLLOUT, 0},
                               {-1, 0, 0},
                               {-1, 0, 0}}};
    if (probing()) {
      milliseconds = sooner(milliseconds, probe_->next());
      fds[5] = probe_->wanted();
    }
    if (checking()) {
      milliseconds = sooner(milliseconds, check_->next());
      fds[6] = check_->wanted();
    }
    constexpr int kOften = 50;  // a signal that was merged with another is not waited for
    if (killed_ && milliseconds > kOften) milliseconds = kOften;
    poll(fds.data(), fds.size(), milliseconds);
    signalfd_siginfo ignored{};
    while (read(signals_.get(), &ignored, sizeof(ignored)) > 0) continue;
    if (fds[1].revents != 0) out_->read_some();
    if (fds[2].revents != 0) err_->read_some();
    if (fds[4].revents != 0) feed();
    if (probing()) probe_->step(fds[5].revents, Clock::now());
    if (checking()) check_->step(fds[6].revents, Clock::now());
    reap();
    if (fds[3].revents != 0) read_report();
  }

  // A program that does not read its input to the end is none of our business.
  void feed() {
    const ssize_t written = write(in_.get(), unread_.data(), unread_.size());
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (written > 0) unread_.remove_prefix(static_cast<std::size_t>(written));
    if (written < 0 || unread_.empty()) in_.reset();
  }

  void reap() {
    for (;;) {
      int status = 0;
      rusage usage{};
      const pid_t pid = wait4(-1, &status, __WALL | WNOHANG, &usage);
      childless_ = pid < 0 && errno == ECHILD;
      if (pid <= 0) return;
      if (!trace_->take(pid, status)) continue;
      largest_ = std::max(largest_, static_cast<std::uint64_t>(usage.ru_maxrss));
      if (pid == main_) take_end(status, usage);
      if (check_) check_->take_end(pid, status, Clock::now());
    }
  }

  void take_end(int status, const rusage& usage) {
    main_ended_ = true;
    record_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    record_.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    const bool cut_off =
        record_.state == RunState::timed_out || record_.state == RunState::output_limit;
    if (WIFEXITED(status)) record_.exit = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) record_.signal = WTERMSIG(status);
    if (!cut_off) record_.state = WIFSIGNALED(status) ? RunState::signaled : RunState::exited;
  }

  void read_report() {
    ChildFailure failure;
    const ssize_t got = read(report_.get(), &failure, sizeof(failure));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    report_.reset();
    if (got == sizeof(failure)) failure_ = failure;
  }

  void kill_all() {
    if (!main_ended_ || !killed_) kill(-main_, SIGKILL);
    if (!main_ended_) kill(main_, SIGKILL);
    killed_ = true;
    trace_->kill_all();
    if (check_) check_->give_up();
    if (limits_.sole) kill(-1, SIGKILL);
  }

  void conclude() {
    if (report_) read_report();
    record_.out = out_->text();
    record_.err = err_->text();
    record_.out_bytes = out_->bytes();
    record_.err_bytes = err_->bytes();
    record_.out_cut = out_->cut();
    record_.err_cut = err_->cut();
    record_.stdout_sha256 = out_->sha256();
    record_.fault = trace_->fatal();
    // rusage counts the moment before execve, too, when the process still was a copy of us.
    record_.max_rss_kib = trace_->peak_memory() != 0 ? trace_->peak_memory() : largest_;
    record_.mapped = trace_->mapped();
    if (probe_ || check_) {
      record_.service = probe_ && !(check_ && probe_->up()) ? probe_->record() : check_->record();
      record_.service->stopped = stopping_;
      record_.service->killed = ignored_stop_;
      record_.service->listening = std::move(listening_);
    }
    if (failure_) explain(*failure_);
    if (!failure_ && record_.state == RunState::signaled && trace_->stillborn()) explain_mapping();
  }

  void explain_mapping() {
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    Why why = why_not_mapped(root_, record_.program, page);
    if (why.cause != StartCause::not_mapped) return;
    record_.state = RunState::not_started;
    refuse(why.cause, 0, std::move(why.detail));
  }

  void explain(const ChildFailure& failure) {
    record_.state = RunState::not_started;
    record_.exit = -1;
    record_.error = failure.error;
    record_.mapped.clear();
    if (failure.step == ChildStep::exec) {
      Why why = why_not_started(root_, record_.program, failure.error);
      record_.cause = why.cause;
      record_.detail = std::move(why.detail);
    } else if (failure.step == ChildStep::cwd) {
      refuse(StartCause::cwd_unusable, failure.error, planned_.cwd);
    } else {
      const bool user = failure.step == ChildStep::user;
      refuse(StartCause::sandbox, failure.error,
             user ? "becoming the user" : "giving up privileges");
    }
  }

  const PlannedRun& planned_;
  const Root& root_;
  const RunLimits& limits_;
  RunRecord record_;
  User user_;
  UniqueFd signals_, report_;
  std::optional<Capture> out_, err_;
  std::optional<Trace> trace_;
  std::optional<ServiceProbe> probe_;
  std::optional<HealthCheck> check_;
  std::vector<std::string> listening_;
  UniqueFd in_;
  std::string_view unread_;  // of planned_.input
  std::optional<ChildFailure> failure_;
  pid_t main_ = -1;
  std::uint64_t largest_ = 0;  // KiB
  Clock::time_point begin_;
  bool main_ended_ = false, childless_ = false, killed_ = false;
  bool stopping_ = false, ignored_stop_ = false;  // a service that was up
};

}  // namespace

RunRecord run_program(const PlannedRun& run, const Root& root, const RunLimits& limits) {
  const CgroupEvents before = read_cgroup_events(kCgroupInside);
  const std::uint64_t faults = page_faults();
  RunRecord record = Run(run, root, limits).go();
  record.page_faults = page_faults() - faults;
  record.cgroup = since(before, read_cgroup_events(kCgroupInside));
  return record;
}

}  // namespace nodeproof::smoke
