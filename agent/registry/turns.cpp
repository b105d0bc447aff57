#include "agent/registry/turns.hpp"

#include <algorithm>
#include <iterator>

namespace nodeproof::registry {
namespace {

constexpr int kRanks = 3;
constexpr std::chrono::seconds kRest{60};
constexpr std::size_t kMaxRemembered = 4096;

bool has_answered(const Error& error) {
  return error.code != Errc::unreachable && error.code != Errc::timeout &&
         error.code != Errc::untrusted;
}

}  // namespace

std::vector<Host> HostMemory::ordered(std::vector<Host> hosts, const Digest* blob) const {
  if (hosts.size() < 2) return hosts;
  const std::scoped_lock lock(mutex_);
  const Time now = clock_.monotonic();
  const auto rank = [&](const Host& host) {
    const std::string name = host.api.host_port();
    const auto resting = resting_until_.find(name);
    const bool rests = resting != resting_until_.end() && resting->second > now;
    const bool bad = blob != nullptr && bad_copies_.contains({*blob, name});
    if (!rests && !bad) return 0;
    return host.stands_for.empty() ? 1 : 2;
  };
  std::vector<Host> in_order;
  for (int wanted = 0; wanted < kRanks; ++wanted) {
    std::ranges::copy_if(hosts, std::back_inserter(in_order),
                         [&](const Host& host) { return rank(host) == wanted; });
  }
  return in_order;
}

void HostMemory::failed(const Host& host, const Error& error) {
  if (error.code != Errc::unreachable && error.code != Errc::timeout) return;
  const std::scoped_lock lock(mutex_);
  resting_until_[host.api.host_port()] = clock_.monotonic() + kRest;
}

void HostMemory::delivered(const Host& host, const Digest& blob) {
  const std::scoped_lock lock(mutex_);
  if (delivered_by_.size() < kMaxRemembered) delivered_by_[blob].insert(host.api.host_port());
}

void HostMemory::distrust(const Digest& blob) {
  const std::scoped_lock lock(mutex_);
  const auto found = delivered_by_.find(blob);
  if (found == delivered_by_.end()) return;
  for (const std::string& host : found->second) bad_copies_.emplace(blob, host);
  delivered_by_.erase(found);
}

Error all_failed(const std::vector<Host>& hosts, std::vector<Error> errors) {
  std::size_t chosen = errors.size() - 1;
  const auto counts = [&](std::size_t i) {
    if (!hosts[i].stands_for.empty()) return 0;
    return has_answered(errors[i]) ? 2 : 1;
  };
  for (std::size_t i = errors.size(); i-- > 0;) {
    if (counts(i) > counts(chosen)) chosen = i;
  }
  Error error = std::move(errors[chosen]);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (i == chosen) continue;
    const bool mirror = !hosts[i].stands_for.empty();
    error.message +=
        (mirror ? "; its mirror " : "; ") + hosts[i].api.host_port() + ": " + errors[i].message;
  }
  return error;
}

}  // namespace nodeproof::registry
