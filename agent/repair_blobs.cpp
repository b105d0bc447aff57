#include "agent/repair_blobs.hpp"

#include <utility>

#include "agent/codes.hpp"
#include "agent/prepull/blobs.hpp"
#include "agent/prepull/labels.hpp"
#include "common/crypto.hpp"

namespace nodeproof {
namespace {

std::string_view bytes_of(const ResolvedImage& image, const Digest& digest) {
  if (image.index && digest == image.index->digest) return image.index_bytes;
  return digest == image.manifest.digest ? image.manifest_bytes : image.config_bytes;
}

}  // namespace

bool is_about_containerd(Errc code) {
  return code == Errc::cancelled || code == Errc::runtime_unavailable || code == Errc::timeout ||
         code == Errc::permission_denied;
}

Finding blob_finding(const StoredBlob& blob, const std::string& image) {
  return {.code = std::string(code::kContentCorrupt),
          .severity = Severity::warn,
          .subject = blob.blob.digest.str(),
          .layer = blob.layer < 0 ? "" : blob.blob.digest.str(),
          .message = "the stored blob " + blob.blob.digest.str() +
                     " is damaged; what is unpacked of it runs on, but it cannot be unpacked again",
          .evidence = blob.evidence,
          .remedy = "fetch it again: nodeproof repair " + image};
}

Result<StoredBlob> BlobMender::look_at(const Descriptor& blob, int layer,
                                       const std::stop_token& stop) const {
  StoredBlob found{blob, layer, StoredState::whole, ""};
  if (!TRY(ports.store.blob(blob.digest))) {
    found.state = StoredState::absent;
    return found;
  }
  auto observer = layer < 0 || !ports.observers
                      ? nullptr
                      : ports.observers({blob, image.config.diff_ids[static_cast<size_t>(layer)]});
  Hasher hasher(blob.digest.algorithm());
  std::uint64_t size = 0;
  const auto read = ports.store.read_blob(
      blob.digest,
      [&](Bytes bytes) -> Result<> {
        size += bytes.size();
        hasher.update(bytes);
        if (observer) observer->write(bytes);
        return {};
      },
      stop);
  if (!read && is_about_containerd(read.error().code)) return std::unexpected(read.error());
  const Digest hash = hasher.finish();
  if (read && hash == blob.digest) {
    if (observer) observer->finish();
    return found;
  }
  found.state = StoredState::damaged;
  found.evidence = !read               ? read.error().message
                   : size != blob.size ? std::to_string(size) + " of " + std::to_string(blob.size) +
                                             " bytes are there"
                                       : "its bytes hash to " + hash.str();
  return found;
}

Result<std::vector<StoredBlob>> BlobMender::examine(const std::stop_token& stop) const {
  std::vector<StoredBlob> found;
  if (image.index) found.push_back(TRY(look_at(*image.index, -1, stop)));
  found.push_back(TRY(look_at(image.manifest, -1, stop)));
  found.push_back(TRY(look_at(image.document.config, -1, stop)));
  int layer = 0;
  for (const Descriptor& blob : image.document.layers) {
    found.push_back(TRY(look_at(blob, layer++, stop)));
  }
  return found;
}

Result<> BlobMender::hold(const std::vector<StoredBlob>& blobs) const {
  for (const StoredBlob& one : blobs) {
    if (one.state != StoredState::whole) continue;
    if (const auto gone = TRY(ports.store.begin_blob(one.blob, lease, {}))) TRY(gone->abort());
  }
  return {};
}

// Documents are at hand already.
Result<> BlobMender::store(const StoredBlob& one, const std::stop_token& stop) const {
  prepull::BlobPuller puller(image, ports, lease);
  prepull::Passage passage;
  passage.came = passage.found = [](std::uint64_t) {};
  if (one.layer >= 0) return puller.store_layer(static_cast<std::size_t>(one.layer), passage, stop);
  const Digest& digest = one.blob.digest;
  Labels labels;
  if (digest == image.manifest.digest) labels = prepull::manifest_labels(image.document);
  if (digest == image.document.config.digest) {
    labels = prepull::config_labels(snapshotter, chain_ids(image.config.diff_ids).back());
  }
  if (image.index && digest == image.index->digest) {
    const auto index = TRY(parse_image_document(image.index_bytes, image.index->media_type));
    if (const auto* list = std::get_if<Index>(&index)) labels = prepull::index_labels(*list);
  }
  return puller.store_document(one.blob, bytes_of(image, digest), std::move(labels), stop);
}

// Its labels say what it holds, of which other repositories it is, and what it unpacks to.
Result<> BlobMender::fetch(const StoredBlob& one, const std::stop_token& stop) const {
  Labels labels;
  if (one.state == StoredState::damaged) {
    if (const auto known = TRY(ports.store.blob(one.blob.digest))) labels = known->labels;
    TRY(chains.remove_blob(one.blob.digest));
  }
  TRY(chains.collect_garbage());  // also of one that an earlier repair removed and was killed
  TRY(store(one, stop));
  if (one.layer >= 0) {
    const auto place = static_cast<std::size_t>(one.layer);
    labels.insert_or_assign("containerd.io/uncompressed", image.config.diff_ids[place].str());
  }
  if (!labels.empty()) TRY(ports.store.label_blob(one.blob.digest, labels));
  const StoredBlob again = TRY(look_at(one.blob, one.layer, stop));
  if (again.state == StoredState::whole) return {};
  return fail(Errc::digest_mismatch,
              "blob " + one.blob.digest.str() + " is damaged again: " + again.evidence,
              "look whether another namespace of containerd holds it (ctr namespaces ls), and at "
              "the disk's health");
}

Result<> BlobMender::mend(const std::vector<StoredBlob>& blobs, const std::stop_token& stop) const {
  for (const StoredBlob& one : blobs) {
    if (one.state == StoredState::whole || one.layer < 0 || one.blob.size == 0) continue;
    const BlobState state = TRY(ports.registry.probe(image.reference, one.blob, stop));
    if (state == BlobState::whole || state == BlobState::announced) continue;
    return fail(Errc::not_found,
                "the registry no longer delivers blob " + one.blob.digest.str() + " of " +
                    image.reference.name(),
                "push the image again, or bring it as an archive: sources");
  }
  for (const StoredBlob& one : blobs) {
    if (one.state != StoredState::whole) TRY(fetch(one, stop));
  }
  return {};
}

}  // namespace nodeproof
