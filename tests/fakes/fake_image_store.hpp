// A containerd's content, snapshots, leases and image records in memory, with its garbage collector
// and faults on demand.
#pragma once

#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/containerd/image_store.hpp"

namespace nodeproof {

// Operations are logged, and made to fail, by "<call> <what>": "begin sha256:..", "commit
// sha256:..", "read sha256:..", "label sha256:..", "unpack <chain ID>", "stage <chain ID>",
// "prepare <chain ID>", "snap <chain ID>" (its commit), "discard <key>", "lease <id>", "unlease
// <id>", "put <name>", "remove <name>", "sync". Only calls that change something or move bytes are
// logged.
class FakeImageStore final : public ImageStore {
 public:
  static constexpr unsigned kAlways = std::numeric_limits<unsigned>::max();

  // ---- what is there ----
  Digest add_blob(std::string bytes);
  void remove_blob(const Digest& digest);  // as discard_unpacked_layers does; snapshots stay
  void replace_bytes(const Digest& digest, std::string bytes);  // bit rot
  void add_snapshot(const Digest& chain_id);
  void add_ingest(const Digest& digest, std::string bytes);  // a partial download of an earlier run
  // Drops what neither a lease nor an image record holds, as containerd follows its gc labels.
  void collect_garbage();

  [[nodiscard]] bool has_blob(const Digest& digest) const;
  [[nodiscard]] bool has_chain(const Digest& chain_id) const;
  [[nodiscard]] Labels blob_labels(const Digest& digest) const;
  [[nodiscard]] std::string ingest(const Digest& digest) const;
  [[nodiscard]] std::map<std::string, ImageRecord> images() const;
  [[nodiscard]] std::vector<std::string> lease_ids() const;

  // The shortest life that a lease was asked for with.
  [[nodiscard]] std::chrono::seconds shortest_lease() const;

  [[nodiscard]] std::set<std::string> active_keys() const;  // of snapshots that are being written
  void set_copying();  // a snapshotter that copies what is below; else as overlayfs

  void set_volumes(StoreVolumes volumes);  // else they are not visible

  // ---- faults ----
  void fail_with(const std::string& operation, Error error, unsigned times = kAlways);

  // From the n-th operation on all fail and do nothing, as for a client that was killed; none = it
  // lives again.
  void die_after(std::optional<unsigned> operations);
  // When the ref of that blob is let go of the n-th time, another client writes these bytes: the
  // whole blob, or what it leaves in the ingest.
  void taken_when_closed(const Digest& digest, std::string bytes, unsigned times = 1);

  // ---- what happened ----
  [[nodiscard]] std::vector<std::string> log() const;
  [[nodiscard]] unsigned count(const std::string& prefix) const;  // of log lines
  void forget_log();
  [[nodiscard]] std::size_t largest_write() const;

  // ---- the port ----
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
  Result<> put_image(const ImageRecord& record) override;
  Result<> remove_image(const std::string& name) override;
  Result<std::vector<ImageRecord>> images(const std::string& label) override;
  Result<> label_image(const ImageRecord& record, const Labels& labels) override;

 private:
  friend class FakeBlobWriter;
  friend class FakeChainStore;
  struct Blob {
    std::string bytes;
    Labels labels;
  };
  struct Held {
    Lease lease;
    std::set<std::string> content, snapshots;
  };
  struct Fault {
    Error error;
    unsigned times = kAlways;
  };

  struct Taken {
    std::string bytes;
    unsigned closes = 1;  // until then
  };

  Result<> happens(const std::string& operation);  // with mutex_ held
  void set_free(const Digest& digest);             // an ingest; with mutex_ held
  void mark(const std::string& digest, std::set<std::string>& content,
            std::set<std::string>& chains) const;
  void mark_chain(std::string chain, std::set<std::string>& chains) const;

  mutable std::mutex mutex_;
  std::condition_variable_any freed_;  // an ingest, by its writer
  std::map<std::string, Blob> blobs_;
  std::map<std::string, Blob> removed_;  // on the disk until the next collection, and taken again
  std::map<std::string, std::string> ingests_;  // digest -> bytes so far
  std::set<std::string> open_;                  // ingests being written now
  std::map<std::string, std::string> chains_;   // chain ID -> parent
  std::set<std::string> active_;                // keys
  bool copying_ = false;
  std::map<std::string, Held> leases_;
  std::map<std::string, ImageRecord> images_;
  std::map<std::string, Fault> faults_;
  std::optional<unsigned> lives_;       // operations until it is killed
  std::map<std::string, Taken> taken_;  // digest -> what another client writes
  std::vector<std::string> log_;
  std::size_t largest_write_ = 0;
  std::chrono::seconds shortest_lease_ = std::chrono::seconds::max();
  std::optional<StoreVolumes> volumes_;
};

}  // namespace nodeproof
