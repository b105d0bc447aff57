#include "agent/prepull/blobs.hpp"

#include "agent/prepull/labels.hpp"
#include "agent/prepull/throttle.hpp"
#include "common/crypto.hpp"

namespace nodeproof::prepull {
namespace {

// Bytes that hash wrongly may have been damaged on the way: they are asked for once more, of
// another host where there is one.
template <class Attempt>
Result<> twice_on_mismatch(Registry& registry, const Digest& digest, Attempt attempt) {
  Result<> first = attempt();
  if (first || first.error().code != Errc::digest_mismatch) return first;
  registry.distrust(digest);
  return attempt();
}

struct Holder {
  const char* name;
  const char* remedy;
};
constexpr Holder kRegistry{"the registry", ""};
constexpr Holder kStore{"containerd's content store",
                        "remove the blob and the image, and pull again"};

Result<> check_hash(Hasher& hasher, const Descriptor& blob, const Holder& where) {
  const Digest found = hasher.finish();
  if (found == blob.digest) return {};
  return fail(Errc::digest_mismatch,
              "the bytes of " + blob.digest.str() + " in " + where.name + " hash to " + found.str(),
              where.remedy);
}

}  // namespace

BlobPuller::BlobPuller(const ResolvedImage& image, const PullPorts& ports, std::string lease,
                       Staging* staging)
    : image_(image),
      ports_(ports),
      lease_(std::move(lease)),
      staging_(staging),
      chain_(chain_ids(image.config.diff_ids)) {}

UnpackRequest BlobPuller::unpack_request(std::size_t layer) const {
  return {.layer = descriptor(layer),
          .diff_id = image_.config.diff_ids[layer],
          .parent = layer == 0 ? std::nullopt : std::optional(chain_[layer - 1]),
          .chain_id = chain_[layer],
          .lease = lease_};
}

const Descriptor& BlobPuller::descriptor(std::size_t layer) const {
  return image_.document.layers[layer];
}

BlobPuller::Observer BlobPuller::observer_of(std::size_t layer, PlainSink* plain) const {
  if (!ports_.observers) return nullptr;
  return ports_.observers({descriptor(layer), image_.config.diff_ids[layer], plain});
}

Result<> BlobPuller::store_layer(std::size_t layer, const Passage& passage,
                                 const std::stop_token& stop) {
  return twice_on_mismatch(ports_.registry, descriptor(layer).digest,
                           [&] { return store_layer_once(layer, passage, stop); });
}

// A stream that is gone on with has no beginning: its observer is fed from the store, when the
// whole is there.
Result<> BlobPuller::store_layer_once(std::size_t layer, const Passage& passage,
                                      const std::stop_token& stop) {
  const Descriptor& blob = descriptor(layer);
  while (auto writer = TRY(ports_.store.begin_blob(blob, lease_, stop))) {
    const std::uint64_t offset = writer->offset();  // another namespace's blob is whole already
    const auto registry =
        offset < blob.size ? whom_to_ask(blob, passage, stop) : Result<Registry*>(&ports_.registry);
    if (!registry) {
      if (offset == 0) static_cast<void>(writer->abort());  // nothing that could be gone on with
      return std::unexpected(registry.error());
    }
    const Source source{**registry, ports_.store, image_.reference, blob, lease_};
    passage.found(offset);
    Sinks sinks = offset == 0 ? sinks_for(layer, stop) : Sinks{};
    Download download(source, passage, std::move(writer), std::move(sinks.observer));
    if (!TRY(download.run(stop))) continue;
    TRY(download.commit(source_label(image_.reference)));
    if (!download.saw_all()) {
      sinks.staged.reset();
      return read_stored(layer, stop);
    }
    if (sinks.staged) staging_->keep(unpack_request(layer), std::move(sinks.staged));
    return {};
  }
  passage.found(blob.size);
  TRY(add_labels(blob.digest, source_label(image_.reference)));
  return read_stored(layer, stop);
}

Result<> BlobPuller::read_stored(std::size_t layer, const std::stop_token& stop) {
  Sinks sinks = sinks_for(layer, stop);
  TRY(observe_stored(layer, std::move(sinks.observer), stop));
  if (sinks.staged) staging_->keep(unpack_request(layer), std::move(sinks.staged));
  return {};
}

// A layer may be staged long before its parent is there.
BlobPuller::Sinks BlobPuller::sinks_for(std::size_t layer, const std::stop_token& stop) const {
  Sinks sinks;
  if (staging_ != nullptr) sinks.staged = staging_->begin(unpack_request(layer), false, stop);
  sinks.observer = observer_of(layer, sinks.staged.get());
  if (!sinks.observer) sinks.staged.reset();
  return sinks;
}

// What lies on this host needs no permission.
Result<Registry*> BlobPuller::whom_to_ask(const Descriptor& blob, const Passage& passage,
                                          const std::stop_token& stop) const {
  if (passage.closed == nullptr) return &ports_.registry;
  if (ports_.near != nullptr) {
    const auto state = ports_.near->probe(image_.reference, blob, stop);
    if (state && *state == BlobState::whole) return ports_.near;
  }
  return std::unexpected(*passage.closed);
}

Result<> BlobPuller::hold_layer(std::size_t layer, const std::stop_token& stop) {
  const Descriptor& blob = descriptor(layer);
  if (TRY(ports_.store.begin_blob(blob, lease_, stop))) {
    return fail(Errc::io, "blob " + blob.digest.str() + " has vanished from containerd");
  }
  return add_labels(blob.digest, source_label(image_.reference));
}

Result<> BlobPuller::stage_layer(std::size_t layer, const std::stop_token& stop) {
  const UnpackRequest request = unpack_request(layer);
  auto staged = staging_ != nullptr ? staging_->begin(request, true, stop) : nullptr;
  if (!staged) return {};
  Observer observer = observer_of(layer, staged.get());
  if (!observer) return {};
  TRY(observe_stored(layer, std::move(observer), stop));
  staging_->keep(request, std::move(staged));
  return {};
}

Result<> BlobPuller::inspect_layer(std::size_t layer, const Passage& passage,
                                   const std::stop_token& stop) {
  Observer observer = observer_of(layer);
  if (!observer) return {};
  if (TRY(ports_.store.blob(descriptor(layer).digest))) {
    return observe_stored(layer, std::move(observer), stop);
  }
  return twice_on_mismatch(ports_.registry, descriptor(layer).digest, [&]() -> Result<> {
    Observer one = observer ? std::move(observer) : observer_of(layer);
    return one ? observe_remote(layer, std::move(one), passage, stop) : Result<>{};
  });
}

Result<> BlobPuller::observe_stored(std::size_t layer, Observer observer,
                                    const std::stop_token& stop) {
  if (!observer) return {};
  const Descriptor& blob = descriptor(layer);
  Hasher hasher(blob.digest.algorithm());
  const ByteSink sink = [&](Bytes bytes) -> Result<> {
    hasher.update(bytes);
    observer->write(bytes);
    return {};
  };
  if (auto read = ports_.store.read_blob(blob.digest, sink, stop); !read) {
    // It was there a moment ago: containerd's affair, and nothing that the registry lacks.
    if (read.error().code == Errc::not_found) read.error().code = Errc::io;
    return read;
  }
  TRY(check_hash(hasher, blob, kStore));
  observer->finish();
  return {};
}

Result<> BlobPuller::observe_remote(std::size_t layer, Observer observer, const Passage& passage,
                                    const std::stop_token& stop) {
  const Descriptor& blob = descriptor(layer);
  Hasher hasher(blob.digest.algorithm());
  const ByteSink sink = [&](Bytes bytes) -> Result<> {
    if (passage.throttle != nullptr) TRY(passage.throttle->take(bytes.size(), stop));
    hasher.update(bytes);
    observer->write(bytes);
    passage.came(bytes.size());
    return {};
  };
  Registry* const registry = TRY(whom_to_ask(blob, passage, stop));
  TRY(registry->blob(image_.reference, blob, 0, sink, stop));
  TRY(check_hash(hasher, blob, kRegistry));
  observer->finish();
  return {};
}

Result<> BlobPuller::store_document(const Descriptor& blob, std::string_view bytes, Labels labels,
                                    const std::stop_token& stop) {
  labels.merge(source_label(image_.reference));
  bool was_there = false;
  const auto store = [&]() -> Result<> {
    auto written = store_document_once(blob, bytes, labels, stop);
    if (!written) return std::unexpected(std::move(written).error());
    was_there = !*written;
    return {};
  };
  TRY(twice_on_mismatch(ports_.registry, blob.digest, store));
  return was_there ? check_stored(blob, stop) : Result<>{};
}

// false: there was no need to.
Result<bool> BlobPuller::store_document_once(const Descriptor& blob, std::string_view bytes,
                                             const Labels& labels, const std::stop_token& stop) {
  const auto writer = TRY(ports_.store.begin_blob(blob, lease_, stop));
  if (!writer) {
    TRY(add_labels(blob.digest, labels));
    return false;
  }
  if (writer->offset() < bytes.size()) {
    TRY(writer->write(as_bytes(bytes.substr(writer->offset()))));
  }
  TRY(writer->commit(labels));
  return true;
}

Result<> BlobPuller::check_stored(const Descriptor& blob, const std::stop_token& stop) {
  Hasher hasher(blob.digest.algorithm());
  const ByteSink sink = [&](Bytes bytes) -> Result<> {
    hasher.update(bytes);
    return {};
  };
  TRY(ports_.store.read_blob(blob.digest, sink, stop));
  return check_hash(hasher, blob, kStore);
}

Result<> BlobPuller::add_labels(const Digest& digest, Labels labels) {
  const auto info = TRY(ports_.store.blob(digest));
  labels = missing_labels(info ? info->labels : Labels{}, labels);
  return labels.empty() ? Result<>{} : ports_.store.label_blob(digest, labels);
}

}  // namespace nodeproof::prepull
