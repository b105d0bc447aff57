#include "agent/daemon_child.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstring>
#include <utility>

#include "agent/daemon_spawn.hpp"
#include "agent/report/cycle_stream.hpp"

namespace nodeproof {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kMaxLine = 16U << 20U;  // bytes; a report of some thousand images

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    const char* name = sigabbrev_np(signal);
    return "was ended by SIG" + (name != nullptr ? name : std::to_string(signal));
  }
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

// One child from fork to reaping. Kept alive by its pending handlers.
class CycleChild::Run : public std::enable_shared_from_this<CycleChild::Run> {
 public:
  struct Limits {
    std::chrono::milliseconds silence, grace;
  };
  struct Handlers {
    OnProgress progress;
    OnEnd end;
  };

  Run(asio::io_context& loop, SpawnedChild child, Limits limits, Handlers handlers)
      : pid_(child.pid),
        limits_(limits),
        handlers_(std::move(handlers)),
        output_(loop, child.standard_output.release()),
        deaths_(loop, SIGCHLD),
        silence_timer_(loop),
        kill_timer_(loop) {}

  void begin() {
    // Asio's own flag: without it a synchronous read waits for bytes, whatever the descriptor's is.
    output_.non_blocking(true);
    read_more();
    await_death();
    expect_a_line();
    reap();  // it may have died before its signal was waited for
  }

  [[nodiscard]] bool ended() const { return pid_ < 0; }

  void stop() {
    if (ended()) return;
    signal_group(SIGTERM);
    kill_timer_.expires_after(limits_.grace);
    kill_timer_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->signal_group(SIGKILL);
    });
  }

  // Without handlers: the supervisor itself goes.
  void kill_at_once() {
    if (ended()) return;
    signal_group(SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    close_all();
  }

 private:
  void signal_group(int signal) const {
    if (pid_ > 0) ::kill(-pid_, signal);
  }

  void give_up(std::string why) {
    if (broken_.empty()) broken_ = std::move(why);
    signal_group(SIGKILL);
  }

  void expect_a_line() {
    silence_timer_.expires_after(limits_.silence);
    silence_timer_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->give_up("gave no sign of life for too long and was killed");
    });
  }

  void read_more() {
    output_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](const error_code& error, std::size_t size) {
                              if (error) return;  // its end, or ours
                              self->take(size);
                              self->read_more();
                            });
  }

  void take(std::size_t size) {
    if (!broken_.empty()) return;
    pending_.append(buffer_.data(), size);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = pending_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      take_line(std::string_view(pending_).substr(begin, end - begin));
    }
    pending_.erase(0, begin);
    if (pending_.size() > kMaxLine) give_up("wrote a line without an end");
  }

  void take_line(std::string_view line) {
    if (!broken_.empty()) return;
    auto event = report::parse_stream_line(line);
    if (!event) return give_up("wrote what is no report: " + event.error().message);
    expect_a_line();
    if (auto* progress = std::get_if<Progress>(&*event)) {
      handlers_.progress(*progress);
    } else if (auto* report = std::get_if<NodeReport>(&*event)) {
      outcome_.report = std::move(*report);
    } else {
      outcome_.error = std::move(std::get<Error>(*event));
    }
  }

  void await_death() {
    deaths_.async_wait([self = shared_from_this()](const error_code& error, int) {
      if (error || self->ended()) return;
      self->await_death();
      self->reap();
    });
  }

  void reap() {
    int status = 0;
    if (ended() || ::waitpid(pid_, &status, WNOHANG) != pid_) return;
    signal_group(SIGKILL);  // whatever it left behind in its group
    drain();
    pid_ = -1;
    close_all();
    finish(status);
  }

  // What it wrote before it died, and no waiting for who else may hold the pipe.
  void drain() {
    for (;;) {
      error_code error;
      const std::size_t size = output_.read_some(asio::buffer(buffer_), error);
      if (error || size == 0) return;
      take(size);
    }
  }

  void close_all() {
    error_code error;  // where closing fails there is nothing left to do
    error = output_.close(error);
    error = deaths_.cancel(error);
    silence_timer_.cancel();
    kill_timer_.cancel();
  }

  void finish(int status) {
    if (!broken_.empty()) {
      outcome_ = {std::nullopt, Error{Errc::internal, "the process of the check " + broken_, ""}};
    } else if (outcome_.report) {
      outcome_.error.reset();
    } else if (!outcome_.error) {
      outcome_.error =
          Error{Errc::internal,
                "the process of the check " + how_it_ended(status) + " without a report", ""};
    }
    // The handler may start the next child, so this one lets go of it first.
    const OnEnd end = std::exchange(handlers_.end, nullptr);
    end(std::move(outcome_));
  }

  pid_t pid_;
  const Limits limits_;
  Handlers handlers_;
  asio::posix::stream_descriptor output_;
  asio::signal_set deaths_;
  asio::steady_timer silence_timer_, kill_timer_;
  std::array<char, 65536> buffer_{};
  std::string pending_;  // an unfinished line
  std::string broken_;   // why it is not believed any more
  CycleOutcome outcome_;
};

CycleChild::CycleChild(asio::io_context& loop, std::chrono::milliseconds silence,
                       std::chrono::milliseconds grace)
    : loop_(loop), silence_(silence), grace_(grace) {}

CycleChild::~CycleChild() {
  if (run_) run_->kill_at_once();
}

Result<> CycleChild::start(const std::vector<std::string>& argv, OnProgress on_progress,
                           OnEnd on_end) {
  SpawnedChild child = TRY(spawn_child(argv));
  run_ = std::make_shared<Run>(loop_, std::move(child), Run::Limits{silence_, grace_},
                               Run::Handlers{std::move(on_progress), std::move(on_end)});
  run_->begin();
  return {};
}

bool CycleChild::running() const { return run_ && !run_->ended(); }

void CycleChild::stop() {
  if (run_) run_->stop();
}

}  // namespace nodeproof
