// A few threads that work off numbered jobs in order; the first failure stops the others.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "common/error.hpp"

namespace nodeproof::prepull {

class JobPool {
 public:
  using Job = std::function<Result<>(std::size_t number, std::stop_token stop)>;

  JobPool(unsigned threads, std::size_t jobs, Job job, std::stop_token stop);
  ~JobPool();  // asks the jobs to stop and waits for them
  JobPool(const JobPool&) = delete;
  JobPool& operator=(const JobPool&) = delete;

  // Until that job is done; the first error of any job, as soon as there is one.
  Result<> wait(std::size_t number);
  Result<> wait_for_all();

 private:
  void work();
  std::optional<std::size_t> next();
  void done(std::size_t number, Result<> result);
  template <class Condition>
  Result<> wait_until(Condition condition);

  struct Forward {
    std::stop_source source;
    void operator()() { source.request_stop(); }
  };

  Job job_;
  std::stop_source stop_;
  std::stop_callback<Forward> forward_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::vector<bool> done_;
  std::optional<Error> error_;
  std::vector<std::jthread> threads_;
};

}  // namespace nodeproof::prepull
