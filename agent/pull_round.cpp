#include "agent/pull_round.hpp"

#include <algorithm>
#include <utility>

namespace nodeproof {

PullRound::PullRound(const prepull::PullPorts& ports, prepull::SetOptions options)
    : ports_(ports), options_(std::move(options)) {}

void PullRound::tell(std::size_t count, const std::function<void(std::size_t)>& story,
                     const std::stop_token& stop) {
  story_ = &story;
  stop_ = stop;
  states_.assign(count, State::ahead);
  begun_ = 0;
  thrown_ = nullptr;
  tell_ahead();
  join_all();
  set_.reset();
  wanted_.clear();
  wanted_by_.clear();
  if (thrown_) std::rethrow_exception(thrown_);
}

// All stories that nobody has begun yet.
void PullRound::tell_ahead() {
  std::unique_lock lock(mutex_);
  while (begun_ < states_.size()) {
    if (taken_) {
      changed_.wait(lock);
      continue;
    }
    const std::size_t story = begun_++;
    take_turn(lock, story);
    lock.unlock();
    tell_one(story);
    lock.lock();
    states_[story] = State::ended;
    end_turn();
    begin_set_if_all_have_asked();
  }
}

void PullRound::tell_one(std::size_t story) {
  try {
    (*story_)(story);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!thrown_) thrown_ = std::current_exception();
  }
}

void PullRound::join_all() {
  while (true) {
    std::vector<std::jthread> threads;
    {
      const std::lock_guard lock(mutex_);
      threads.swap(threads_);
    }
    if (threads.empty()) return;
  }
}

void PullRound::take_turn(std::unique_lock<std::mutex>& lock, std::size_t story) {
  changed_.wait(lock, [&] { return !taken_; });
  taken_ = true;
  teller_ = story;
  states_[story] = State::telling;
}

void PullRound::end_turn() {
  taken_ = false;
  changed_.notify_all();
}

// With the mutex: whoever could do anything meanwhile waits for the set.
void PullRound::begin_set_if_all_have_asked() {
  const bool all = std::ranges::all_of(
      states_, [](State state) { return state == State::asked || state == State::ended; });
  if (set_ || wanted_.empty() || !all) return;
  set_ = std::make_unique<prepull::PullSet>(wanted_, ports_, options_, stop_);
  changed_.notify_all();
}

void PullRound::ask(std::size_t story) {
  states_[story] = State::asked;
  if (begun_ < states_.size()) threads_.emplace_back([this] { tell_ahead(); });
  end_turn();
  begin_set_if_all_have_asked();
}

Result<PulledImage> PullRound::pull(const prepull::WantedImage& image) {
  std::unique_lock lock(mutex_);
  const std::size_t story = teller_;
  const auto twin = std::ranges::find(wanted_, image.lease_id, &prepull::WantedImage::lease_id);
  const bool has_twin = !image.lease_id.empty() && twin != wanted_.end();
  if (!set_ && has_twin) {
    const std::size_t other = wanted_by_[static_cast<std::size_t>(twin - wanted_.begin())];
    ask(story);
    changed_.wait(lock, [&] { return states_[other] == State::ended; });
    take_turn(lock, story);
  }
  Result<PulledImage> pulled = set_ ? pull_alone(image, lock) : pull_with_others(image, lock);
  take_turn(lock, story);
  return pulled;
}

Result<PulledImage> PullRound::pull_alone(const prepull::WantedImage& image,
                                          std::unique_lock<std::mutex>& lock) {
  end_turn();
  lock.unlock();
  Result<PulledImage> pulled = fail(Errc::internal, "not pulled");
  {
    prepull::PullSet alone({image}, ports_, options_, stop_);
    pulled = alone.wait(0);
  }
  lock.lock();
  return pulled;
}

Result<PulledImage> PullRound::pull_with_others(const prepull::WantedImage& image,
                                                std::unique_lock<std::mutex>& lock) {
  const std::size_t place = wanted_.size();
  wanted_.push_back(image);
  wanted_by_.push_back(teller_);
  ask(teller_);
  changed_.wait(lock, [&] { return set_ != nullptr; });
  lock.unlock();
  Result<PulledImage> pulled = set_->wait(place);
  lock.lock();
  return pulled;
}

}  // namespace nodeproof
