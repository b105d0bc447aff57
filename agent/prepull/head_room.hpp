// Will it fit? Asked before a byte is fetched, for an image after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "agent/prepull/plan.hpp"
#include "common/amount.hpp"
#include "common/file_system.hpp"

namespace nodeproof::prepull {

// By the usual ratio of a layer's compression, and files as small as they come in images of Debian
// packages. Rather too much than too little.
[[nodiscard]] UnpackedSize estimate(std::uint64_t compressed);

struct Space {
  std::uint64_t stored = 0;    // bytes that the content store will take
  std::uint64_t unpacked = 0;  // bytes that the snapshotter will take
  std::uint64_t files = 0;     // inodes there
  bool estimated = false;      // some of it
  Space& operator+=(const Space& other);
  // A layer's; what is not known is estimated.
  void add_unpacked(const BlobJob& layer);
  friend bool operator==(const Space&, const Space&) = default;
};

// What the images of a plan need, where what they share counts for the first that takes it.
class Shares {
 public:
  explicit Shares(const PullPlan& plan);  // outlives it
  [[nodiscard]] Space need_of(const ImageJobs& image) const;
  void take(const ImageJobs& image);

 private:
  const PullPlan& plan_;
  std::vector<bool> blobs_, unpacks_;  // taken
};

// What has to stay free on a file system.
struct Margin {
  std::uint64_t bytes = 0;
  std::uint64_t inodes = 0;
  std::string why;  // "pull.keep_free", "20 %", "the kubelet deletes images above 85 % in use"
  friend bool operator==(const Margin&, const Margin&) = default;
};

// keep_free as configured; nothing = the larger of 20 % and 2 GB, raised above the marks where a
// kubelet begins to delete images and to evict pods. Inodes: 5 %, or that kubelet's mark.
[[nodiscard]] Margin margin_of(const Volume& volume, const std::optional<Amount>& keep_free,
                               const std::optional<KubeletFacts>& kubelet);

// A directory that will grow, and what is to stay free on its file system.
struct Place {
  std::string path;
  Volume volume;
  Margin margin;
};

class HeadRoom {
 public:
  // content: the content store's directory; snapshots: the snapshotter's; often one file system.
  HeadRoom(Place content, Place snapshots)
      : content_(std::move(content)), snapshots_(std::move(snapshots)) {}

  // Sets it aside. Errc::no_space when it would not leave the margin, with the numbers; then
  // nothing is set aside.
  Result<> reserve(const Space& need);

 private:
  Place content_, snapshots_;
  Space reserved_;
};

}  // namespace nodeproof::prepull
