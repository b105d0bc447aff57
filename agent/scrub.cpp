#include "agent/scrub.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "agent/prepull/throttle.hpp"
#include "agent/repair_blobs.hpp"
#include "agent/resolve/ledger.hpp"
#include "agent/resolve/resolve.hpp"
#include "agent/scrub_state.hpp"
#include "common/crypto.hpp"

namespace nodeproof {
namespace {

// Digest -> the manifests of the images that it belongs to.
using Wanted = std::map<std::string, std::vector<std::string>>;

std::int64_t seconds_of(const Clock& clock) {
  return std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch().count();
}

// The manifest as it was kept, for the stored one may be what is damaged.
std::optional<Manifest> manifest_of(const resolve::Ledger& ledger,
                                    const resolve::ProvenImage& proven, ImageStore& store,
                                    const std::stop_token& stop) {
  auto bytes = ledger.manifest_bytes(proven);
  if (!bytes) {
    auto stored = resolve::stored_document(store, proven.manifest, stop);
    if (stored) bytes = *std::move(stored);
  }
  if (!bytes) return std::nullopt;
  auto document = parse_image_document(*bytes, proven.manifest.media_type);
  if (!document || !std::holds_alternative<Manifest>(*document)) return std::nullopt;
  return std::get<Manifest>(*std::move(document));
}

Wanted blobs_of(const CycleConfig& config, ImageStore& store, const std::stop_token& stop) {
  const resolve::Ledger ledger(config.state_dir / "ledger");
  Wanted wanted;
  for (const RequiredImage& image : config.settings.images) {
    const auto reference = Reference::parse(image.reference);
    const auto proven = reference ? ledger.find(reference->name()) : std::nullopt;
    if (!proven) continue;
    const auto add = [&](const Descriptor& blob) {
      std::vector<std::string>& of = wanted[blob.digest.str()];
      const std::string manifest = proven->manifest.digest.str();
      if (std::ranges::find(of, manifest) == of.end()) of.push_back(manifest);
    };
    if (proven->index) add(*proven->index);
    add(proven->manifest);
    const auto manifest = manifest_of(ledger, *proven, store, stop);
    if (!manifest) continue;
    add(manifest->config);
    for (const Descriptor& layer : manifest->layers) add(layer);
  }
  return wanted;
}

// Why it is damaged; "" = it is whole, or not here.
Result<std::string> damage_of(const Digest& digest, ImageStore& store, const ByteSink& pace,
                              const std::stop_token& stop) {
  if (!TRY(store.blob(digest))) return std::string();
  Hasher hasher(digest.algorithm());
  const auto read = store.read_blob(
      digest,
      [&](Bytes bytes) -> Result<> {
        hasher.update(bytes);
        return pace(bytes);
      },
      stop);
  if (!read) {
    if (is_about_containerd(read.error().code) || stop.stop_requested()) {
      return std::unexpected(read.error());
    }
    return read.error().message;
  }
  const Digest hash = hasher.finish();
  return hash == digest ? std::string() : "its bytes hash to " + hash.str();
}

// What no required image has any more is no longer told.
void begin_round(ScrubState& state, const Wanted& wanted, std::int64_t now) {
  state.round = now;
  state.done.clear();
  std::erase_if(state.damaged,
                [&](const ScrubDamage& one) { return !wanted.contains(one.digest); });
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): the ports it works with
Result<> scrub_slice(const CycleConfig& config, ImageStore& store, const Clock& clock,
                     const ScrubSlice& slice, const std::stop_token& stop) {
  const config::Scrub& settings = config.settings.scrub;
  if (settings.every.count() == 0) return {};
  const Wanted wanted = blobs_of(config, store, stop);
  const std::int64_t begin = seconds_of(clock), every = settings.every.count();
  ScrubState state = load_scrub(config.state_dir);
  // A round in the future: the clock was set back.
  if (state.round + every <= begin || state.round > begin) begin_round(state, wanted, begin);
  prepull::Throttle throttle(settings.rate);
  const ByteSink pace = [&](Bytes bytes) -> Result<> {
    slice.alive();
    return throttle.take(bytes.size(), stop);
  };
  state.due = state.round + every;
  for (const auto& [name, manifests] : wanted) {
    if (std::ranges::find(state.done, name) != state.done.end()) continue;
    if (seconds_of(clock) - begin >= slice.length.count()) {
      state.due = begin;
      break;
    }
    const Digest digest = TRY(Digest::parse(name));
    std::string evidence = TRY(damage_of(digest, store, pace, stop));
    std::erase_if(state.damaged, [&](const ScrubDamage& one) { return one.digest == name; });
    if (!evidence.empty()) state.damaged.push_back({name, std::move(evidence), manifests});
    state.done.push_back(name);
    TRY(save_scrub(config.state_dir, state));
  }
  return save_scrub(config.state_dir, state);
}

std::vector<Finding> scrub_findings(const CycleConfig& config, const ImageReport& image) {
  std::vector<Finding> findings;
  if (image.manifest_digest.empty()) return findings;
  for (const ScrubDamage& one : load_scrub(config.state_dir).damaged) {
    if (std::ranges::find(one.manifests, image.manifest_digest) == one.manifests.end()) continue;
    const auto digest = Digest::parse(one.digest);
    if (!digest) continue;
    const Descriptor blob{
        .media_type = "", .digest = *digest, .size = 0, .platform = {}, .annotations = {}};
    findings.push_back(
        blob_finding({blob, -1, StoredState::damaged, one.evidence}, image.reference));
  }
  return findings;
}

}  // namespace nodeproof
