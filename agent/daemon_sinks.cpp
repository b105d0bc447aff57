#include "agent/daemon_sinks.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <random>
#include <utility>

#include "agent/daemon_child.hpp"
#include "agent/daemon_state.hpp"
#include "common/log.hpp"

namespace nodeproof {
namespace {

using Clock = std::chrono::steady_clock;

double chance() {
  static std::mt19937_64 generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

// One sink: its timer and the child that serves it.
class DaemonSinks::Job {
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
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) start();
    });
  }

  void start() {
    if (stopped_ || child_.running()) return;
    attempts_before_ = attempts();
    const auto command = work_.command(name(), schedule_.begin(Clock::now()));
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
    const bool delivered = left && left->problem.empty();
    std::string problem = left ? left->problem : "its process failed";
    if (!left && said) problem = said->message;
    tell(problem, said);
    schedule_.ended(Clock::now(), delivered, left);
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
  std::string problem_;
  bool stopped_ = false;
};

DaemonSinks::DaemonSinks(boost::asio::io_context& loop, Work work)
    : loop_(loop), work_(std::move(work)) {}

DaemonSinks::~DaemonSinks() = default;

void DaemonSinks::configure(const std::vector<report::SinkSetting>& settings,
                            const std::string& metrics_listen) {
  listen(metrics_listen);
  for (const auto& job : jobs_) {
    const bool stays =
        std::ranges::find(settings, job->name(), &report::SinkSetting::name) != settings.end();
    if (!stays) report::forget_sink_state(work_.run_dir, job->name());
  }
  jobs_.clear();
  for (const report::SinkSetting& setting : settings) {
    jobs_.push_back(std::make_unique<Job>(loop_, work_, setting));
    jobs_.back()->note(true);
  }
}

// Anew: what listened at the address before has to let go of it.
void DaemonSinks::listen(const std::string& address) {
  listener_.reset();
  if (address.empty()) return;
  auto listener =
      MetricsListener::listen(loop_, address, [this] { return work_.metrics(announced_); });
  if (!listener) {
    return log::error("no metrics: " + listener.error().message + " (" + listener.error().remedy +
                      ")");
  }
  listener_.emplace(*std::move(listener));
}

void DaemonSinks::announce(const NodeReport& report) {
  const bool news = !says_the_same(announced_, report);
  announced_ = report;
  for (const auto& job : jobs_) job->note(news);
}

void DaemonSinks::stop() {
  listener_.reset();
  for (const auto& job : jobs_) job->stop();
}

bool DaemonSinks::running() const {
  return std::ranges::any_of(jobs_, [](const auto& job) { return job->running(); });
}

}  // namespace nodeproof
