#include "agent/prepull/plan.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>

namespace nodeproof::prepull {
namespace {

using BlobKey = std::pair<Digest, std::uint64_t>;
// Chain ID, what it is made of, and the job below: images that share layers may have got one of
// them from another blob, and none may wait for a job that is not its own.
using UnpackKey = std::tuple<Digest, BlobKey, std::optional<std::size_t>>;

Need need_of(const LayerState& state) {
  if (state.unpacked) return Need::nothing;
  return state.stored ? Need::hold : Need::download;
}

BlobKey key_of(const Descriptor& layer) { return {layer.digest, layer.size}; }

class Planner {
 public:
  explicit Planner(const std::vector<ImageLayers>& images) : images_(images) {
    plan_.images.resize(images.size());
  }

  void add(std::size_t image) {
    std::optional<std::size_t> below;
    for (std::size_t layer = 0; layer < images_[image].layers.size(); ++layer) {
      const std::size_t blob = add_blob({image, layer});
      if (!images_[image].states[layer].unpacked) below = add_unpack({image, layer}, blob, below);
    }
  }

  PullPlan finish() {
    for (const BlobJob& blob : plan_.blobs) {
      if (blob.need != Need::download) continue;
      plan_.download_bytes += blob.size;
      for (const LayerOf& user : blob.users) plan_.images[user.image].download_bytes += blob.size;
    }
    return std::move(plan_);
  }

 private:
  template <class Job>
  static bool take(Job& job, const LayerOf& user) {
    const bool first = job.users.empty() || job.users.back().image != user.image;
    if (first) job.users.push_back(user);
    return first;
  }

  std::size_t add_blob(const LayerOf& user) {
    const Descriptor& layer = images_[user.image].layers[user.layer];
    const auto [known, is_new] = blobs_.try_emplace(key_of(layer), plan_.blobs.size());
    if (is_new) plan_.blobs.push_back({{}, Need::nothing, layer.size, {}, 0});
    BlobJob& job = plan_.blobs[known->second];
    job.begun =
        std::max(job.begun, std::min(images_[user.image].states[user.layer].begun, layer.size));
    if (!job.unpacked) job.unpacked = images_[user.image].states[user.layer].size;
    job.need = std::max(job.need, need_of(images_[user.image].states[user.layer]));
    if (take(job, user)) plan_.images[user.image].blobs.push_back(known->second);
    return known->second;
  }

  std::size_t add_unpack(const LayerOf& user, std::size_t blob, std::optional<std::size_t> below) {
    const ImageLayers& image = images_[user.image];
    const UnpackKey key{image.chain[user.layer], key_of(image.layers[user.layer]), below};
    const auto [known, is_new] = unpacks_.try_emplace(key, plan_.unpacks.size());
    if (is_new) plan_.unpacks.push_back({{}, blob, below});
    take(plan_.unpacks[known->second], user);
    plan_.images[user.image].unpacks.push_back(known->second);
    return known->second;
  }

  const std::vector<ImageLayers>& images_;
  PullPlan plan_;
  std::map<BlobKey, std::size_t> blobs_;
  std::map<UnpackKey, std::size_t> unpacks_;
};

struct Times {
  double download = 0, unpack = 0;  // seconds
};

std::vector<Times> times_of(const std::vector<ImageLayers>& images, const Speeds& speeds) {
  Planner planner(images);
  for (std::size_t i = 0; i < images.size(); ++i) planner.add(i);
  const PullPlan plan = planner.finish();
  const auto share = [](std::uint64_t bytes, std::size_t among, double speed) {
    return static_cast<double>(bytes) / static_cast<double>(among) / speed;
  };
  std::vector<Times> times(images.size());
  for (const BlobJob& blob : plan.blobs) {
    if (blob.need != Need::download) continue;
    for (const LayerOf& user : blob.users) {
      times[user.image].download += share(blob.size, blob.users.size(), speeds.download);
    }
  }
  for (const UnpackJob& unpack : plan.unpacks) {
    const std::uint64_t size = plan.blobs[unpack.blob].size;
    for (const LayerOf& user : unpack.users) {
      times[user.image].unpack += share(size, unpack.users.size(), speeds.unpack);
    }
  }
  return times;
}

}  // namespace

std::vector<std::size_t> order_of(const std::vector<ImageLayers>& images, const Speeds& speeds) {
  const std::vector<Times> times = times_of(images, speeds);
  const auto rank = [&](std::size_t image) {
    const auto& [download, unpack] = times[image];
    return download <= unpack ? std::tuple(0, download, image) : std::tuple(1, -unpack, image);
  };
  std::vector<std::size_t> order(images.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {}, rank);
  return order;
}

PullPlan plan(const std::vector<ImageLayers>& images, const Speeds& speeds) {
  Planner planner(images);
  for (const std::size_t image : order_of(images, speeds)) planner.add(image);
  return planner.finish();
}

}  // namespace nodeproof::prepull
