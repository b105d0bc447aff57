// A keychain whose logins the test writes down, and who asked for them.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/registry/keychain.hpp"

namespace nodeproof::fakes {

class FakeKeychain final : public registry::Keychain {
 public:
  void put(const std::string& host, registry::Credentials credentials) {
    const std::scoped_lock lock(mutex_);
    logins_[host] = std::move(credentials);
  }
  // From now on nobody's login can be had.
  void lose(Error error) {
    const std::scoped_lock lock(mutex_);
    lost_ = std::move(error);
  }
  [[nodiscard]] std::vector<registry::Place> asked() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }

  Result<registry::Credentials> find(const registry::Place& place,
                                     const std::stop_token& stop) override {
    const std::scoped_lock lock(mutex_);
    asked_.push_back(place);
    if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
    if (lost_) return std::unexpected(*lost_);
    const auto found = logins_.find(place.host);
    return found == logins_.end() ? registry::Credentials{} : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, registry::Credentials> logins_;
  std::optional<Error> lost_;
  std::vector<registry::Place> asked_;
};

}  // namespace nodeproof::fakes
