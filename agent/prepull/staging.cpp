#include "agent/prepull/staging.hpp"

#include <algorithm>
#include <utility>

namespace nodeproof::prepull {
namespace {

std::string title_of(const UnpackRequest& request) {
  return "unpacking layer " + request.layer.digest.str();
}

}  // namespace

StagedLayer::StagedLayer(ImageStore& store, SnapshotPlace place,
                         std::unique_ptr<LayerWriting> writing, Limits limits)
    : store_(store),
      place_(std::move(place)),
      writing_(std::move(writing)),
      limits_(std::move(limits)),
      outcome_(fail(Errc::cancelled, "its stream broke off")) {
  on_stop_.emplace(limits_.stop, Abandon{*writing_});
}

StagedLayer::~StagedLayer() {
  on_stop_.reset();
  writing_.reset();
  give_back();
}

// Should it fail: the lease's end takes it back, or the next start's sweep.
bool StagedLayer::give_back() {
  if (!std::exchange(owned_, false)) return true;
  return store_.discard(place_).has_value();
}

bool StagedLayer::write(Bytes plain) {
  if (limits_.stop.stop_requested() || no_room_) return false;
  if (given_ / kRoomPiece != (given_ + plain.size()) / kRoomPiece) {
    if (auto room = limits_.room(); !room) no_room_ = std::move(room).error();
  }
  if (no_room_ || !writing_->write(plain)) return false;
  given_ += plain.size();
  return true;
}

void StagedLayer::end(Result<PlainTarEnd> end) { end_ = std::move(end); }

void StagedLayer::complete(const UnpackRequest& request) {
  outcome_ = judge(request);
  on_stop_.reset();
  writing_.reset();
  if (outcome_) return;
  outcome_ = std::unexpected(std::move(outcome_).error().with_context(title_of(request)));
  give_back();
}

// A writer that was given a part of the layer, and then nothing more, takes that for the whole.
Result<UnpackedLayer> StagedLayer::judge(const UnpackRequest& request) {
  if (!end_ || limits_.stop.stop_requested()) return fail(Errc::cancelled, "its stream broke off");
  if (no_room_) return std::unexpected(*no_room_);
  const PlainTarEnd end = TRY(std::move(*end_));
  auto written = writing_->finish();
  if (!written) return written;
  if (given_ != end.bytes) return fail(Errc::cancelled, "its writer was not given all of it");
  if (end.diff_id == request.diff_id) return written;
  return fail(Errc::digest_mismatch, "it unpacks to " + end.diff_id.str() +
                                         ", but the image's config says " + request.diff_id.str());
}

Staging::Staging(ImageStore& store, UnpackWay way, bool ahead)
    : store_(store), way_(std::move(way)), ahead_(ahead) {}

Staging::~Staging() { clear(); }

void Staging::clear() {
  const std::lock_guard lock(mutex_);
  bool answers = true;
  for (auto& [chain, layer] : kept_) {
    if (answers) answers = layer->give_back();
    layer->committed();
  }
  kept_.clear();
  begun_.clear();
}

std::unique_ptr<StagedLayer> Staging::begin(const UnpackRequest& request, bool parent_is_there,
                                            const std::stop_token& stop) {
  if (way_.unpacker == nullptr) {
    remember(way_.why_not);
    return nullptr;
  }
  if (not_for_us()) return nullptr;
  const bool above = request.parent.has_value();
  if (above && !ahead_ && !parent_is_there) return nullptr;
  Result<std::optional<SnapshotPlace>> place =
      above && !ahead_ ? store_.prepare(request) : store_.stage(request);
  if (!place) not_here(request, place.error());
  if (!place || !*place) return nullptr;
  const bool marks = above && !(*place)->copied;
  auto writing =
      way_.unpacker->begin({(*place)->directory, marks ? Whiteouts::overlay : Whiteouts::remove});
  if (!writing) {
    static_cast<void>(store_.discard(**place));
    remember(request, writing.error());
    return nullptr;
  }
  {
    const std::lock_guard lock(mutex_);
    begun_.insert(request.chain_id.str());
  }
  return std::make_unique<StagedLayer>(store_, **std::move(place), *std::move(writing),
                                       StagedLayer::Limits{room_, stop});
}

bool Staging::not_for_us() const {
  const std::lock_guard lock(mutex_);
  return not_here_;
}

// The mounts of all layers are alike.
void Staging::not_here(const UnpackRequest& request, const Error& why) {
  if (why.code != Errc::unsupported) return remember(request, why);
  remember(why.message);
  const std::lock_guard lock(mutex_);
  not_here_ = true;
}

void Staging::keep(const UnpackRequest& request, std::unique_ptr<StagedLayer> layer) {
  layer->complete(request);
  const std::lock_guard lock(mutex_);
  if (!layer->outcome()) begun_.erase(request.chain_id.str());
  kept_.insert_or_assign(request.chain_id.str(), std::move(layer));
}

bool Staging::holds(const Digest& chain_id) const {
  const std::lock_guard lock(mutex_);
  return kept_.contains(chain_id.str());
}

bool Staging::takes_room(const Digest& chain_id) const {
  const std::lock_guard lock(mutex_);
  return begun_.contains(chain_id.str());
}

Result<bool> Staging::place(const UnpackRequest& request) {
  std::unique_ptr<StagedLayer> staged;
  {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(request.chain_id.str());
    if (found == kept_.end()) return false;
    staged = std::move(found->second);
    kept_.erase(found);
    begun_.erase(request.chain_id.str());
  }
  if (auto done = put(request, *staged); !done) {
    // A snapshot of ours that has gone is containerd's affair, and nothing that the registry lacks.
    if (done.error().code == Errc::not_found) done.error().code = Errc::io;
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
