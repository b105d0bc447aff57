// containerd's leases: what holds content and snapshots against the garbage collector while nothing
// else does yet.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent/containerd/channel_grpc.hpp"
#include "agent/containerd/image_store.hpp"
#include "github.com/containerd/containerd/api/services/leases/v1/leases.grpc.pb.h"

namespace nodeproof::containerd {

namespace leases_api = ::containerd::services::leases::v1;

class LeaseClient {
 public:
  explicit LeaseClient(const Channel& channel);

  // An existing lease past half its life is replaced by one that holds the same things.
  Result<> create(const Lease& lease, std::chrono::seconds lifetime) const;
  Result<> remove(const std::string& id,
                  Release release = Release::lazily) const;  // absent is fine
  Result<std::vector<Lease>> list(const std::string& label) const;
  // type: "content", "ingests" or "snapshots/<snapshotter>".
  Result<> add(const std::string& id, const std::string& type, const std::string& resource) const;

 private:
  Result<bool> try_create(const std::string& id, const Labels& labels) const;  // false = exists
  Result<std::vector<Lease>> select(const std::string& filter) const;
  Result<> copy(const std::string& from, const std::string& to) const;
  Result<> renew(const std::string& id, const Labels& labels) const;

  const Channel& channel_;
  std::unique_ptr<leases_api::Leases::Stub> stub_;
};

}  // namespace nodeproof::containerd
