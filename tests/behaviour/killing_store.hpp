// An ImageStore that ends the process by SIGKILL at a named step, so that a test can kill a pull
// exactly there, and that knows how long the latest unpacking took. Not shipped.
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>

#include "agent/containerd/image_store.hpp"

namespace nodeproof {

// Steps: lease, began, half, before-commit, committed, before-unpack, unpacked, before-manifest,
// manifest, before-sync, synced. Each the first time it is reached; "" = never.
class Killer {
 public:
  explicit Killer(std::string step) : step_(std::move(step)) {}
  void at(std::string_view step) const {
    if (step == step_) std::raise(SIGKILL);
  }

 private:
  std::string step_;
};

class KillingWriter final : public BlobWriter {
 public:
  KillingWriter(std::unique_ptr<BlobWriter> writer, const Descriptor& blob, const Killer& killer)
      : writer_(std::move(writer)), blob_(blob), killer_(killer) {}
  [[nodiscard]] std::uint64_t offset() const override { return writer_->offset(); }
  Result<> write(Bytes bytes) override {
    TRY(writer_->write(bytes));
    if (is_layer() && writer_->offset() > blob_.size / 2) killer_.at("half");
    return {};
  }
  Result<> commit(const Labels& labels) override {
    if (is_layer()) killer_.at("before-commit");
    TRY(writer_->commit(labels));
    if (is_layer()) killer_.at("committed");
    if (media_type::is_manifest(blob_.media_type)) killer_.at("manifest");
    return {};
  }
  Result<> close() override { return writer_->close(); }
  Result<> abort() override { return writer_->abort(); }

 private:
  [[nodiscard]] bool is_layer() const { return media_type::is_layer(blob_.media_type); }

  std::unique_ptr<BlobWriter> writer_;
  Descriptor blob_;
  const Killer& killer_;
};

class KillingStore final : public ImageStore {
 public:
  KillingStore(ImageStore& store, std::string step) : store_(store), killer_(std::move(step)) {}

  Result<> create_lease(const Lease& lease, std::chrono::seconds lifetime) override {
    TRY(store_.create_lease(lease, lifetime));
    killer_.at("lease");
    return {};
  }
  Result<> delete_lease(const std::string& id, Release release) override {
    return store_.delete_lease(id, release);
  }
  Result<std::vector<Lease>> leases(const std::string& label) override {
    return store_.leases(label);
  }
  Result<std::optional<BlobInfo>> blob(const Digest& digest) override {
    return store_.blob(digest);
  }
  Result<std::uint64_t> begun(const Descriptor& blob, std::stop_token stop) override {
    return store_.begun(blob, std::move(stop));
  }
  Result<std::unique_ptr<BlobWriter>> begin_blob(const Descriptor& blob, const std::string& lease,
                                                 std::stop_token stop) override {
    if (media_type::is_manifest(blob.media_type)) killer_.at("before-manifest");
    auto writer = TRY(store_.begin_blob(blob, lease, std::move(stop)));
    if (!writer) return std::unique_ptr<BlobWriter>();
    killer_.at("began");
    return std::make_unique<KillingWriter>(std::move(writer), blob, killer_);
  }
  Result<> read_blob(const Digest& digest, const ByteSink& sink, std::stop_token stop) override {
    return store_.read_blob(digest, sink, std::move(stop));
  }
  Result<> label_blob(const Digest& digest, const Labels& labels) override {
    return store_.label_blob(digest, labels);
  }
  Result<bool> has_snapshot(const Digest& chain_id, const std::string& lease) override {
    return store_.has_snapshot(chain_id, lease);
  }
  Result<> unpack(const UnpackRequest& request, std::stop_token stop) override {
    killer_.at("before-unpack");
    const auto begin = std::chrono::steady_clock::now();
    TRY(store_.unpack(request, std::move(stop)));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    last_unpack_ = took.count();
    killer_.at("unpacked");
    return {};
  }
  Result<SnapshotPlace> stage(const UnpackRequest& request) override {
    killer_.at("before-stage");
    return store_.stage(request);
  }
  Result<std::optional<SnapshotPlace>> prepare(const UnpackRequest& request) override {
    killer_.at("before-prepare");
    return store_.prepare(request);
  }
  Result<> commit(const UnpackRequest& request, const SnapshotPlace& place) override {
    killer_.at("before-snapshot-commit");
    TRY(store_.commit(request, place));
    killer_.at("snapshot-committed");
    return {};
  }
  Result<> discard(const SnapshotPlace& place) override {
    killer_.at("before-discard");
    return store_.discard(place);
  }
  Result<> sync(const std::vector<Digest>& chain) override {
    killer_.at("before-sync");
    TRY(store_.sync(chain));
    killer_.at("synced");
    return {};
  }
  Result<std::optional<StoreVolumes>> volumes(std::stop_token stop) override {
    return store_.volumes(std::move(stop));
  }
  Result<std::optional<ImageRecord>> image(const std::string& name) override {
    return store_.image(name);
  }
  Result<> put_image(const ImageRecord& record) override { return store_.put_image(record); }
  Result<> remove_image(const std::string& name) override { return store_.remove_image(name); }
  Result<std::vector<ImageRecord>> images(const std::string& label) override {
    return store_.images(label);
  }
  Result<> label_image(const ImageRecord& record, const Labels& labels) override {
    return store_.label_image(record, labels);
  }

  // Seconds.
  [[nodiscard]] double last_unpack() const { return last_unpack_; }

 private:
  ImageStore& store_;
  Killer killer_;
  std::atomic<double> last_unpack_ = 0;
};

}  // namespace nodeproof
