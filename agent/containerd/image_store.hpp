// The ImageStore port: containerd's content store, leases, snapshots and image records, as prepull
// needs them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/bytes.hpp"
#include "common/file_system.hpp"
#include "common/oci.hpp"

namespace nodeproof {

using Labels = std::map<std::string, std::string>;

struct BlobInfo {
  Digest digest;
  std::uint64_t size = 0;
  Labels labels;
};

struct ImageRecord {
  std::string name;  // docker.io/library/x:1
  Descriptor target;
  Labels labels;
  friend bool operator==(const ImageRecord&, const ImageRecord&) = default;
};

struct Lease {
  std::string id;
  Labels labels;
};

// When what a lease held alone is to be gone: whenever containerd next looks, or before the call
// returns.
enum class Release { lazily, at_once };

// An ingest under containerd's own ref key. Destroyed without commit(): the partial blob stays, but
// for what is on its way, and is resumed next time.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  [[nodiscard]] virtual std::uint64_t offset() const = 0;  // bytes containerd holds already
  virtual Result<> write(Bytes bytes) = 0;
  // Errc::digest_mismatch: containerd refused the bytes; the ingest has been aborted.
  virtual Result<> commit(const Labels& labels) = 0;
  // Lets go of the ref, with all that was written in the ingest: whoever waits for it goes on
  // there.
  virtual Result<> close() = 0;
  virtual Result<> abort() = 0;  // drops the ingest
};

// A directory of containerd's, and the file system it is on.
struct StoreVolume {
  std::string path;
  Volume volume;
};

struct StoreVolumes {
  StoreVolume content;    // blobs
  StoreVolume snapshots;  // unpacked layers
};

struct UnpackRequest {
  Descriptor layer;
  Digest diff_id;
  std::optional<Digest> parent;  // chain ID below; none for the bottom layer
  Digest chain_id;
  std::string lease;
};

// An active snapshot, and where a process may write its files itself.
struct SnapshotPlace {
  std::string key;
  std::string directory;           // empty, or with `copied` a copy of all below
  std::vector<std::string> lower;  // of overlayfs: the layers below, uppermost first
  bool copied = false;
};

// Blobs, unpacked layers and their names. All calls honour the stop token and end within 5 s of it.
class ImageStore {
 public:
  virtual ~ImageStore() = default;

  virtual Result<> create_lease(const Lease& lease,
                                std::chrono::seconds lifetime) = 0;           // existing is fine
  virtual Result<> delete_lease(const std::string& id, Release release) = 0;  // absent is fine
  virtual Result<std::vector<Lease>> leases(
      const std::string& label) = 0;  // those that carry the label

  virtual Result<std::optional<BlobInfo>> blob(const Digest& digest) = 0;
  // Bytes of it that an unfinished ingest holds.
  virtual Result<std::uint64_t> begun(const Descriptor& blob, std::stop_token stop) = 0;
  // nullptr = the blob is here (and now held by the lease). Waits while another client (a kubelet)
  // writes the same ref.
  virtual Result<std::unique_ptr<BlobWriter>> begin_blob(const Descriptor& blob,
                                                         const std::string& lease,
                                                         std::stop_token stop) = 0;
  // Errc::not_found when there is no such blob.
  virtual Result<> read_blob(const Digest& digest, const ByteSink& sink, std::stop_token stop) = 0;
  virtual Result<> label_blob(const Digest& digest, const Labels& labels) = 0;  // adds and replaces

  // true = the snapshot exists; with a lease it is held from now on.
  virtual Result<bool> has_snapshot(const Digest& chain_id, const std::string& lease) = 0;
  // Applies the layer on its parent; someone else having done it meanwhile is success. Checks the
  // applied diff ID.
  virtual Result<> unpack(const UnpackRequest& request, std::stop_token stop) = 0;
  // The same in steps, by who writes the files himself. Errc::unsupported: this snapshotter's
  // mounts are not for that, or its directories not to be seen or written from here; nothing is
  // left behind.
  //
  // A place with nothing below, whatever the layer's parent is.
  virtual Result<SnapshotPlace> stage(const UnpackRequest& request) = 0;
  // The place upon its parent. Nothing = the chain is there already, and held.
  virtual Result<std::optional<SnapshotPlace>> prepare(const UnpackRequest& request) = 0;
  // What was written is synced to disk, then has its chain ID; someone else having been faster is
  // success. The key is gone on success.
  virtual Result<> commit(const UnpackRequest& request, const SnapshotPlace& place) = 0;
  virtual Result<> discard(const SnapshotPlace& place) = 0;

  // After the last commit, before ready: syncfs on what holds snapshots and content.
  virtual Result<> sync(const std::vector<Digest>& chain) = 0;

  // Nothing where containerd's directories are not this process' to see.
  virtual Result<std::optional<StoreVolumes>> volumes(std::stop_token stop) = 0;

  virtual Result<std::optional<ImageRecord>> image(const std::string& name) = 0;
  virtual Result<std::vector<ImageRecord>> images(
      const std::string& label) = 0;                          // those that carry the label
  virtual Result<> put_image(const ImageRecord& record) = 0;  // creates or updates
  // Adds and replaces labels, and nothing else; those with an empty value are removed. An absent
  // record is fine.
  virtual Result<> label_image(const ImageRecord& record, const Labels& labels) = 0;
  virtual Result<> remove_image(const std::string& name) = 0;  // absent is fine
};

}  // namespace nodeproof
