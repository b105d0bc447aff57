#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/containerd/plain_place.hpp"
#include "agent/containerd/snapshots_grpc.hpp"
#include "agent/containerd/task_grpc.hpp"
#include "common/file.hpp"

namespace nodeproof::containerd {
namespace {

constexpr auto kApplyDeadline = std::chrono::hours(1);  // a large layer onto a slow SD card
constexpr std::string_view kTarget = "containerd.io/snapshot.ref";

// Stable per lease and layer, so that a killed run's half-made snapshot is found and replaced.
std::string key_of(std::string_view prefix, const UnpackRequest& request) {
  return std::string(prefix) + request.lease + " " + request.chain_id.str();
}
std::string extract_key(const UnpackRequest& request) {
  return key_of("extract-nodeproof-", request);
}
std::string stage_key(const UnpackRequest& request) { return key_of("stage-nodeproof-", request); }

std::vector<PlainMount> plain(const Mounts& mounts) {
  std::vector<PlainMount> out;
  for (const auto& mount : mounts) {
    out.push_back({mount.type(), mount.source(), {mount.options().begin(), mount.options().end()}});
  }
  return out;
}

template <class Request>
void set_labels(Request& request, const UnpackRequest& unpack) {
  (*request.mutable_labels())[std::string(kTarget)] = unpack.chain_id.str();
  (*request.mutable_labels())[std::string(kUnpackLabel)] = unpack.lease;
}

}  // namespace

SnapshotClient::SnapshotClient(const ContentClient& content, const LeaseClient& leases)
    : content_(content),
      leases_(leases),
      channel_(content.channel()),
      stub_(snapshots_api::Snapshots::NewStub(channel_.transport())),
      diff_(diff_api::Diff::NewStub(channel_.transport())) {}

Result<bool> SnapshotClient::stat(const std::string& key) const {
  snapshots_api::StatSnapshotRequest request;
  request.set_snapshotter(channel_.options().snapshotter);
  request.set_key(key);
  snapshots_api::StatSnapshotResponse response;
  const auto status = channel_.call(
      channel_.brief(), [&](auto* context) { return stub_->Stat(context, request, &response); });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return false;
  if (!status.ok()) return channel_.failure(status, "looking for snapshot " + key);
  return response.info().kind() == snapshots_api::COMMITTED;
}

Result<bool> SnapshotClient::has(const Digest& chain_id, const std::string& lease) const {
  if (!TRY(stat(chain_id.str()))) return false;
  if (lease.empty()) return true;
  TRY(leases_.add(lease, "snapshots/" + channel_.options().snapshotter, chain_id.str()));
  return stat(chain_id.str());  // the garbage collector may have come between
}

Result<> SnapshotClient::unpack(const UnpackRequest& request, const std::stop_token& stop) const {
  const std::string key = extract_key(request);
  const auto mounts = TRY(prepare(request, {key, request.parent}));
  if (mounts) {
    Result<> done = apply(request, *mounts, stop);
    if (done) done = label_unpacked(request);
    if (done) done = commit(request, key);
    // Not under the stop token: what was begun is taken back. Should this fail too, the lease's
    // end does it.
    if (!done) static_cast<void>(remove(key));
    return done;
  }
  return label_unpacked(request);
}

// Before the commit: whoever finds the snapshot does not look at the blob again.
Result<> SnapshotClient::label_unpacked(const UnpackRequest& request) const {
  return content_.label(request.layer.digest,
                        {{"containerd.io/uncompressed", request.diff_id.str()}});
}

Result<SnapshotPlace> SnapshotClient::stage(const UnpackRequest& request) const {
  const Wish wish{stage_key(request), std::nullopt, false};
  auto mounts = TRY(prepare(request, wish));
  if (mounts) return place_of(wish, *mounts);
  return fail(Errc::io, "snapshot " + wish.key + " cannot be prepared");
}

Result<std::optional<SnapshotPlace>> SnapshotClient::prepare_place(
    const UnpackRequest& request) const {
  const Wish wish{extract_key(request), request.parent};
  const auto mounts = TRY(prepare(request, wish));
  if (mounts) return TRY(place_of(wish, *mounts));
  TRY(label_unpacked(request));
  return std::nullopt;
}

Result<SnapshotPlace> SnapshotClient::place_of(const Wish& wish, const Mounts& mounts) const {
  Result<SnapshotPlace> place = plain_place(wish.key, plain(mounts));
  if (place) place->copied = wish.parent && place->lower.empty();
  Result<> seen = place ? check_seen(*place) : std::unexpected(place.error());
  if (seen) return place;
  static_cast<void>(remove(wish.key));
  return std::unexpected(std::move(seen).error());
}

// That the path leads this process to the directory that containerd means: containerd counts what
// is put there.
Result<> SnapshotClient::check_seen(const SnapshotPlace& place) const {
  if (place.copied) return {};  // its parent was looked at
  TRY(check_empty(place.directory));
  const std::string mark = place.directory + "/.nodeproof";
  if (::mkdir(mark.c_str(), 0700) != 0) {
    return fail(
        Errc::unsupported,
        fail_errno(errno, place.directory + " cannot be written from here").error().message);
  }
  const auto counted = inodes(place.key);
  if (::rmdir(mark.c_str()) != 0) return fail_errno(errno, "removing " + mark);
  if (counted && *counted == 2) return {};
  return fail(Errc::unsupported, place.directory + " is not the directory that containerd means");
}

Result<std::int64_t> SnapshotClient::inodes(const std::string& key) const {
  snapshots_api::UsageRequest request;
  request.set_snapshotter(channel_.options().snapshotter);
  request.set_key(key);
  snapshots_api::UsageResponse response;
  const auto status = channel_.call(
      channel_.brief(), [&](auto* context) { return stub_->Usage(context, request, &response); });
  TRY(channel_.result(status, "asking for the usage of snapshot " + key));
  return response.inodes();
}

// containerd up to 1.7 does not promise that what a committed snapshot has is on disk.
Result<> SnapshotClient::commit_place(const UnpackRequest& request,
                                      const SnapshotPlace& place) const {
  TRY(sync_file_system(place.directory));
  TRY(label_unpacked(request));
  return commit(request, place.key);
}

Result<std::optional<Mounts>> SnapshotClient::prepare(const UnpackRequest& request,
                                                      const Wish& wish) const {
  const std::string& key = wish.key;
  snapshots_api::PrepareSnapshotRequest prepare;
  prepare.set_snapshotter(channel_.options().snapshotter);
  prepare.set_key(key);
  if (wish.parent) prepare.set_parent(wish.parent->str());
  set_labels(prepare, request);
  if (!wish.labelled) prepare.mutable_labels()->erase(std::string(kTarget));
  for (int attempt = 0;; ++attempt) {
    snapshots_api::PrepareSnapshotResponse response;
    const auto status = channel_.call(channel_.brief(request.lease), [&](auto* context) {
      return stub_->Prepare(context, prepare, &response);
    });
    if (status.ok()) return std::move(*response.mutable_mounts());
    const bool exists = is(status, grpc::StatusCode::ALREADY_EXISTS);
    const bool same_layer = exists && wish.labelled;
    if (same_layer && TRY(has(request.chain_id, request.lease))) return std::nullopt;
    if (!exists || attempt > 0) {
      return channel_.failure(status,
                              "preparing a snapshot for layer " + request.layer.digest.str());
    }
    TRY(remove(key));
  }
}

Result<> SnapshotClient::apply(const UnpackRequest& request, const Mounts& mounts,
                               const std::stop_token& stop) const {
  const std::string what = "unpacking layer " + request.layer.digest.str();
  diff_api::ApplyRequest apply;
  apply.mutable_diff()->set_media_type(request.layer.media_type);
  apply.mutable_diff()->set_digest(request.layer.digest.str());
  apply.mutable_diff()->set_size(static_cast<std::int64_t>(request.layer.size));
  *apply.mutable_mounts() = mounts;
  diff_api::ApplyResponse response;
  const auto status = channel_.call({kApplyDeadline, stop, request.lease}, [&](auto* context) {
    return diff_->Apply(context, apply, &response);
  });
  if (!status.ok()) return std::unexpected(channel_.apply_error(status, what));
  if (response.applied().digest() == request.diff_id.str()) return {};  // containerd does not check
  return fail(Errc::digest_mismatch, what + ": it unpacks to " + response.applied().digest() +
                                         ", but the image's config says " + request.diff_id.str());
}

Result<> SnapshotClient::commit(const UnpackRequest& request, const std::string& key) const {
  snapshots_api::CommitSnapshotRequest commit;
  commit.set_snapshotter(channel_.options().snapshotter);
  commit.set_name(request.chain_id.str());
  commit.set_key(key);
  set_labels(commit, request);
  google::protobuf::Empty response;
  const auto status = channel_.call(channel_.brief(request.lease), [&](auto* context) {
    return stub_->Commit(context, commit, &response);
  });
  if (!is(status, grpc::StatusCode::ALREADY_EXISTS)) {
    return channel_.result(status,
                           "committing the snapshot of layer " + request.layer.digest.str());
  }
  TRY(remove(key));  // another client was faster
  return leases_.add(request.lease, "snapshots/" + channel_.options().snapshotter,
                     request.chain_id.str());
}

Result<> SnapshotClient::remove(const std::string& key) const {
  snapshots_api::RemoveSnapshotRequest request;
  request.set_snapshotter(channel_.options().snapshotter);
  request.set_key(key);
  google::protobuf::Empty response;
  const auto status = channel_.call({.deadline = std::chrono::seconds(4)}, [&](auto* context) {
    return stub_->Remove(context, request, &response);
  });
  if (is(status, grpc::StatusCode::NOT_FOUND)) return {};
  return channel_.result(status, "removing snapshot " + key);
}

}  // namespace nodeproof::containerd
