// An image's blobs in the content store: read and hashed, and what is wrong fetched again.
#pragma once

#include <string>
#include <vector>

#include "agent/containerd/chain_store.hpp"
#include "agent/model.hpp"
#include "agent/prepull/prepull.hpp"

namespace nodeproof {

enum class StoredState { whole, absent, damaged };

struct StoredBlob {
  Descriptor blob;
  int layer = -1;  // place in the manifest; -1 = a document
  StoredState state = StoredState::whole;
  std::string evidence;  // of the damage
};

// Of an error while a blob was read: it says nothing about the blob.
[[nodiscard]] bool is_about_containerd(Errc code);

struct BlobMender {
  const ResolvedImage& image;
  const prepull::PullPorts& ports;
  ChainStore& chains;
  const std::string& snapshotter;
  const std::string& lease;

  // Index, manifest and config, and all layers. A layer that the observers do not know is shown to
  // them. Errors: containerd could not be asked.
  Result<std::vector<StoredBlob>> examine(const std::stop_token& stop) const;
  // So that nothing of it is lost while its parts come and go; the lease exists.
  Result<> hold(const std::vector<StoredBlob>& blobs) const;
  // What is damaged is removed, and that and what is absent is fetched by its digest; not before
  // the registry has said that it has it. Errors: why one of them could not be had.
  Result<> mend(const std::vector<StoredBlob>& blobs, const std::stop_token& stop) const;

 private:
  Result<StoredBlob> look_at(const Descriptor& blob, int layer, const std::stop_token& stop) const;
  Result<> fetch(const StoredBlob& blob, const std::stop_token& stop) const;
  Result<> store(const StoredBlob& blob, const std::stop_token& stop) const;
};

// Graded: a blob is needed to unpack an image again, what runs is what was unpacked before.
[[nodiscard]] Finding blob_finding(const StoredBlob& blob, const std::string& image);

}  // namespace nodeproof
