#include "agent/daemon_side.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace nodeproof {

struct SideJob::Timer : boost::asio::steady_timer {
  using boost::asio::steady_timer::steady_timer;
};

SideJob::~SideJob() = default;

SideJob::SideJob(boost::asio::io_context& loop, std::chrono::milliseconds silence,
                 std::chrono::milliseconds grace, Work work)
    : work_(std::move(work)), timer_(std::make_unique<Timer>(loop)), child_(loop, silence, grace) {}

void SideJob::plan() {
  if (stopped_) return;
  timer_->expires_after(work_.pause());
  timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error) start();
  });
}

void SideJob::stop() {
  stopped_ = true;
  timer_->cancel();
  child_.stop();
}

void SideJob::start() {
  if (stopped_) return;
  const std::vector<std::string> command = work_.command();
  if (command.empty() || child_.running()) return plan();
  const auto ended = [this](const CycleOutcome& outcome) {
    // Its end without a word is no error here.
    if (outcome.error && outcome.error->code != Errc::internal && !stopped_) {
      work_.said(*outcome.error);
    }
    plan();
    work_.ended();
  };
  if (auto started = child_.start(command, [](const Progress&) {}, ended); !started) {
    work_.said(started.error());
    plan();
  }
}

}  // namespace nodeproof
