// One host after the other, until one of them gives what is asked for.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/registry/host.hpp"
#include "common/clock.hpp"
#include "common/digest.hpp"

namespace nodeproof::registry {

// What is remembered of hosts between questions. Thread-safe.
class HostMemory {
 public:
  explicit HostMemory(const Clock& clock) : clock_(clock) {}  // outlives it

  // In the order in which they are to be asked: those that could not be reached a moment ago come
  // last, and so do those whose copy of this blob was bad, the registry itself before its mirrors.
  [[nodiscard]] std::vector<Host> ordered(std::vector<Host> hosts, const Digest* blob) const;

  void failed(const Host& host, const Error& error);
  // Bytes of the blob came from there.
  void delivered(const Host& host, const Digest& blob);
  // What was delivered of the blob did not hash to its digest.
  void distrust(const Digest& blob);

 private:
  using Time = std::chrono::steady_clock::time_point;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Time> resting_until_;             // by host:port
  std::map<Digest, std::set<std::string>> delivered_by_;  // host:port
  std::set<std::pair<Digest, std::string>> bad_copies_;
};

// The failures of all hosts as one error: that of the registry itself where it is among them (it
// may be so twice: the one that answered), else the last one's.
[[nodiscard]] Error all_failed(const std::vector<Host>& hosts, std::vector<Error> errors);

// ask(host, is_last) -> Result<T>. Whatever one host fails with, the next one is asked; only a stop
// ends it at once.
template <class Ask>
auto ask_in_turn(const std::vector<Host>& hosts, HostMemory& memory, Ask ask)
    -> decltype(ask(hosts.front(), true)) {
  std::vector<Error> errors;
  for (const Host& host : hosts) {
    auto answer = ask(host, &host == &hosts.back());
    if (answer) return answer;
    memory.failed(host, answer.error());
    const bool stopped = answer.error().code == Errc::cancelled;
    errors.push_back(std::move(answer).error());
    if (stopped) return std::unexpected(std::move(errors.back()));
  }
  return std::unexpected(all_failed(hosts, std::move(errors)));
}

}  // namespace nodeproof::registry
