// Unpacking layers with containerd's snapshot and diff services, or by one's own hand.
#pragma once

#include <stop_token>

#include "agent/containerd/content_grpc.hpp"
#include "agent/containerd/leases_grpc.hpp"
#include "github.com/containerd/containerd/api/services/diff/v1/diff.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/snapshots/v1/snapshots.grpc.pb.h"

namespace nodeproof::containerd {

namespace snapshots_api = ::containerd::services::snapshots::v1;
namespace diff_api = ::containerd::services::diff::v1;

using Mounts = google::protobuf::RepeatedPtrField<::containerd::types::Mount>;

class SnapshotClient {
 public:
  SnapshotClient(const ContentClient& content, const LeaseClient& leases);

  // true = it is there; with a lease it is held from now on.
  Result<bool> has(const Digest& chain_id, const std::string& lease) const;
  Result<> unpack(const UnpackRequest& request, const std::stop_token& stop) const;

  // As the ImageStore port says.
  Result<SnapshotPlace> stage(const UnpackRequest& request) const;
  Result<std::optional<SnapshotPlace>> prepare_place(const UnpackRequest& request) const;
  Result<> commit_place(const UnpackRequest& request, const SnapshotPlace& place) const;
  Result<> remove(const std::string& key) const;

 private:
  struct Wish {  // for an active snapshot
    std::string key;
    std::optional<Digest> parent;
    bool labelled = true;  // with what it is going to be
  };
  Result<bool> stat(const std::string& key) const;
  // No mounts: the chain is there already.
  Result<std::optional<Mounts>> prepare(const UnpackRequest& request, const Wish& wish) const;
  // Takes it back where the mounts are not for us.
  Result<SnapshotPlace> place_of(const Wish& wish, const Mounts& mounts) const;
  Result<> check_seen(const SnapshotPlace& place) const;
  Result<std::int64_t> inodes(const std::string& key) const;
  Result<> apply(const UnpackRequest& request, const Mounts& mounts,
                 const std::stop_token& stop) const;
  Result<> commit(const UnpackRequest& request, const std::string& key) const;
  Result<> label_unpacked(const UnpackRequest& request) const;

  const ContentClient& content_;
  const LeaseClient& leases_;
  const Channel& channel_;
  std::unique_ptr<snapshots_api::Snapshots::Stub> stub_;
  std::unique_ptr<diff_api::Diff::Stub> diff_;
};

}  // namespace nodeproof::containerd
