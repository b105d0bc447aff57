#include "agent/daemon_sinks.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <random>
#include <utility>

#include "agent/codes.hpp"
#include "agent/daemon_child.hpp"
#include "agent/daemon_metrics.hpp"
#include "agent/daemon_state.hpp"
#include "common/log.hpp"

namespace nodeproof {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kListenAgain{15};
constexpr std::chrono::seconds kUntilCheck{60};

double chance() {
  static std::mt19937_64 generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

struct DaemonSinks::Timer : boost::asio::steady_timer {
  using boost::asio::steady_timer::steady_timer;
};

// One sink: its timer and the child that serves it. A timer that has run out already calls its
// handler when the job is gone, too.
class DaemonSinks::Job : public std::enable_shared_from_this<Job> {
 public:
  Job(boost::asio::io_context& loop, const Work& work, report::SinkSetting setting)
      : work_(work),
        schedule_(std::move(setting), work.first_retry, chance),
        timer_(loop),
        child_(loop, work.silence, work.grace) {}

  [[nodiscard]] const std::string& name() const { return schedule_.setting().name; }
  [[nodiscard]] bool running() const { return child_.running(); }

  void note(bool news) {
    schedule_.note(Clock::now(), news);
    plan();
  }

  void stop() {
    stopped_ = true;
    timer_.cancel();
    child_.stop();
  }

 private:
  void plan() {
    const auto due = schedule_.due();
    if (stopped_ || child_.running()) return;
    if (!due) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(std::max(*due, Clock::now()));
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (self && !error) self->start();
    });
  }

  void start() {
    if (stopped_ || child_.running()) return;
    attempts_before_ = attempts();
    attempt_ = schedule_.begin(Clock::now());
    const auto command = work_.command(schedule_.setting(), attempt_);
    auto started = child_.start(
        command, [](const Progress&) {},
        [this](const CycleOutcome& outcome) { end(outcome.error); });
    if (!started) end(started.error());
  }

  [[nodiscard]] report::SinkState state() const {
    return report::load_sink_state(work_.run_dir, name(), {});
  }
  [[nodiscard]] std::uint64_t attempts() const { return state().attempts; }

  // Its end without a word is as it should be; the state that it left says how it went.
  void end(const std::optional<Error>& said) {
    std::optional<report::SinkState> left = state();
    if (left->attempts == attempts_before_) left.reset();
    std::string problem = left ? left->problem : "its process failed";
    if (!left && said) problem = said->message;
    if (!attempt_.hold || !left) tell(problem, said);
    schedule_.ended(Clock::now(), left && left->done, left);
    plan();
    work_.ended();
  }

  // The journal hears of a trouble once, and of its end.
  void tell(const std::string& problem, const std::optional<Error>& said) {
    const std::string before = std::exchange(problem_, problem);
    if (problem == before) return;
    if (problem.empty()) return log::notice("reports to " + name() + ": delivered again");
    const std::string remedy = said && !said->remedy.empty() ? " (" + said->remedy + ")" : "";
    log::warning("reports to " + name() + ": " + problem + remedy);
  }

  const Work& work_;
  report::SinkSchedule schedule_;
  boost::asio::steady_timer timer_;
  CycleChild child_;
  std::uint64_t attempts_before_ = 0;
  report::SinkAttempt attempt_;  // the one under way
  std::string problem_;
  bool stopped_ = false;
};

// Where Prometheus scrapes; an address that is not there yet, or still taken, is tried again.
class DaemonSinks::Listening : public std::enable_shared_from_this<Listening> {
 public:
  Listening(boost::asio::io_context& loop, std::string address, MetricsListener::Render render)
      : loop_(loop), address_(std::move(address)), render_(std::move(render)), timer_(loop) {}

  [[nodiscard]] const std::string& address() const { return address_; }

  void begin() {
    auto listener = MetricsListener::listen(loop_, address_, render_);
    if (listener) return static_cast<void>(listener_.emplace(*std::move(listener)));
    const Error& error = listener.error();
    if (std::exchange(told_, error.message) != error.message) {
      log::error("no metrics: " + error.message + " (" + error.remedy + ")");
    }
    timer_.expires_after(kListenAgain);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& wait) {
      const auto self = weak.lock();
      if (self && !wait) self->begin();
    });
  }

 private:
  boost::asio::io_context& loop_;
  const std::string address_;
  const MetricsListener::Render render_;
  boost::asio::steady_timer timer_;
  std::optional<MetricsListener> listener_;
  std::string told_;
};

DaemonSinks::DaemonSinks(boost::asio::io_context& loop, Work work)
    : loop_(loop), work_(std::move(work)) {}

DaemonSinks::~DaemonSinks() = default;

void DaemonSinks::configure(const std::vector<report::SinkSetting>& settings,
                            const std::string& metrics_listen) {
  jobs_.clear();  // before their state: a child may still write it
  report::keep_sink_states(work_.run_dir, settings);
  for (const report::SinkSetting& setting : settings) {
    jobs_.push_back(std::make_shared<Job>(loop_, work_, setting));
    if (!waiting_) jobs_.back()->note(true);
  }
  untold_ = untold_ || waiting_ != nullptr;
  if (listening_ && listening_->address() == metrics_listen) return;
  listening_.reset();
  if (metrics_listen.empty()) return;
  listening_ = std::make_shared<Listening>(loop_, metrics_listen,
                                           [this] { return work_.metrics(announced_); });
  listening_->begin();
}

void DaemonSinks::announce(const NodeReport& report) {
  const bool news = !says_the_same(announced_, report);
  announced_ = report;
  untold_ = untold_ || news;
  if (report.reason == code::kNotChecked) {
    if (!waiting_) wait_for_check();
    return;
  }
  waiting_.reset();
  tell_jobs();
}

void DaemonSinks::tell_jobs() {
  const bool news = std::exchange(untold_, false);
  for (const auto& job : jobs_) job->note(news);
}

// A start and a reload are followed by a check: mostly nobody needs to hear of the moment before
// its end.
void DaemonSinks::wait_for_check() {
  waiting_ = std::make_shared<Timer>(loop_);
  waiting_->expires_after(kUntilCheck);
  waiting_->async_wait(
      [this, weak = std::weak_ptr(waiting_)](const boost::system::error_code& error) {
        if (error || weak.expired()) return;
        waiting_.reset();
        tell_jobs();
      });
}

void DaemonSinks::stop() {
  listening_.reset();
  waiting_.reset();
  for (const auto& job : jobs_) job->stop();
}

bool DaemonSinks::running() const {
  return std::ranges::any_of(jobs_, [](const auto& job) { return job->running(); });
}

}  // namespace nodeproof
