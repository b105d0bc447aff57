// Takes the inventory of a layer while it is downloaded: hangs on the stream, works on a thread of
// its own.
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
  InventoryObserver(InventoryCache& cache, Digest layer);
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

// nullptr for layers whose inventory is there. The factory borrows the cache.
[[nodiscard]] LayerObserverFactory make_observer_factory(InventoryCache& cache);

}  // namespace nodeproof::inspect
