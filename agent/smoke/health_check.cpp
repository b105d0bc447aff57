#include "agent/smoke/health_check.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "agent/smoke/child.hpp"
#include "agent/smoke/judge.hpp"
#include "agent/smoke/program.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::uint64_t kKeep = 4 << 10;  // of an attempt's output

std::pair<UniqueFd, UniqueFd> make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  static_cast<void>(fchmod(ends[0], 0622));  // its user may open /dev/stdout anew
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string words_for(const ChildFailure& failure, const std::string& program) {
  return program + ": " + errno_name(failure.error);
}

}  // namespace

pollfd HealthCheck::wanted() const { return {out_ ? out_->fd() : -1, POLLIN, 0}; }

void HealthCheck::step(short events, Clock::time_point now) {
  if (up() || hopeless()) return;
  if (events != 0 && out_) out_->read_some();
  if (now < next_) return;
  if (pid_ < 0) return start(now);
  timed_out_ = true;
  kill_it();
  next_ = now + std::chrono::seconds(1);  // if even that takes time
}

void HealthCheck::start(Clock::time_point now) {
  const PlannedRun& service = beside_.service;
  PlannedRun check{.name = service.name,
                   .args = service.service->check,
                   .env = service.env,
                   .user = service.user,
                   .cwd = service.cwd};
  const std::string program = locate_program(check, beside_.root);
  if (!program.starts_with('/')) return unusable(check.args[0] + " is not in PATH");
  auto [out_read, out_write] = make_pipe();
  auto [report_read, report_write] = make_pipe();
  if (!out_read || !report_read) return postpone("pipes could not be made", now);
  const ChildSetup setup{.program = program,
                         .args = check.args,
                         .env = check.env,
                         .cwd = check.cwd,
                         .user = beside_.user,
                         .out = out_write.get(),
                         .err = out_write.get(),
                         .report = report_write.get()};
  const pid_t pid = fork();
  if (pid < 0) return postpone("fork failed", now);
  if (pid == 0) become(setup);
  beside_.trace.follow(pid);
  pid_ = pid;
  timed_out_ = false;
  out_.emplace(std::move(out_read), kKeep, false);
  report_ = std::move(report_read);
  next_ = now + service.service->check_timeout;
}

void HealthCheck::take_end(pid_t pid, int status, Clock::time_point now) {
  if (pid != pid_ || pid_ < 0) return;
  kill(-pid_, SIGKILL);  // what it may have left in its process group
  pid_ = -1;
  next_ = now + beside_.service.service->check_pause;
  if (given_up_) return;
  ChildFailure failure;
  if (read(report_.get(), &failure, sizeof(failure)) == sizeof(failure)) {
    return unusable(words_for(failure, beside_.service.service->check[0]));
  }
  out_->read_some();
  record_.body = out_->text();
  out_.reset();
  const bool passed = !timed_out_ && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  record_.state = passed ? ServiceState::up : ServiceState::check_failed;
  record_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (timed_out_) record_.status = -1;
  if (passed) record_.seconds = std::chrono::duration<double>(now - begin_).count();
}

// For want of processes or descriptors: an attempt that failed.
void HealthCheck::postpone(std::string why, Clock::time_point now) {
  record_.state = ServiceState::check_failed;
  record_.status = -1;
  record_.body = std::move(why);
  next_ = now + beside_.service.service->check_pause;
}

void HealthCheck::unusable(std::string why) {
  record_.state = ServiceState::check_unusable;
  record_.body = std::move(why);
}

void HealthCheck::give_up() {
  given_up_ = true;
  kill_it();
}

void HealthCheck::kill_it() const {
  if (pid_ < 0) return;
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);  // it may not lead a group yet
}

}  // namespace nodeproof::smoke
