#include "tests/fakes/fake_chain_store.hpp"

#include <algorithm>

namespace nodeproof {

void FakeChainStore::add_container(ContainerFacts container, const Digest& chain_id) {
  active_[container.snapshot] = chain_id.str();
  containers_.push_back(std::move(container));
}

void FakeChainStore::remove_containers() {
  active_.clear();
  containers_.clear();
}

void FakeChainStore::miscount(const Digest& chain_id) { miscounting_.insert(chain_id.str()); }

Result<std::vector<SnapshotFacts>> FakeChainStore::snapshots(std::stop_token /*stop*/) {
  const std::lock_guard lock(store_.mutex_);
  std::vector<SnapshotFacts> found;
  for (const auto& [name, parent] : store_.chains_) found.push_back({name, parent, true});
  for (const auto& [name, parent] : active_) found.push_back({name, parent, false});
  return found;
}

Result<std::vector<ContainerFacts>> FakeChainStore::containers(std::stop_token /*stop*/) {
  return containers_;
}

Result<std::vector<ImageRecord>> FakeChainStore::all_images(std::stop_token /*stop*/) {
  std::vector<ImageRecord> found;
  for (const auto& [name, record] : store_.images()) found.push_back(record);
  return found;
}

Result<> FakeChainStore::remove_snapshot(const std::string& name) {
  const std::lock_guard lock(store_.mutex_);
  TRY(store_.happens("remove snapshot " + name));
  const auto builds_on = [&](const auto& snapshot) { return snapshot.second == name; };
  if (miscounting_.contains(name) || std::ranges::any_of(store_.chains_, builds_on) ||
      std::ranges::any_of(active_, builds_on)) {
    return fail(Errc::busy, "cannot remove snapshot with child");
  }
  store_.chains_.erase(name);
  return {};
}

Result<> FakeChainStore::remove_blob(const Digest& digest) {
  const std::lock_guard lock(store_.mutex_);
  TRY(store_.happens("remove blob " + digest.str()));
  if (auto gone = store_.blobs_.extract(digest.str())) store_.removed_.insert(std::move(gone));
  return {};
}

Result<> FakeChainStore::collect_garbage() {
  {
    const std::lock_guard lock(store_.mutex_);
    TRY(store_.happens("collect"));
  }
  store_.collect_garbage();
  return {};
}

}  // namespace nodeproof
