// The ImageStore of a real containerd.
#pragma once

#include "agent/containerd/connection.hpp"
#include "agent/containerd/image_store.hpp"

namespace nodeproof::containerd {

// Connects when first used. Safe to call from several threads.
class GrpcImageStore final : public ImageStore {
 public:
  // stop: ends the calls that take no token of their own, save those that clean up.
  explicit GrpcImageStore(ConnectionOptions options, std::stop_token stop = {});
  ~GrpcImageStore() override;
  GrpcImageStore(const GrpcImageStore&) = delete;
  GrpcImageStore& operator=(const GrpcImageStore&) = delete;

  Result<> create_lease(const Lease& lease, std::chrono::seconds lifetime) override;
  Result<> delete_lease(const std::string& id, Release release) override;
  Result<std::vector<Lease>> leases(const std::string& label) override;

  Result<std::optional<BlobInfo>> blob(const Digest& digest) override;
  Result<std::uint64_t> begun(const Descriptor& blob, std::stop_token stop) override;
  Result<std::unique_ptr<BlobWriter>> begin_blob(const Descriptor& blob, const std::string& lease,
                                                 std::stop_token stop) override;
  Result<> read_blob(const Digest& digest, const ByteSink& sink, std::stop_token stop) override;
  Result<> label_blob(const Digest& digest, const Labels& labels) override;

  Result<bool> has_snapshot(const Digest& chain_id, const std::string& lease) override;
  Result<> unpack(const UnpackRequest& request, std::stop_token stop) override;
  Result<SnapshotPlace> stage(const UnpackRequest& request) override;
  Result<std::optional<SnapshotPlace>> prepare(const UnpackRequest& request) override;
  Result<> commit(const UnpackRequest& request, const SnapshotPlace& place) override;
  Result<> discard(const SnapshotPlace& place) override;
  Result<> sync(const std::vector<Digest>& chain) override;
  Result<std::optional<StoreVolumes>> volumes(std::stop_token stop) override;

  Result<std::optional<ImageRecord>> image(const std::string& name) override;
  Result<std::vector<ImageRecord>> images(const std::string& label) override;
  Result<> put_image(const ImageRecord& record) override;
  Result<> label_image(const ImageRecord& record, const Labels& labels) override;
  Result<> remove_image(const std::string& name) override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nodeproof::containerd
