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

Result<PulledImage> PullRound::pull(const prepull::WantedImage& image) {
  std::unique_lock lock(mutex_);
  const std::size_t story = teller_;
  std::size_t place = 0;
  std::unique_ptr<prepull::PullSet> alone;
  prepull::PullSet* set = nullptr;
  if (set_) {
    end_turn();
    lock.unlock();
    alone = std::make_unique<prepull::PullSet>(std::vector{image}, ports_, options_, stop_);
    set = alone.get();
  } else {
    place = wanted_.size();
    wanted_.push_back(image);
    states_[story] = State::asked;
    if (begun_ < states_.size()) threads_.emplace_back([this] { tell_ahead(); });
    end_turn();
    begin_set_if_all_have_asked();
    changed_.wait(lock, [&] { return set_ != nullptr; });
    set = set_.get();
    lock.unlock();
  }
  Result<PulledImage> pulled = set->wait(place);
  lock.lock();
  take_turn(lock, story);
  return pulled;
}

}  // namespace nodeproof
