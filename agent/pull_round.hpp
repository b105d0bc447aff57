// The images' stories told side by side as far as their downloads go: each runs until it needs its
// image, then all images that are needed are pulled as one set, and each story goes on when its own
// is complete. Everything but the pulling happens one at a time.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "agent/prepull/pull_set.hpp"

namespace nodeproof {

class PullRound {
 public:
  // What the ports name outlives it.
  PullRound(const prepull::PullPorts& ports, prepull::SetOptions options);
  ~PullRound() = default;
  PullRound(const PullRound&) = delete;
  PullRound& operator=(const PullRound&) = delete;

  // Tells stories 0 .. count-1, beginning in this order and never two at a time, and returns when
  // all have ended. A story that asks for an image waits on a thread of its own. What one throws is
  // thrown.
  void tell(std::size_t count, const std::function<void(std::size_t)>& story,
            const std::stop_token& stop);

  // To be called within a story: until the image is complete or has failed. Other stories go on
  // meanwhile. A story's second pull does not wait for others; what shares the lease of another
  // story's image is pulled when that story has ended.
  Result<PulledImage> pull(const prepull::WantedImage& image);

 private:
  enum class State { ahead, telling, asked, ended };

  void tell_ahead();
  void tell_one(std::size_t story);
  void join_all();
  Result<PulledImage> pull_with_others(const prepull::WantedImage& image,
                                       std::unique_lock<std::mutex>& lock);
  Result<PulledImage> pull_alone(const prepull::WantedImage& image,
                                 std::unique_lock<std::mutex>& lock);
  void ask(std::size_t story);
  void begin_set_if_all_have_asked();
  void take_turn(std::unique_lock<std::mutex>& lock, std::size_t story);
  void end_turn();

  const prepull::PullPorts ports_;
  const prepull::SetOptions options_;
  const std::function<void(std::size_t)>* story_ = nullptr;
  std::stop_token stop_;

  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::vector<State> states_;  // of the stories
  std::size_t begun_ = 0;      // stories
  bool taken_ = false;         // somebody has the turn:
  std::size_t teller_ = 0;
  std::exception_ptr thrown_;
  std::vector<prepull::WantedImage> wanted_;
  std::vector<std::size_t> wanted_by_;     // story
  std::unique_ptr<prepull::PullSet> set_;  // none = not all have asked yet
  std::vector<std::jthread> threads_;
};

}  // namespace nodeproof
