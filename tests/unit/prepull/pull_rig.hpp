// An image in a fake registry, a fake containerd, and what observers were fed.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/prepull/prepull.hpp"
#include "tests/fakes/fake_image.hpp"
#include "tests/fakes/fake_image_store.hpp"
#include "tests/fakes/fake_registry.hpp"

namespace nodeproof::prepull {

// Bytes of a layer of that size, different for each seed.
std::string layer_bytes(std::size_t size, char seed);

FakeImage image_with_layers(const std::vector<std::string>& layers);

// Pushes an index with this one image and resolves it, as the resolve stage would.
ResolvedImage push_resolved(FakeRegistry& registry, const std::string& reference,
                            const FakeImage& image);

// What observers saw, by layer digest.
class Observations {
 public:
  struct Seen {
    std::string bytes;  // of the last observer
    unsigned made = 0;
    unsigned finished = 0;
    unsigned broken = 0;  // destroyed without finish()
  };

  [[nodiscard]] LayerObserverFactory factory();
  void know(const Digest& layer);  // its inventory is cached: no observer
  [[nodiscard]] Seen of(const Digest& layer) const;

 private:
  friend class Recorder;
  mutable std::mutex mutex_;
  std::map<std::string, Seen> seen_;
  std::map<std::string, bool> known_;
};

struct PullRig {
  FakeRegistry registry;
  FakeImageStore store;
  Observations observations;
  LayerObserverFactory observers = observations.factory();
  std::mutex mutex;
  std::vector<Progress> reports;
  ProgressSink progress = [this](const Progress& one) {
    const std::lock_guard lock(mutex);
    reports.push_back(one);
  };
  PullOptions options;
  UnpackWay unpack = {nullptr, "the rig has none"};

  Result<PulledImage> pull(const ResolvedImage& image, const std::stop_token& stop = {});
};

}  // namespace nodeproof::prepull
