// Layers that nodeproof unpacks itself: each is written while it streams, without sight of the
// layers below, and given its place when those are committed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"
#include "agent/prepull/prepull.hpp"
#include "agent/unpack/layer_unpacker.hpp"
#include "common/layer_reader.hpp"

namespace nodeproof::prepull {

// Whether there is room for the next piece of a layer. Called from several threads.
using RoomCheck = std::function<Result<>()>;
inline constexpr std::uint64_t kRoomPiece = 64 << 20;  // bytes between two looks

// One layer on its way into a snapshot of its own. Destroyed: the writer is ended, and what is not
// handed on is taken back.
class StagedLayer final : public PlainSink {
 public:
  struct Limits {
    const RoomCheck& room;  // outlives it
    std::stop_token stop;   // ends the writer
  };
  // The store outlives it.
  StagedLayer(ImageStore& store, SnapshotPlace place, std::unique_ptr<LayerWriting> writing,
              Limits limits);
  ~StagedLayer() override;
  StagedLayer(const StagedLayer&) = delete;
  StagedLayer& operator=(const StagedLayer&) = delete;

  bool write(Bytes plain) override;
  void end(Result<PlainTarEnd> end) override;

  // After end(): waits for the writer. What failed is taken back at once.
  void complete(const UnpackRequest& request);
  // Of a complete one. Errc::unsupported: this layer is for containerd.
  [[nodiscard]] const Result<UnpackedLayer>& outcome() const { return outcome_; }
  [[nodiscard]] const SnapshotPlace& place() const { return place_; }
  void committed() { owned_ = false; }  // there is nothing to take back
  bool give_back();                     // false: containerd did not answer; a lease's end does it

 private:
  struct Abandon {
    LayerWriting& writing;
    void operator()() const { writing.abandon(); }
  };
  Result<UnpackedLayer> judge(const UnpackRequest& request);

  ImageStore& store_;
  SnapshotPlace place_;
  std::unique_ptr<LayerWriting> writing_;
  Limits limits_;
  std::optional<std::stop_callback<Abandon>> on_stop_;
  std::uint64_t given_ = 0;  // bytes
  std::optional<Error> no_room_;
  std::optional<Result<PlainTarEnd>> end_;  // none = the stream broke off
  Result<UnpackedLayer> outcome_;
  bool owned_ = true;
};

// Of one image. Safe to call from several threads.
class Staging {
 public:
  // ahead: the snapshotter's places for layers need nothing of their parents.
  Staging(ImageStore& store, UnpackWay way, bool ahead);
  // Gives back what has no place yet, as long as containerd answers.
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  void check_room_by(RoomCheck room) { room_ = std::move(room); }  // before the first begin()

  // Layers are written as they come, whatever is below them.
  [[nodiscard]] bool takes_any_order() const {
    return ahead_ && way_.unpacker != nullptr && !not_for_us();
  }

  // nullptr: this layer is not for us, and the reason is remembered; or not before its parent is
  // there.
  std::unique_ptr<StagedLayer> begin(const UnpackRequest& request, bool parent_is_there,
                                     const std::stop_token& stop);
  // Its stream has ended.
  void keep(const UnpackRequest& request, std::unique_ptr<StagedLayer> layer);
  [[nodiscard]] bool holds(const Digest& chain_id) const;
  // Its files are being written here, or are written.
  [[nodiscard]] bool takes_room(const Digest& chain_id) const;
  void clear();

  // Gives a layer that is kept its place upon its parent, which is committed. false: it is not
  // kept, or for containerd to unpack.
  Result<bool> place(const UnpackRequest& request);

  void unpacked_by_containerd();
  [[nodiscard]] Unpacked summary() const;

 private:
  Result<> put(const UnpackRequest& request, StagedLayer& staged);
  Result<> adopt(const UnpackRequest& request, const StagedLayer& staged);
  [[nodiscard]] bool not_for_us() const;
  void not_here(const UnpackRequest& request, const Error& why);
  void remember(const UnpackRequest& request, const Error& why);
  void remember(const std::string& reason);

  ImageStore& store_;
  const UnpackWay way_;
  const bool ahead_;
  RoomCheck room_ = [] { return Result<>{}; };
  mutable std::mutex mutex_;                                  // of all below
  std::map<std::string, std::unique_ptr<StagedLayer>> kept_;  // by chain ID
  std::set<std::string> begun_;                               // chain IDs
  bool not_here_ = false;  // this snapshotter's places are not for us
  Unpacked summary_;
};

}  // namespace nodeproof::prepull
