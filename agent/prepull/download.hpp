// One layer on its way from the registry into containerd, watched by an observer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"
#include "agent/registry/registry.hpp"

namespace nodeproof::prepull {

class Throttle;

// What the blobs of a set share, and who is told about the bytes of this one. All outlive it.
struct Passage {
  Throttle* throttle = nullptr;                // none = no bandwidth cap
  std::chrono::milliseconds slice{0}, gap{0};  // under a cap: a ref is held that long, then free
  // Why the registry is not to be asked for it now; none = it is.
  const Error* closed = nullptr;
  std::mutex* commits = nullptr;  // held while a large blob is committed; none = at any time
  std::function<void(std::uint64_t)> came;  // bytes from the registry
  // How long whoever looks at the layer has kept the download waiting; may be empty.
  std::function<void(std::chrono::steady_clock::duration)> kept_waiting = {};
  std::function<void(std::uint64_t)> found;  // bytes that containerd had already
};

struct Source {
  Registry& registry;
  ImageStore& store;
  const Reference& reference;
  const Descriptor& blob;
  const std::string& lease;
};

class Download {
 public:
  // observer: may be empty; sees the bytes from the writer's offset on.
  Download(const Source& source, const Passage& passage, std::unique_ptr<BlobWriter> writer,
           std::unique_ptr<LayerObserver> observer);

  // true: all of it is written, not yet committed. false: while the ref was let go of somebody else
  // has taken it, and it must be begun anew. An error keeps in the ingest what has come.
  Result<bool> run(const std::stop_token& stop);
  Result<> commit(const Labels& labels);
  // false: the observer was not given every byte that is stored, and has not been told the end.
  [[nodiscard]] bool saw_all() const { return saw_all_; }

 private:
  using Time = std::chrono::steady_clock::time_point;

  Result<> take(Bytes bytes, const std::stop_token& stop);
  Result<> let_go(const std::stop_token& stop);
  void observe(Bytes bytes);
  void stop_observing();
  Result<> write(Bytes bytes);

  const Source& source_;
  const Passage& passage_;
  std::unique_ptr<BlobWriter> writer_;  // none = lost to somebody else
  std::unique_ptr<LayerObserver> observer_;
  std::uint64_t position_;  // what the registry sends next
  bool saw_all_;
  Time opened_ = std::chrono::steady_clock::now();
};

}  // namespace nodeproof::prepull
