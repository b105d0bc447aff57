#include "agent/resolve/resolve.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "agent/resolve/assemble.hpp"
#include "agent/resolve/choose.hpp"
#include "common/crypto.hpp"
#include "common/words.hpp"

namespace nodeproof::resolve {
namespace {

constexpr std::size_t kMaxNesting = 3;  // indexes within indexes

std::string describe(const Descriptor& entry) {
  const std::string digest = entry.digest.short_str();
  return entry.platform ? excerpt(to_string(*entry.platform), 64) + ", " + digest : digest;
}

// What a document we hold names must be there: its absence is damage, not an unknown name.
Error absent_is_damage(Error error, const std::string& what) {
  if (error.code != Errc::not_found) return error;
  return {Errc::corrupt, what + ": " + error.message,
          "Push the image again, or restore what the registry's garbage collection removed."};
}

// One way from a tag down to a manifest.
class Walk {
 public:
  Walk(Registry& registry, const Reference& reference, const HostFacts& host, std::stop_token stop)
      : registry_(registry),
        reference_(reference),
        host_(host.platform),
        rules_(rules_of(host.containerd)),
        kubelet_(host.containerd && host.containerd->cri &&
                 host.containerd->namespace_ == "k8s.io"),
        stop_(std::move(stop)) {}

  Result<ResolvedImage> run() {
    FetchedManifest document = TRY(fetch_top());
    for (;;) {
      ImageDocument parsed = TRY(parse(document));
      if (auto* manifest = std::get_if<Manifest>(&parsed)) {
        return finish(std::move(document), std::move(*manifest));
      }
      document = TRY(step(document, std::get<Index>(parsed)));
    }
  }

 private:
  Result<FetchedManifest> fetch_top() {
    FetchedManifest top = TRY(registry_.manifest(reference_, stop_));
    unconfirmed_ = std::move(top.unconfirmed);
    const auto& asked = reference_.digest();
    if (asked && hash_of(as_bytes(top.bytes), asked->algorithm()) != *asked) {
      return fail(Errc::digest_mismatch,
                  "the registry's bytes do not hash to " + asked->short_str());
    }
    if (asked) top.descriptor.digest = *asked;
    return top;
  }

  static Result<ImageDocument> parse(const FetchedManifest& document) {
    auto parsed = parse_image_document(document.bytes, document.descriptor.media_type);
    if (!parsed) {
      return std::unexpected(
          std::move(parsed).error().with_context(document.descriptor.digest.short_str()));
    }
    return parsed;
  }

  // From an index to the entry this host takes.
  Result<FetchedManifest> step(FetchedManifest& document, const Index& index) {
    const Digest here = document.descriptor.digest;
    if (!visited_.insert(here).second || visited_.size() > kMaxNesting) {
      return fail(Errc::invalid_document,
                  "indexes are nested deeper than " + std::to_string(kMaxNesting) + " levels");
    }
    const auto offered = offered_platforms(index.manifests);
    available_.insert(available_.end(), offered.begin(), offered.end());
    auto [choice, otherwise] = take(index.manifests, host_, rules_);
    if (!choice.entry) return no_match(choice.sentence);
    choice_ = std::move(choice.sentence);
    if (!otherwise.empty()) otherwise_ = std::move(otherwise);
    if (const auto other = sized_instead(index.manifests, *choice.entry); other && !sized_by_) {
      sized_by_ = index.manifests[*other];
    }
    if (!index_) {
      document.descriptor.media_type = index.media_type;
      index_ = std::move(document);
    }
    return fetch_child(here, index.manifests[*choice.entry]);
  }

  Result<FetchedManifest> fetch_child(const Digest& index, const Descriptor& entry) {
    auto child = registry_.child(reference_, entry, stop_);
    if (!child) {
      return std::unexpected(absent_is_damage(std::move(child).error(),
                                              "the index " + index.short_str() +
                                                  " names a manifest the registry no longer has (" +
                                                  describe(entry) + ")"));
    }
    child->descriptor = entry;
    return child;
  }

  [[nodiscard]] static std::unexpected<Error> no_match(std::string why) {
    return fail(Errc::no_matching_platform, std::move(why),
                "Push the image for this host's platform too (docker buildx build --platform ...), "
                "or require it only on hosts it exists for (when.architecture).");
  }

  Result<std::string> fetch_config(const Descriptor& config) {
    const auto fetch = [&](const ByteSink& sink) {
      return registry_.blob(reference_, config, 0, sink, stop_);
    };
    auto bytes = collect(config, fetch);
    if (!bytes && bytes.error().code == Errc::digest_mismatch) {
      registry_.distrust(config.digest);
      bytes = collect(config, fetch);
    }
    if (!bytes) {
      return std::unexpected(absent_is_damage(
          std::move(bytes).error(), "the manifest names a config the registry no longer has"));
    }
    return bytes;
  }

