#include "agent/inspect/observer.hpp"

#include "agent/inspect/inventory_builder.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::size_t kPipeBytes = 1 << 19;

LayerInventory empty_inventory(Digest layer) {
  return {.layer = std::move(layer),
          .diff_id = std::nullopt,
          .entries = {},
          .refused = 0,
          .first_refused = {},
          .problem = std::nullopt};
}

// Without finish(): who reads gets this, and the thread ends.
void break_off(BytePipe& pipe) {
  pipe.abandon();
  pipe.fail({.code = Errc::cancelled, .message = "the download broke off", .remedy = {}});
}

}  // namespace

InventoryObserver::InventoryObserver(InventoryCache& cache, Digest layer, PlainSink* plain)
    : cache_(cache),
      pipe_(kPipeBytes),
      inventory_(empty_inventory(std::move(layer))),
      thread_([this, plain] {
        inventory_ = take_inventory(Digest(inventory_.layer), pipe_,
                                    {.spool_directory = cache_.spool_directory(), .plain = plain});
        pipe_.abandon();
      }) {}

InventoryObserver::~InventoryObserver() {
  if (thread_.joinable()) break_off(pipe_);
}

void InventoryObserver::write(Bytes bytes) { pipe_.write(bytes); }

void InventoryObserver::finish() {
  if (!thread_.joinable()) return;
  pipe_.close();
  thread_.join();
  cache_.store(std::move(inventory_));
}

InflatingObserver::InflatingObserver(PlainSink& plain)
    : pipe_(kPipeBytes), thread_([this, &plain] {
        static_cast<void>(read_layer(pipe_, LayerSinks{.plain = &plain}));
        pipe_.abandon();
      }) {}

InflatingObserver::~InflatingObserver() {
  if (thread_.joinable()) break_off(pipe_);
}

void InflatingObserver::write(Bytes bytes) { pipe_.write(bytes); }

void InflatingObserver::finish() {
  if (!thread_.joinable()) return;
  pipe_.close();
  thread_.join();
}

LayerObserverFactory make_observer_factory(InventoryCache& cache) {
  return [&cache](const ObservedLayer& layer) -> std::unique_ptr<LayerObserver> {
    if (!cache.contains(layer.blob.digest)) {
      return std::make_unique<InventoryObserver>(cache, layer.blob.digest, layer.plain);
    }
    if (layer.plain != nullptr) return std::make_unique<InflatingObserver>(*layer.plain);
    return nullptr;
  };
}

}  // namespace nodeproof::inspect
