#include "agent/containerd/grpc_image_store.hpp"

#include <unistd.h>

#include <filesystem>

#include "agent/containerd/blob_writer_grpc.hpp"
#include "agent/containerd/images_grpc.hpp"
#include "agent/containerd/introspection_grpc.hpp"
#include "agent/containerd/leases_grpc.hpp"
#include "agent/containerd/snapshots_grpc.hpp"
#include "common/file.hpp"

namespace nodeproof::containerd {

struct GrpcImageStore::Parts {
  Parts(ConnectionOptions options, std::stop_token stop)
      : channel(std::move(options), std::move(stop)) {}

  Channel channel;
  ContentClient content{channel};
  LeaseClient leases{channel};
  SnapshotClient snapshots{content, leases};
  ImageClient images{channel};
};

namespace {

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// The directory a plugin keeps its data in, if this process can see it (not so in a container of
// its own). From 1.7 on it is made when it is first needed: containerd's own, above it, will do.
Result<std::string> visible_root(const Channel& channel, const std::string& type,
                                 const std::string& id, const std::stop_token& stop) {
  for (const PluginFacts& plugin : TRY(plugins(channel, type, stop))) {
    if (plugin.id != id || plugin.root.empty()) continue;
    if (is_there(plugin.root)) return plugin.root;
    std::string above = std::filesystem::path(plugin.root).parent_path();
    if (is_there(above)) return above;
  }
  return std::string();
}

struct Roots {
  std::string content, snapshots;
};

// All layers of one snapshotter lie below its root, whichever the chain is. Nothing when one of the
// two is not to be seen.
Result<std::optional<Roots>> visible_roots(const Channel& channel, const std::stop_token& stop) {
  Roots roots{TRY(visible_root(channel, "io.containerd.content.v1", "content", stop)),
              TRY(visible_root(channel, "io.containerd.snapshotter.v1",
                               channel.options().snapshotter, stop))};
  if (roots.content.empty() || roots.snapshots.empty()) return std::nullopt;
  return roots;
}

}  // namespace

GrpcImageStore::GrpcImageStore(ConnectionOptions options, std::stop_token stop)
    : parts_(std::make_unique<Parts>(std::move(options), std::move(stop))) {}
GrpcImageStore::~GrpcImageStore() = default;

Result<> GrpcImageStore::create_lease(const Lease& lease, std::chrono::seconds lifetime) {
  return parts_->leases.create(lease, lifetime);
}

Result<> GrpcImageStore::delete_lease(const std::string& id, Release release) {
  return parts_->leases.remove(id, release);
}

Result<std::vector<Lease>> GrpcImageStore::leases(const std::string& label) {
  return parts_->leases.list(label);
}

Result<std::optional<BlobInfo>> GrpcImageStore::blob(const Digest& digest) {
  return parts_->content.info(digest);
}

Result<std::uint64_t> GrpcImageStore::begun(const Descriptor& blob, std::stop_token stop) {
  const auto status = TRY(parts_->content.ingest(ref_key(blob), stop));
  return status ? static_cast<std::uint64_t>(status->offset()) : 0;
}

Result<std::unique_ptr<BlobWriter>> GrpcImageStore::begin_blob(const Descriptor& blob,
                                                               const std::string& lease,
                                                               std::stop_token stop) {
  return containerd::begin_blob(parts_->content, blob, lease, stop);
}

Result<> GrpcImageStore::read_blob(const Digest& digest, const ByteSink& sink,
                                   std::stop_token stop) {
  return parts_->content.read(digest, sink, stop);
}

Result<> GrpcImageStore::label_blob(const Digest& digest, const Labels& labels) {
  return parts_->content.label(digest, labels);
}

Result<bool> GrpcImageStore::has_snapshot(const Digest& chain_id, const std::string& lease) {
  return parts_->snapshots.has(chain_id, lease);
}

Result<> GrpcImageStore::unpack(const UnpackRequest& request, std::stop_token stop) {
  return parts_->snapshots.unpack(request, stop);
}

Result<SnapshotPlace> GrpcImageStore::stage(const UnpackRequest& request) {
  return parts_->snapshots.stage(request);
}

Result<std::optional<SnapshotPlace>> GrpcImageStore::prepare(const UnpackRequest& request) {
  return parts_->snapshots.prepare_place(request);
}

Result<> GrpcImageStore::commit(const UnpackRequest& request, const SnapshotPlace& place) {
  return parts_->snapshots.commit_place(request, place);
}

Result<> GrpcImageStore::discard(const SnapshotPlace& place) {
  return parts_->snapshots.remove(place.key);
}

Result<> GrpcImageStore::sync(const std::vector<Digest>& /*chain*/) {
  const auto roots = TRY(visible_roots(parts_->channel, {}));
  if (!roots) {
    ::sync();  // every file system of this kernel, those of other mount namespaces too
    return {};
  }
  TRY(sync_file_system(roots->content));
  return sync_file_system(roots->snapshots);
}

Result<std::optional<StoreVolumes>> GrpcImageStore::volumes(std::stop_token stop) {
  const auto roots = TRY(visible_roots(parts_->channel, stop));
  if (!roots) return std::nullopt;
  return StoreVolumes{{roots->content, TRY(volume_of(roots->content))},
                      {roots->snapshots, TRY(volume_of(roots->snapshots))}};
}

Result<std::optional<ImageRecord>> GrpcImageStore::image(const std::string& name) {
  return parts_->images.get(name);
}

Result<std::vector<ImageRecord>> GrpcImageStore::images(const std::string& label) {
  return parts_->images.list(label);
}

Result<> GrpcImageStore::put_image(const ImageRecord& record) { return parts_->images.put(record); }

Result<> GrpcImageStore::label_image(const ImageRecord& record, const Labels& labels) {
  return parts_->images.label(record, labels);
}

Result<> GrpcImageStore::remove_image(const std::string& name) {
  return parts_->images.remove(name);
}

}  // namespace nodeproof::containerd
