#include "agent/index/workers.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace nodeproof::index {

void in_parallel(unsigned threads, std::size_t jobs, const std::function<void(std::size_t)>& job) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t number = next++; number < jobs; number = next++) job(number);
  };
  const std::size_t count = std::min<std::size_t>(std::max(threads, 1U), jobs);
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < count; ++i) others.emplace_back(work);
  work();
}

}  // namespace nodeproof::index
