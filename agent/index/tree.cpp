#include "agent/index/tree.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "agent/codes.hpp"
#include "agent/index/workers.hpp"
#include "common/crypto.hpp"

namespace nodeproof::index {

namespace {

// Hostile indexes could name each other without end.
constexpr int kMaxDepth = 3;
constexpr std::size_t kMaxEntries = 1000;

constexpr const char* kSubject = "vnd.docker.reference.digest";
constexpr const char* kNested = "the nested index";

// The last one is distribution#1622: containerd takes it for a config.
constexpr std::array<std::string_view, 3> kImageConfigs = {
    "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
    "application/octet-stream"};

bool same_platform(const Platform& a, const Platform& b) {
  return a.os == b.os && a.architecture == b.architecture && a.variant == b.variant;
}

// Annotations may be megabytes, and those of layers are not needed from here on.
Manifest without_annotations(Manifest manifest) {
  manifest.config.annotations.clear();
  for (Descriptor& layer : manifest.layers) layer.annotations.clear();
  return manifest;
}

void take_manifest(Node& node, Manifest manifest) {
  const bool image =
      std::ranges::find(kImageConfigs, manifest.config.media_type) != std::end(kImageConfigs);
  node.companion = node.companion || !image;
  node.manifest = without_annotations(std::move(manifest));
}

Flaw too_much(std::string what, const Digest& digest, std::string cause) {
  return flaw_of(Error{Errc::too_large, std::move(cause), "look at what builds such an index"},
                 std::move(what), digest.str());
}

class TreeFetcher {
 public:
  explicit TreeFetcher(Questions& questions) : questions_(questions) {}

  Tree fetch() {
    auto top = questions_.manifest();
    if (!top) {
      tree_.flaws.push_back(tag_flaw(top.error()));
      explain_failing_tag(tree_.flaws.back(), top.error());
      return std::move(tree_);
    }
    tree_.top = top->descriptor;
    auto document = parse_image_document(top->bytes, top->descriptor.media_type);
    if (!document) {
      tree_.flaws.push_back(
          questions_.flaw(document.error(), "the tag's document", top->descriptor.digest.str()));
    } else if (auto* index = std::get_if<Index>(&*document)) {
      visited_.insert(top->descriptor.digest);
      tree_.nodes = below(std::move(*index), 1);
    } else {
      tree_.single = true;
      take_manifest(tree_.nodes.emplace_back(Node{.descriptor = top->descriptor}),
                    std::get<Manifest>(*std::move(document)));
    }
    return std::move(tree_);
  }

 private:
  struct Child {
    Node node;
    std::optional<Index> index;
  };

  [[nodiscard]] Flaw tag_flaw(const Error& error) const {
    const Reference& reference = questions_.reference();
    Flaw flaw =
        questions_.flaw(error, reference.digest() ? "the image" : "the tag " + reference.tag(),
                        reference.digest() ? reference.digest()->str() : "");
    if (error.code == Errc::not_found) {
      flaw.code = code::kImageNotFound;
      flaw.remedy = "check the spelling, or push the image";
      if (questions_.options().layouts) flaw.remedy = error.remedy;
    }
    // The same bytes once more would not replace the registry's.
    if (error.code == Errc::digest_mismatch && !reference.digest()) flaw.remedy = error.remedy;
    return flaw;
  }

  // A registry that fails on a tag and answers about its repository is not down. What it cannot
  // read may be the tag's link or something else, so that this stays unknown.
  void explain_failing_tag(Flaw& flaw, const Error& error) {
    if (error.code != Errc::server_error || questions_.reference().digest()) return;
    const Digest nothing = hash_of({});
    const auto other =
        questions_.child({std::string(media_type::kOciManifest), nothing, 1, {}, {}});
    if (other || other.error().code != Errc::not_found) return;
    flaw.cause += "; the registry answers about this repository, and fails on this tag alone";
    flaw.evidence = error.message +
                    "; asked for a digest that no manifest has, it says: " + other.error().message;
    flaw.remedy =
        "look at the registry's own log; a crash or a full disk leaves a tag's link file empty "
        "(.../_manifests/tags/" +
        questions_.reference().tag() +
        "/current/link), and then a push of the tag, with all its platforms, mends it";
  }

