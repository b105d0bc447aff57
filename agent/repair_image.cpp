#include "agent/repair_image.hpp"

#include <algorithm>
#include <utility>

#include "agent/image_report.hpp"
#include "agent/registry/registry.hpp"
#include "agent/resolve/last_good.hpp"
#include "agent/resolve/ledger.hpp"
#include "agent/resolve/local_first.hpp"
#include "agent/resolve/resolve.hpp"

namespace nodeproof {
namespace {

// Has nothing.
class NoRegistry final : public Registry {
 public:
  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token) override {
    return nothing(reference);
  }
  Result<FetchedManifest> child(const Reference& reference, const Descriptor&,
                                std::stop_token) override {
    return nothing(reference);
  }
  // NOLINTNEXTLINE(readability-function-size): the port's signature
  Result<> blob(const Reference& reference, const Descriptor&, std::uint64_t, const ByteSink&,
                std::stop_token) override {
    return nothing(reference);
  }
  Result<BlobState> probe(const Reference& reference, const Descriptor&, std::stop_token) override {
    return nothing(reference);
  }

 private:
  static std::unexpected<Error> nothing(const Reference& reference) {
    return fail(Errc::not_found, reference.name() + " is not all here");
  }
};

// NOLINTNEXTLINE(readability-function-size): what it is found with
Result<ResolvedImage> by_record(const ImageRecord& record, const Reference& reference,
                                const HostFacts& host, std::pair<Registry&, ImageStore&> from,
                                const std::stop_token& stop) {
  resolve::LocalFirstRegistry documents(from.first, from.second);
  FetchedManifest top = TRY(documents.child(reference, record.target, stop));
  top.descriptor = record.target;
  resolve::LocalFirstRegistry known(from.first, from.second, std::move(top));
  return resolve::resolve(known, reference, host, stop);
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): what it is found with
Result<ResolvedImage> image_here(const CycleConfig& config, const HostFacts& host, Ports& ports,
                                 const Reference& reference, const std::stop_token& stop) {
  const resolve::Ledger ledger(config.state_dir / "ledger");
  if (const auto proven = ledger.find(reference.name())) {
    return resolve::resolve_last_good(*proven, reference, {ports.registry, ports.store, ledger},
                                      stop);
  }
  const auto record = TRY(ports.store.image(reference.name()));
  if (!record) {
    return fail(Errc::not_found,
                reference.name() +
                    " is not on this node: never proven here, and containerd has no "
                    "image of this name",
                "nodeproof check " + reference.name() + " --keep fetches it");
  }
  return by_record(*record, reference, host, {ports.registry, ports.store}, stop);
}

// NOLINTNEXTLINE(readability-function-size): what it is found with
Result<std::vector<ResolvedImage>> images_sharing(const std::set<std::string>& chain,
                                                  const ResolvedImage& image, const HostFacts& host,
                                                  std::pair<ImageStore&, ChainStore&> stores,
                                                  const std::stop_token& stop) {
  NoRegistry nothing;
  std::vector<ResolvedImage> found;
  std::set<std::string> seen{image.manifest.digest.str()};
  std::vector<ImageRecord> records = TRY(stores.second.all_images(stop));
  // An image is called by its tag, where it has one.
  std::ranges::sort(records, {},
                    [](const auto& r) { return std::pair(r.name.contains('@'), r.name); });
  for (const ImageRecord& record : records) {
    const auto reference = Reference::parse(record.name);
    if (!reference || record.name.starts_with("sha256:")) continue;  // CRI's name for its config
    auto other = by_record(record, *reference, host, {nothing, stores.first}, stop);
    if (!other || !seen.insert(other->manifest.digest.str()).second) continue;
    const auto shares = [&](const Digest& id) { return chain.contains(id.str()); };
    if (std::ranges::any_of(chain_ids(other->config.diff_ids), shares)) {
      found.push_back(*std::move(other));
    }
  }
  return found;
}

}  // namespace nodeproof
