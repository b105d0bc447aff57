// Inflates a layer while it is downloaded, once, for its inventory and for who else wants its plain
// bytes: hangs on the stream, works on a thread of its own.
#pragma once

#include <thread>

#include "agent/inspect/inventory_cache.hpp"
#include "agent/model.hpp"
#include "common/pipe.hpp"

namespace nodeproof::inspect {

// Borrows the cache. A layer that cannot be unpacked does not disturb the download: it becomes the
// inventory's problem and, at inspection, a finding.
class InventoryObserver final : public LayerObserver {
 public:
  InventoryObserver(InventoryCache& cache, Digest layer, PlainSink* plain = nullptr);
  ~InventoryObserver() override;  // without finish(): the stream broke off, nothing is stored
  InventoryObserver(const InventoryObserver&) = delete;
  InventoryObserver& operator=(const InventoryObserver&) = delete;

  void write(Bytes bytes) override;
  void finish() override;

 private:
  InventoryCache& cache_;
  BytePipe pipe_;
  LayerInventory inventory_;  // the thread's until it is joined
  std::jthread thread_;
};

// Of a layer whose inventory is there, for one who wants its plain bytes.
class InflatingObserver final : public LayerObserver {
 public:
  explicit InflatingObserver(PlainSink& plain);
  ~InflatingObserver() override;
  InflatingObserver(const InflatingObserver&) = delete;
  InflatingObserver& operator=(const InflatingObserver&) = delete;

  void write(Bytes bytes) override;
  void finish() override;

 private:
  BytePipe pipe_;
  std::jthread thread_;
};

// The factory borrows the cache.
[[nodiscard]] LayerObserverFactory make_observer_factory(InventoryCache& cache);

}  // namespace nodeproof::inspect