  // The index's entries in their order, nested ones in place.
  std::vector<Node> below(Index index, int depth) {
    std::vector<Descriptor> entries = wanted(std::move(index.manifests));
    const std::size_t room = kMaxEntries - std::min(entries_, kMaxEntries);
    if (entries.size() > room) {
      tree_.flaws.push_back(too_much(
          "the index", tree_.top->digest,
          "it has more than " + std::to_string(kMaxEntries) + " entries, nested ones included"));
      entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(room), entries.end());
    }
    entries_ += entries.size();
    std::vector<std::optional<Child>> children(entries.size());
    in_parallel(questions_.options().parallel, entries.size(),
                [&](std::size_t i) { children[i] = fetch_child(std::move(entries[i])); });
    std::vector<Node> nodes;
    for (auto& child : children) append(nodes, *std::move(child), depth);
    return nodes;
  }

  void append(std::vector<Node>& nodes, Child child, int depth) {
    const Digest digest = child.node.descriptor.digest;
    if (!child.index) {
      nodes.push_back(std::move(child.node));
    } else if (depth == kMaxDepth) {
      child.node.flaws.push_back(too_much(
          kNested, digest, "indexes are nested more than " + std::to_string(kMaxDepth) + " deep"));
      nodes.push_back(std::move(child.node));
    } else if (visited_.insert(digest).second) {
      std::ranges::move(below(*std::move(child.index), depth + 1), std::back_inserter(nodes));
    }
  }

  // Called from several threads at once.
  Child fetch_child(Descriptor entry) {
    const bool index = media_type::is_index(entry.media_type);
    const bool known = index || media_type::is_manifest(entry.media_type);
    const std::string what = index ? kNested : "the manifest";
    const std::string digest = entry.digest.str();
    Child child{.node = {.descriptor = std::move(entry)}, .index = {}};
    Node& node = child.node;
    node.companion = !known || is_attestation(node.descriptor);
    auto fetched = questions_.child(node.descriptor);
    if (!fetched) {
      node.flaws.push_back(questions_.flaw(fetched.error(), what, digest));
      if (fetched.error().code == Errc::invalid_document) contradicts(node.flaws.back());
      return child;
    }
    if (!known) return child;
    auto document = parse_image_document(fetched->bytes, node.descriptor.media_type);
    if (!document) {
      node.flaws.push_back(questions_.flaw(document.error(), what, digest));
      if (parse_image_document(fetched->bytes, "")) contradicts(node.flaws.back());
    } else if (auto* nested = std::get_if<Index>(&*document)) {
      child.index = std::move(*nested);
    } else {
      take_manifest(node, std::get<Manifest>(*std::move(document)));
    }
    return child;
  }

  static void contradicts(Flaw& flaw) {
    flaw.verdict = PlatformVerdict::mismatch;
    flaw.cause = "is of another media type than the index says";
  }

  // With a choice of platforms: theirs, those of none, and what is attached to them.
  [[nodiscard]] std::vector<Descriptor> wanted(std::vector<Descriptor> entries) const {
    const auto& platforms = questions_.options().platforms;
    if (platforms.empty()) return entries;
    std::set<std::string> chosen;
    const auto is_chosen = [&](const Descriptor& entry) {
      if (!entry.platform) return true;
      const Platform platform = normalize(*entry.platform);
      return std::ranges::any_of(platforms,
                                 [&](const Platform& p) { return same_platform(p, platform); });
    };
    for (const Descriptor& entry : entries) {
      if (!is_attestation(entry) && is_chosen(entry)) chosen.insert(entry.digest.str());
    }
    std::erase_if(entries, [&](const Descriptor& entry) {
      if (!is_attestation(entry)) return !chosen.contains(entry.digest.str());
      const auto subject = entry.annotations.find(kSubject);
      return subject == entry.annotations.end() || !chosen.contains(subject->second);
    });
    return entries;
  }

  Questions& questions_;
  Tree tree_;
  std::set<Digest> visited_;
  std::size_t entries_ = 0;
};

}  // namespace

Tree fetch_tree(Questions& questions) { return TreeFetcher(questions).fetch(); }

}  // namespace nodeproof::index
