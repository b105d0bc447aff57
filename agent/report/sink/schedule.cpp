#include "agent/report/sink/schedule.hpp"

#include <algorithm>

namespace nodeproof::report {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLongestPause = std::chrono::minutes(15);  // without a word of the receiver
constexpr milliseconds kBetweenPages = std::chrono::seconds(1);   // while it takes what was missed
constexpr unsigned kMostDoublings = 12;

}  // namespace

void SinkSchedule::note(Time now, bool news) {
  if (!news && !setting_.every_report) return;
  news_ = came_ = true;
  if (stopped_) return;
  next_ = std::max(now, barred_until_);
  keep_ = setting_.spools && now < barred_until_;
}

std::optional<SinkSchedule::Time> SinkSchedule::due() const {
  if (stopped_) return std::nullopt;
  return keep_ ? Time::min() : next_;
}

SinkAttempt SinkSchedule::begin(Time now) {
  running_ = {news_, now < barred_until_};
  news_ = keep_ = came_ = false;
  return running_;
}

void SinkSchedule::ended(Time now, bool done, const std::optional<SinkState>& state) {
  const SinkAttempt attempt = std::exchange(running_, {});
  const bool safe = done || (state && state->kept);
  if (attempt.news && !safe) news_ = true;
  if (attempt.hold) return;
  if (!done) return plan_failed(now, state);
  failures_ = 0;
  barred_until_ = Time::min();
  next_.reset();
  if (state && state->retry_after) barred_until_ = now + *state->retry_after;
  if (news_) {
    next_ = std::max(now, barred_until_);
  } else if (state && state->more) {
    next_ = std::max(now + share(kBetweenPages, 5 * kBetweenPages), barred_until_);
  } else if (setting_.heartbeat.count() > 0) {
    next_ = std::max(now + share(setting_.heartbeat * 9 / 10, setting_.heartbeat), barred_until_);
  }
}

void SinkSchedule::plan_failed(Time now, const std::optional<SinkState>& state) {
  stopped_ = state && state->stopped;
  ++failures_;
  milliseconds pause = back_off();
  if (state && state->retry_after) pause = std::max<milliseconds>(pause, *state->retry_after);
  barred_until_ = now + pause;
  next_ = barred_until_;
  keep_ = setting_.spools && came_;
}

milliseconds SinkSchedule::share(milliseconds least, milliseconds most) const {
  const auto extra = static_cast<double>((most - least).count()) * random_();
  return least + milliseconds(static_cast<milliseconds::rep>(extra));
}

// Any moment up to twice as long as the last time, and never at once.
milliseconds SinkSchedule::back_off() const {
  const unsigned doublings = std::min(failures_ - 1, kMostDoublings);
  const milliseconds most = std::min(first_retry_ * (1U << doublings), kLongestPause);
  return share(std::min(first_retry_, most), std::max(first_retry_, most));
}

}  // namespace nodeproof::report
