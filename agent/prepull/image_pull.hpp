// One image's part in a set: what is there of it, its lease, and its documents when all layers are
// in.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/prepull/blobs.hpp"
#include "agent/prepull/plan.hpp"
#include "agent/prepull/prepull.hpp"

namespace nodeproof::prepull {

struct WantedImage {
  const ResolvedImage& image;
  std::string title;     // Progress::image; "" = the image's normalised name
  std::string lease_id;  // "" = lease_id_for(the image)
  bool may_wait = true;  // false: no bandwidth cap holds it up
  // Why the registry is not to be asked for its layers now: it fails with this unless they are had
  // without. Nothing = it is asked, until all is there.
  std::optional<Error> closed = {};
};

// Errc::unsupported or invalid_document: an image that cannot be unpacked.
Result<> check_shape(const ResolvedImage& image);

// What containerd has of its layers, where sizes may be empty. With a lease, that holds what is
// unpacked from now on.
Result<ImageLayers> what_is_here(const ResolvedImage& image, ImageStore& store,
                                 const UnpackedSizes& sizes, const std::string& lease);

// Safe to call from several threads.
class ImagePull {
 public:
  // The image and all that the two references name outlive it.
  ImagePull(WantedImage wanted, const PullPorts& ports, const SetOptions& options);

  // Creates the lease, which then holds those of the layers that are unpacked already.
  Result<ImageLayers> look();
  Result<> unpack(std::size_t layer, const std::stop_token& stop);
  // It is there, by the doing of another image: held by this one's lease from now on.
  Result<> hold_unpacked(std::size_t layer);
  // Config, manifest and index; then all of it is synced to disk.
  Result<PulledImage> finish(const std::stop_token& stop);
  // Deletes the lease if what came is of no use, or in the way.
  [[nodiscard]] Error give_up(Error error);

  // Its files have their room already, and only its place is not given yet.
  [[nodiscard]] bool is_staged(std::size_t layer) const {
    return staging_.takes_room(chain_[layer]);
  }
  [[nodiscard]] bool takes_any_order() const { return staging_.takes_any_order(); }
  void check_room_by(RoomCheck room) { staging_.check_room_by(std::move(room)); }
  [[nodiscard]] BlobPuller& blobs() { return blobs_; }
  [[nodiscard]] const WantedImage& wanted() const { return wanted_; }
  [[nodiscard]] const ResolvedImage& image() const { return wanted_.image; }

 private:
  Result<> store_documents(const std::stop_token& stop);
  [[nodiscard]] PullStats stats() const;

  WantedImage wanted_;
  const PullPorts& ports_;
  const SetOptions& options_;
  std::vector<Digest> chain_;
  unsigned reused_layers_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  Staging staging_;
  BlobPuller blobs_;
};

}  // namespace nodeproof::prepull
