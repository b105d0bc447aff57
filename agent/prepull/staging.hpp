// Layers that nodeproof unpacks itself: each is written while it streams, without sight of the
// layers below, and given its place when those are committed.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"
#include "agent/prepull/prepull.hpp"
#include "agent/unpack/layer_unpacker.hpp"
#include "common/layer_reader.hpp"

namespace nodeproof::prepull {

// One layer on its way into a snapshot of its own. Destroyed: the writer is ended, and what is not
// handed on is taken back.
class StagedLayer final : public PlainSink {
 public:
  // The store outlives it.
  StagedLayer(ImageStore& store, SnapshotPlace place, std::unique_ptr<LayerWriting> writing,
              std::stop_token stop);
  ~StagedLayer() override;
  StagedLayer(const StagedLayer&) = delete;
  StagedLayer& operator=(const StagedLayer&) = delete;

  bool write(Bytes plain) override;
  void end(Result<PlainTarEnd> end) override;

  // After end(): waits for the writer.
  void complete(const UnpackRequest& request);
  // Of a complete one. Errc::unsupported: this layer is for containerd.
  [[nodiscard]] const Result<UnpackedLayer>& outcome() const { return outcome_; }
  [[nodiscard]] const SnapshotPlace& place() const { return place_; }
  void committed() { owned_ = false; }  // there is nothing to take back

 private:
  Result<UnpackedLayer> judge(const UnpackRequest& request);

  ImageStore& store_;
  SnapshotPlace place_;
  std::unique_ptr<LayerWriting> writing_;
  std::stop_token stop_;
  std::optional<Result<PlainTarEnd>> end_;  // none = the stream broke off
  Result<UnpackedLayer> outcome_;
  bool owned_ = true;
};

// Of one image. Safe to call from several threads.
class Staging {
 public:
  // ahead: the snapshotter's places for layers need nothing of their parents.
  Staging(ImageStore& store, UnpackWay way, bool ahead);

  // nullptr: this layer is not for us, and the reason is remembered; or not before its parent is
  // there.
  std::unique_ptr<StagedLayer> begin(const UnpackRequest& request, bool parent_is_there,
                                     const std::stop_token& stop);
  // Its stream has ended.
  void keep(const UnpackRequest& request, std::unique_ptr<StagedLayer> layer);
  [[nodiscard]] bool holds(const Digest& chain_id) const;

  // Gives a layer that is kept its place upon its parent, which is committed. false: it is not
  // kept, or for containerd to unpack.
  Result<bool> place(const UnpackRequest& request);

  void unpacked_by_containerd();
  [[nodiscard]] Unpacked summary() const;

 private:
  Result<> put(const UnpackRequest& request, StagedLayer& staged);
  Result<> adopt(const UnpackRequest& request, const StagedLayer& staged);
  void remember(const UnpackRequest& request, const Error& why);
  void remember(const std::string& reason);

  ImageStore& store_;
  const UnpackWay way_;
  const bool ahead_;
  mutable std::mutex mutex_;                                  // of all below
  std::map<std::string, std::unique_ptr<StagedLayer>> kept_;  // by chain ID
  Unpacked summary_;
};

}  // namespace nodeproof::prepull
