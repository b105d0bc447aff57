#include "agent/prepull/job_pool.hpp"

#include <algorithm>

namespace nodeproof::prepull {

JobPool::JobPool(unsigned threads, std::size_t jobs, Job job, std::stop_token stop)
    : job_(std::move(job)), forward_(std::move(stop), Forward{stop_}), done_(jobs, false) {
  const std::size_t count = std::min<std::size_t>(std::max(threads, 1U), jobs);
  for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

JobPool::~JobPool() {
  stop_.request_stop();
  threads_.clear();
}

void JobPool::work() {
  while (const auto number = next()) done(*number, job_(*number, stop_.get_token()));
}

std::optional<std::size_t> JobPool::next() {
  const std::lock_guard lock(mutex_);
  if (next_ == done_.size() || error_) return std::nullopt;
  return next_++;
}

void JobPool::done(std::size_t number, Result<> result) {
  const std::lock_guard lock(mutex_);
  if (result) {
    done_[number] = true;
  } else if (!error_) {  // what fails after the first was stopped by it
    error_ = std::move(result).error();
    stop_.request_stop();
  }
  changed_.notify_all();
}

template <class Condition>
Result<> JobPool::wait_until(Condition condition) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return error_ || condition(); });
  if (error_) return std::unexpected(*error_);
  return {};
}

Result<> JobPool::wait(std::size_t number) {
  return wait_until([&] { return done_[number]; });
}

Result<> JobPool::wait_for_all() {
  return wait_until([&] { return std::ranges::all_of(done_, [](bool one) { return one; }); });
}

}  // namespace nodeproof::prepull
