// Single blobs into the content store: layers as streams with an observer, documents from memory.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "agent/prepull/download.hpp"
#include "agent/prepull/prepull.hpp"
#include "agent/prepull/staging.hpp"

namespace nodeproof::prepull {

// The blobs of one image under its lease. Safe to call from several threads.
class BlobPuller {
 public:
  // All but the lease's name outlive it. Without a staging layers are stored, and that is all.
  BlobPuller(const ResolvedImage& image, const PullPorts& ports, std::string lease,
             Staging* staging = nullptr);

  // Into the content store, unless it is there; on the way observed if the observer factory asks
  // for it, and staged if it is to be unpacked and can be.
  Result<> store_layer(std::size_t layer, const Passage& passage, const std::stop_token& stop);
  // It is there, by the doing of another image: held by this one's lease from now on.
  Result<> hold_layer(std::size_t layer, const std::stop_token& stop);
  // It is there and was staged for nobody, or in vain: staged now, if it can be. Its parent is
  // committed.
  Result<> stage_layer(std::size_t layer, const std::stop_token& stop);
  [[nodiscard]] UnpackRequest unpack_request(std::size_t layer) const;
  // Only read, from the content store or else the registry, and only if the observer factory asks
  // for it.
  Result<> inspect_layer(std::size_t layer, const Passage& passage, const std::stop_token& stop);
  // Bytes are known to hash to the descriptor's digest.
  Result<> store_document(const Descriptor& blob, std::string_view bytes, Labels labels,
                          const std::stop_token& stop);

 private:
  using Observer = std::unique_ptr<LayerObserver>;
  struct Sinks {                          // of one reading
    std::unique_ptr<StagedLayer> staged;  // outlives the observer, who writes to it
    Observer observer;
  };

  Result<> store_layer_once(std::size_t layer, const Passage& passage, const std::stop_token& stop);
  Result<> observe_stored(std::size_t layer, Observer observer, const std::stop_token& stop);
  // All who want it and have not had it yet get it from the store.
  Result<> read_stored(std::size_t layer, const std::stop_token& stop);
  [[nodiscard]] Sinks sinks_for(std::size_t layer, const std::stop_token& stop) const;
  Result<> observe_remote(std::size_t layer, Observer observer, const Passage& passage,
                          const std::stop_token& stop);
  Result<> check_stored(const Descriptor& blob, const std::stop_token& stop);
  Result<bool> store_document_once(const Descriptor& blob, std::string_view bytes,
                                   const Labels& labels, const std::stop_token& stop);
  Result<> add_labels(const Digest& digest, Labels labels);
  Result<Registry*> whom_to_ask(const Descriptor& blob, const Passage& passage,
                                const std::stop_token& stop) const;
  Observer observer_of(std::size_t layer, PlainSink* plain = nullptr) const;
  [[nodiscard]] const Descriptor& descriptor(std::size_t layer) const;

  const ResolvedImage& image_;
  const PullPorts& ports_;
  std::string lease_;
  Staging* staging_;
  std::vector<Digest> chain_;
};

}  // namespace nodeproof::prepull