  Result<ResolvedImage> finish(FetchedManifest document, Manifest manifest) {
    std::string config = TRY(fetch_config(manifest.config));
    document.descriptor.media_type = manifest.media_type;
    if (!index_) choice_ = "the tag is a single manifest, which containerd takes without a choice";
    Found found{reference_,
                {},
                "",
                std::move(document.descriptor),
                std::move(document.bytes),
                std::move(manifest),
                std::move(available_),
                std::move(choice_)};
    if (index_) {
      found.index = std::move(index_->descriptor);
      found.index_bytes = std::move(index_->bytes);
    }
    ResolvedImage image = TRY(assemble(std::move(found), std::move(config)));
    TRY(check_unnamed_platform(image));
    image.findings = platform_findings(image, host_, rules_);
    if (!otherwise_.empty()) add_pulled_otherwise(image, host_, otherwise_);
    image.unconfirmed = std::move(unconfirmed_);
    if (kubelet_ && sized_by_) add_pull_fails(image, host_, *sized_by_);
    return image;
  }

  // An entry without a platform is taken on trust; its config has the last word.
  Result<> check_unnamed_platform(const ResolvedImage& image) {
    if (!image.index || image.manifest.platform) return {};
    const auto takes = [&](const Platform& wanted) {
      return matches(wanted, image.config.platform, rules_);
    };
    if (std::ranges::any_of(acceptable(host_, local_pull(rules_)), takes)) return {};
    return no_match("nothing for " + to_string(host_) + ": the entry without a platform is for " +
                    excerpt(to_string(image.config.platform), 64) + " by its config");
  }

  Registry& registry_;
  const Reference& reference_;
  Platform host_;
  ContainerdRules rules_;
  bool kubelet_;
  std::stop_token stop_;
  std::set<Digest> visited_;
  std::vector<Platform> available_;
  std::string choice_, otherwise_;
  std::optional<Descriptor> sized_by_;    // what containerd measures instead of what it took
  std::optional<FetchedManifest> index_;  // the top one: what the image record will name
  std::optional<Error> unconfirmed_;
};

Error in_context(Error error, const Reference& reference) {
  return std::move(error).with_context("resolving " + reference.name());
}

}  // namespace

Result<ResolvedImage> resolve(Registry& registry, const Reference& reference, const HostFacts& host,
                              std::stop_token stop) {
  auto image = Walk(registry, reference, host, std::move(stop)).run();
  if (!image) return std::unexpected(in_context(std::move(image).error(), reference));
  return image;
}

Result<std::string> stored_document(ImageStore& store, const Descriptor& document,
                                    const std::stop_token& stop) {
  return collect(
      document, [&](const ByteSink& sink) { return store.read_blob(document.digest, sink, stop); });
}

Result<ResolvedImage> rebuild(const ProvenImage& proven, const Reference& reference,
                              const DocumentReader& read) {
  Found found{reference, proven.index, "", proven.manifest, "", {"", proven.manifest, {}}, {}, ""};
  if (proven.index) {
    found.index_bytes = TRY(read(*proven.index));
    const auto index = TRY(parse_image_document(found.index_bytes, proven.index->media_type));
    if (const auto* list = std::get_if<Index>(&index)) {
      found.available = offered_platforms(list->manifests);
    }
  }
  found.manifest_bytes = TRY(read(proven.manifest));
  auto manifest = TRY(parse_image_document(found.manifest_bytes, proven.manifest.media_type));
  if (!std::holds_alternative<Manifest>(manifest)) {
    return fail(Errc::invalid_document, "the ledger names an index where a manifest should be");
  }
  found.document = std::get<Manifest>(std::move(manifest));
  found.choice = proven.choice;
  if (found.choice.empty()) {
    found.choice = "proven here at " + proven.time + ", read again from containerd's content store";
  }
  std::string config = TRY(read(found.document.config));
  return assemble(std::move(found), std::move(config));
}

Result<ResolvedImage> resolve_offline(const ProvenImage& proven, const Reference& reference,
                                      ImageStore& store, const std::stop_token& stop) {
  auto image = rebuild(proven, reference, [&](const Descriptor& document) {
    return stored_document(store, document, stop);
  });
  if (!image) return std::unexpected(in_context(std::move(image).error(), reference));
  return image;
}

}  // namespace nodeproof::resolve
