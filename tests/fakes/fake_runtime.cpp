#include "tests/fakes/fake_runtime.hpp"

namespace nodeproof {

void FakeRuntime::set_facts(Result<ContainerdFacts> facts) {
  const std::lock_guard lock(mutex_);
  facts_ = std::move(facts);
}

void FakeRuntime::behave(Behaviour behaviour) {
  const std::lock_guard lock(mutex_);
  behaviour_ = std::move(behaviour);
}

void FakeRuntime::leave_behind(const std::string& id) {
  const std::lock_guard lock(mutex_);
  containers_.insert(id);
  left_behind_.insert(id);
}

std::vector<ContainerRequest> FakeRuntime::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::set<std::string> FakeRuntime::containers() const {
  const std::lock_guard lock(mutex_);
  return containers_;
}

void FakeRuntime::fail_to_sweep(Error error) {
  const std::lock_guard lock(mutex_);
  unswept_ = std::move(error);
}

unsigned FakeRuntime::sweeps() const {
  const std::lock_guard lock(mutex_);
  return sweeps_;
}

Result<ContainerdFacts> FakeRuntime::facts(std::stop_token stop) {
  if (stop.stop_requested()) return fail(Errc::cancelled, "asked to stop");
  const std::lock_guard lock(mutex_);
  return facts_;
}

Result<ContainerExit> FakeRuntime::run(const ContainerRequest& request, std::stop_token stop) {
  if (stop.stop_requested()) return fail(Errc::cancelled, "asked to stop");
  Behaviour behaviour;
  {
    const std::lock_guard lock(mutex_);
    if (!containers_.insert(request.id).second) {
      return fail(Errc::busy, "a container named " + request.id + " exists");
    }
    requests_.push_back(request);
    behaviour = behaviour_;
  }
  auto exit = behaviour ? behaviour(request) : Result<ContainerExit>(ContainerExit{});
  const std::lock_guard lock(mutex_);
  containers_.erase(request.id);
  return exit;
}

Result<unsigned> FakeRuntime::sweep(std::stop_token stop) {
  if (stop.stop_requested()) return fail(Errc::cancelled, "asked to stop");
  const std::lock_guard lock(mutex_);
  ++sweeps_;
  if (unswept_) return std::unexpected(*unswept_);
  for (const std::string& id : left_behind_) containers_.erase(id);
  const auto removed = static_cast<unsigned>(left_behind_.size());
  left_behind_.clear();
  return removed;
}

}  // namespace nodeproof
