// The FakeImageStore's snapshots that are written by another than containerd.
#include "tests/fakes/fake_image_store.hpp"

namespace nodeproof {
namespace {

std::unexpected<Error> missing(const std::string& what) {
  return fail(Errc::not_found, what + ": not found");
}

}  // namespace

std::set<std::string> FakeImageStore::active_keys() const {
  const std::lock_guard lock(mutex_);
  return active_;
}

void FakeImageStore::set_copying() {
  const std::lock_guard lock(mutex_);
  copying_ = true;
}

Result<SnapshotPlace> FakeImageStore::stage(const UnpackRequest& request) {
  const std::lock_guard lock(mutex_);
  TRY(happens("stage " + request.chain_id.str()));
  if (!leases_.contains(request.lease)) return missing("lease " + request.lease);
  const std::string key = "stage " + request.lease + " " + request.chain_id.str();
  active_.insert(key);
  return SnapshotPlace{.key = key, .directory = "/fake/" + key, .lower = {}};
}

Result<std::optional<SnapshotPlace>> FakeImageStore::prepare(const UnpackRequest& request) {
  const std::lock_guard lock(mutex_);
  TRY(happens("prepare " + request.chain_id.str()));
  if (!leases_.contains(request.lease)) return missing("lease " + request.lease);
  if (chains_.contains(request.chain_id.str())) {
    leases_[request.lease].snapshots.insert(request.chain_id.str());
    return std::nullopt;
  }
  if (request.parent && !chains_.contains(request.parent->str())) {
    return missing("parent snapshot " + request.parent->str());
  }
  const std::string key = "extract " + request.lease + " " + request.chain_id.str();
  active_.insert(key);
  SnapshotPlace place{.key = key, .directory = "/fake/" + key, .lower = {}};
  place.copied = copying_ && request.parent;
  if (request.parent && !copying_) place.lower = {"/fake/" + request.parent->str()};
  return place;
}

Result<> FakeImageStore::commit(const UnpackRequest& request, const SnapshotPlace& place) {
  const std::lock_guard lock(mutex_);
  TRY(happens("snap " + request.chain_id.str()));
  if (active_.erase(place.key) == 0) return missing("snapshot " + place.key);
  chains_.try_emplace(request.chain_id.str(), request.parent ? request.parent->str() : "");
  leases_[request.lease].snapshots.insert(request.chain_id.str());
  return {};
}

Result<> FakeImageStore::discard(const SnapshotPlace& place) {
  const std::lock_guard lock(mutex_);
  TRY(happens("discard " + place.key));
  active_.erase(place.key);
  return {};
}

}  // namespace nodeproof
