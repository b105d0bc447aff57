#include "agent/prepull/staging.hpp"

#include <algorithm>

namespace nodeproof::prepull {
namespace {

std::string title_of(const UnpackRequest& request) {
  return "unpacking layer " + request.layer.digest.str();
}

}  // namespace

StagedLayer::StagedLayer(ImageStore& store, SnapshotPlace place,
                         std::unique_ptr<LayerWriting> writing, std::stop_token stop)
    : store_(store),
      place_(std::move(place)),
      writing_(std::move(writing)),
      stop_(std::move(stop)),
      outcome_(fail(Errc::cancelled, "its stream broke off")) {}

// Should the last call fail: the lease's end takes it back, or the next start's sweep.
StagedLayer::~StagedLayer() {
  writing_.reset();
  if (owned_) static_cast<void>(store_.discard(place_));
}

bool StagedLayer::write(Bytes plain) { return !stop_.stop_requested() && writing_->write(plain); }

void StagedLayer::end(Result<PlainTarEnd> end) { end_ = std::move(end); }

void StagedLayer::complete(const UnpackRequest& request) {
  outcome_ = judge(request);
  writing_.reset();
  if (!outcome_) {
    outcome_ = std::unexpected(std::move(outcome_).error().with_context(title_of(request)));
  }
}

// What the writer says of a stream that broke off is that it broke off.
Result<UnpackedLayer> StagedLayer::judge(const UnpackRequest& request) {
  if (!end_) return fail(Errc::cancelled, "its stream broke off");
  const PlainTarEnd end = TRY(std::move(*end_));
  auto written = writing_->finish();
  if (!written || end.diff_id == request.diff_id) return written;
  return fail(Errc::digest_mismatch, "it unpacks to " + end.diff_id.str() +
                                         ", but the image's config says " + request.diff_id.str());
}

Staging::Staging(ImageStore& store, UnpackWay way, bool ahead)
    : store_(store), way_(std::move(way)), ahead_(ahead) {}

std::unique_ptr<StagedLayer> Staging::begin(const UnpackRequest& request, bool parent_is_there,
                                            const std::stop_token& stop) {
  if (way_.unpacker == nullptr) {
    remember(way_.why_not);
    return nullptr;
  }
  const bool above = request.parent.has_value();
  if (above && !ahead_ && !parent_is_there) return nullptr;
  Result<std::optional<SnapshotPlace>> place =
      above && !ahead_ ? store_.prepare(request) : store_.stage(request);
  if (!place) remember(request, place.error());
  if (!place || !*place) return nullptr;
  const bool marks = above && !(*place)->copied;
  auto writing =
      way_.unpacker->begin({(*place)->directory, marks ? Whiteouts::overlay : Whiteouts::remove});
  if (!writing) {
    static_cast<void>(store_.discard(**place));
    remember(request, writing.error());
    return nullptr;
  }
  return std::make_unique<StagedLayer>(store_, **std::move(place), *std::move(writing), stop);
}

void Staging::keep(const UnpackRequest& request, std::unique_ptr<StagedLayer> layer) {
  layer->complete(request);
  const std::lock_guard lock(mutex_);
  kept_.insert_or_assign(request.chain_id.str(), std::move(layer));
}

bool Staging::holds(const Digest& chain_id) const {
  const std::lock_guard lock(mutex_);
  return kept_.contains(chain_id.str());
}

Result<bool> Staging::place(const UnpackRequest& request) {
  std::unique_ptr<StagedLayer> staged;
  {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(request.chain_id.str());
    if (found == kept_.end()) return false;
    staged = std::move(found->second);
    kept_.erase(found);
  }
  if (auto done = put(request, *staged); !done) {
    if (done.error().code != Errc::unsupported) return std::unexpected(std::move(done).error());
    remember(request, done.error());
    return false;
  }
  const std::lock_guard lock(mutex_);
  ++summary_.by_nodeproof;
  return true;
}

Result<> Staging::put(const UnpackRequest& request, StagedLayer& staged) {
  if (!staged.outcome()) return std::unexpected(staged.outcome().error());
  if (request.parent && !staged.place().copied) return adopt(request, staged);
  TRY(store_.commit(request, staged.place()));
  staged.committed();
  return {};
}

// The two have changed places: what is taken back of the staged one is empty.
Result<> Staging::adopt(const UnpackRequest& request, const StagedLayer& staged) {
  const auto place = TRY(store_.prepare(request));
  if (!place) return {};
  Result<> done = way_.unpacker->adopt(
      {staged.place().directory, place->directory, place->lower, *staged.outcome()});
  if (!done) done = std::unexpected(std::move(done).error().with_context(title_of(request)));
  if (done) done = store_.commit(request, *place);
  if (!done) static_cast<void>(store_.discard(*place));
  return done;
}

void Staging::unpacked_by_containerd() {
  const std::lock_guard lock(mutex_);
  ++summary_.by_containerd;
}

void Staging::remember(const UnpackRequest& request, const Error& why) {
  const std::string layer = "layer " + request.layer.digest.str();
  remember(why.message.contains(layer) ? why.message : layer + ": " + why.message);
}

void Staging::remember(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(summary_.reasons, reason) == summary_.reasons.end()) {
    summary_.reasons.push_back(reason);
  }
}

Unpacked Staging::summary() const {
  const std::lock_guard lock(mutex_);
  return summary_;
}

}  // namespace nodeproof::prepull
