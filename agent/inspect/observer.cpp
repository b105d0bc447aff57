#include "agent/inspect/observer.hpp"

#include "agent/inspect/inventory_builder.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::size_t kPipeBytes = 1 << 20;

LayerInventory empty_inventory(Digest layer) {
  return {.layer = std::move(layer),
          .diff_id = std::nullopt,
          .entries = {},
          .refused = 0,
          .first_refused = {},
          .problem = std::nullopt};
}

}  // namespace

InventoryObserver::InventoryObserver(InventoryCache& cache, Digest layer)
    : cache_(cache),
      pipe_(kPipeBytes),
      inventory_(empty_inventory(std::move(layer))),
      thread_([this] {
        inventory_ = take_inventory(Digest(inventory_.layer), pipe_, cache_.spool_directory());
        pipe_.abandon();
      }) {}

InventoryObserver::~InventoryObserver() {
  if (!thread_.joinable()) return;
  pipe_.abandon();
  pipe_.fail({.code = Errc::cancelled, .message = "the download broke off", .remedy = {}});
}

void InventoryObserver::write(Bytes bytes) { pipe_.write(bytes); }

void InventoryObserver::finish() {
  if (!thread_.joinable()) return;
  pipe_.close();
  thread_.join();
  cache_.store(std::move(inventory_));
}

LayerObserverFactory make_observer_factory(InventoryCache& cache) {
  return [&cache](const Descriptor& layer, const Digest&) -> std::unique_ptr<LayerObserver> {
    if (cache.contains(layer.digest)) return nullptr;
    return std::make_unique<InventoryObserver>(cache, layer.digest);
  };
}

}  // namespace nodeproof::inspect
