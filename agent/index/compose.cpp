#include "agent/index/compose.hpp"

#include <algorithm>
#include <span>

#include "agent/codes.hpp"
#include "agent/index/entries.hpp"
#include "common/crypto.hpp"

namespace nodeproof::index {
namespace {

std::string label_of(const std::optional<Platform>& key) { return key ? to_string(*key) : ""; }

// The result while it grows.
class Composer {
 public:
  Composer(const std::vector<Document>& documents, const ComposeOptions& options)
      : documents_(documents), options_(options) {}

  void start_from(const Document& tag) {
    for (const Entry& entry : tag.entries) {
      if (!is_dropped(entry)) entries_.push_back(entry);
    }
  }
  void add_images(const Document& source);
  void add_attestations(const Document& source);
  void drop_orphans();
  void report_duplicates();
  void report_empty(const Document& source);
  void report_lost(const Document& tag);
  void report_nested(const Document& tag);
  void report_mix();

  std::vector<Entry> take_entries() { return std::move(entries_); }
  std::vector<Finding> take_findings() { return std::move(findings_); }
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  [[nodiscard]] bool is_dropped(const Entry& entry) const {
    if (entry.attestation &&
        std::ranges::find(options_.without, entry.digest()) != options_.without.end()) {
      return true;
    }
    return entry.key && std::ranges::any_of(options_.drop, [&](const Platform& platform) {
             return to_string(platform) == to_string(*entry.key);
           });
  }
  void take(const Document& source, const Entry& image);
  void replace(const Entry& image);
  [[nodiscard]] std::size_t behind_last_image() const;
  [[nodiscard]] bool holds(const std::string& digest, bool attestation) const {
    return std::ranges::any_of(entries_, [&](const Entry& entry) {
      return entry.digest() == digest && entry.attestation == attestation;
    });
  }
  [[nodiscard]] std::size_t place_for(const Entry& attestation) const;
  void refuse(std::string_view code, const std::string& platform, std::string message,
              std::string remedy) {
    findings_.push_back({.code = std::string(code),
                         .severity = Severity::fail,
                         .subject = platform,
                         .layer = {},
                         .message = std::move(message),
                         .evidence = {},
                         .remedy = std::move(remedy)});
  }

  const std::vector<Document>& documents_;
  const ComposeOptions& options_;
  std::vector<Entry> entries_;
  std::map<Platform, Entry> claimed_;           // what a source gave for a platform first
  std::map<std::string, std::string> instead_;  // new digest -> the one whose place it took
  std::vector<Finding> findings_;
};

std::size_t Composer::behind_last_image() const {
  const auto last = std::find_if(entries_.rbegin(), entries_.rend(),
                                 [](const Entry& entry) { return !entry.attestation; });
  return static_cast<std::size_t>(entries_.rend() - last);
}

// The tag's entries for the platform give way; the first one's place is taken.
void Composer::replace(const Entry& image) {
  const auto same_key = [&](const Entry& entry) { return entry.key && entry.key == image.key; };
  auto keep = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return same_key(entry) && entry.digest() == image.digest();
  });
  if (keep == entries_.end()) {
    keep = std::ranges::find_if(entries_, same_key);
    if (keep == entries_.end()) {
      entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(behind_last_image()), image);
      return;
    }
    instead_[image.digest()] = keep->digest();
    *keep = image;
  } else if (keep->made_here) {
    keep->raw = image.raw;  // what an index says about it is more than could be made up here
    keep->made_here = image.made_here;
  }
  const auto kept = static_cast<std::size_t>(keep - entries_.begin());
  for (std::size_t i = entries_.size(); i-- > 0;) {
    if (i != kept && same_key(entries_[i])) {
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
}

void Composer::take(const Document& source, const Entry& image) {
  if (!image.key) {
    if (holds(image.digest(), false)) return;
    entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(behind_last_image()), image);
    return;
  }
  const auto [claim, first] = claimed_.try_emplace(*image.key, image);
  if (first) return replace(image);
  if (claim->second.digest() == image.digest()) return;
  if (options_.keep_duplicates) {
    if (holds(image.digest(), false)) return;
    const auto last = std::find_if(entries_.rbegin(), entries_.rend(),
                                   [&](const Entry& entry) { return entry.key == image.key; });
    entries_.insert(last.base(), image);
    return;
  }
  const std::string platform = to_string(*image.key);
  refuse(code::kPlatformAmbiguous, platform,
         platform + " is given twice: " + claim->second.digest() + " by " +
             documents_[claim->second.document].name + " and " + image.digest() + " by " +
             source.name,
         "give one of them, or both with --keep-duplicates; a node takes the first");
}

void Composer::add_images(const Document& source) {
  for (const Entry& entry : source.entries) {
    if (entry.attestation || is_dropped(entry)) continue;
    // A single manifest that the tag lists already is for the platform that the tag says.
    const auto listed = std::ranges::find_if(entries_, [&](const Entry& known) {
      return entry.made_here && known.key && known.digest() == entry.digest();
    });
    take(source, listed == entries_.end() ? entry : Entry(*listed));
  }
}

// An attestation leaves with what it attests; one that does not say what stays.
void Composer::drop_orphans() {
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.attestation && !entry.subject.empty() && !holds(entry.subject, false);
  });
}

// Where the attestation of the replaced image stood, else behind its image's other ones, else last.
std::size_t Composer::place_for(const Entry& attestation) const {
  const auto old = instead_.find(attestation.subject);
  for (std::size_t i = entries_.size(); i-- > 0;) {
    const Entry& entry = entries_[i];
    if (!entry.attestation) continue;
    const bool same = entry.subject == attestation.subject;
    if (same || (old != instead_.end() && entry.subject == old->second)) return i + 1;
  }
  return entries_.size();
}

void Composer::add_attestations(const Document& source) {
  for (const Entry& entry : source.entries) {
    if (!entry.attestation || is_dropped(entry) || holds(entry.digest(), true)) continue;
    if (!holds(entry.subject, false)) continue;
    entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(place_for(entry)), entry);
  }
}

void Composer::report_duplicates() {
  if (options_.keep_duplicates) return;
  std::map<Platform, std::string> seen;
  for (const Entry& entry : entries_) {
    if (!entry.key) continue;
    const auto [first, is_new] = seen.try_emplace(*entry.key, entry.digest());
    if (is_new || first->second == entry.digest()) continue;
    const std::string platform = to_string(*entry.key);
    refuse(code::kPlatformAmbiguous, platform,
           platform + " has two manifests in " + documents_[entry.document].name + ": " +
               first->second + " and " + entry.digest(),
           "give a source for " + platform + ", or keep both with --keep-duplicates");
  }
}

void Composer::report_lost(const Document& tag) {
  for (const Entry& old : tag.entries) {
    if (!old.key || is_dropped(old)) continue;
    const bool there =
        std::ranges::any_of(entries_, [&](const Entry& entry) { return entry.key == old.key; });
    if (there) continue;
    const std::string platform = to_string(*old.key);
    refuse(
        code::kPlatformLost, platform,
        tag.name + " has " + platform + " (" + old.digest() + "), which the result would not have",
        "give a source for " + platform + ", or agree with --drop " + platform);
  }
}

// Whoever merges a build wants an image of it.
void Composer::report_empty(const Document& source) {
  const auto is_image = [](const Entry& entry) { return !entry.attestation; };
  if (std::ranges::any_of(source.entries, is_image)) return;
  refuse(code::kPlatformMissing, source.name, source.name + " holds no image to merge",
         "look at what has pushed it, and push it again");
}

// What an index within the index holds is taken as it is, and told apart by its digest alone.
void Composer::report_nested(const Document& tag) {
  if (std::ranges::equal(tag.entries, entries_, {}, &Entry::raw, &Entry::raw)) return;
  for (const Entry& entry : entries_) {
    if (!media_type::is_index(entry.descriptor.media_type)) continue;
    findings_.push_back(
        {.code = std::string(code::kPlatformAmbiguous),
         .severity = Severity::warn,
         .subject = label_of(entry.key),
         .layer = {},
         .message = "an entry of " + documents_[entry.document].name +
                    " is itself an index: its platforms stay beside the others of the same name",
         .evidence = entry.digest(),
         .remedy = "see what nodes take (nodeproof resolve), or name the images in that index as "
                   "sources instead"});
  }
}

void Composer::report_mix() {
  if (envelope_for(entries_) == media_type::kDockerList) return;
  for (const Entry& entry : entries_) {
    if (entry.descriptor.media_type != media_type::kDockerManifest) continue;
    findings_.push_back(
        {.code = std::string(code::kMixedMediaTypes),
         .severity = Severity::warn,
         .subject = label_of(entry.key),
         .layer = {},
         .message = "an OCI index over Docker manifests (" + label_of(entry.key) + " is one)",
         .evidence = entry.digest() + " is " + entry.descriptor.media_type,
         .remedy = "some registries and runtimes refuse the mix: build all platforms with one "
                   "setting of the exporter (oci-mediatypes)"});
    return;
  }
}

// The tag where nothing changes, or a source that is all there is, in whatever order.
const Document* unchanged_document(const std::vector<Document>& documents,
                                   const std::vector<Entry>& entries,
                                   const ComposeOptions& options) {
  const Document& tag = documents.front();
  if (!tag.entries.empty() &&
      std::ranges::equal(tag.entries, entries, {}, &Entry::raw, &Entry::raw)) {
    return &tag;
  }
  const auto same = std::find_if(documents.begin() + 1, documents.end(), [&](const Document& each) {
    return (each.is_index || options.keep_single) &&
           std::ranges::is_permutation(each.entries, entries, {}, &Entry::raw, &Entry::raw);
  });
  return same == documents.end() ? nullptr : &*same;
}

std::string platform_label(const Entry& entry, const std::vector<Entry>& among) {
  if (!entry.attestation) return label_of(entry.key);
  const auto subject = std::ranges::find_if(among, [&](const Entry& image) {
    return !image.attestation && image.digest() == entry.subject;
  });
  return subject == among.end() ? "" : label_of(subject->key);
}

bool same_entry(const Entry& a, const Entry& b) {
  return a.digest() == b.digest() && a.attestation == b.attestation && a.key == b.key;
}

std::vector<EntryChange> changes_between(const std::vector<Entry>& before,
                                         const std::vector<Entry>& after,
                                         const std::vector<Document>& documents) {
  std::vector<EntryChange> changes;
  std::vector<std::string> replaced;
  const auto holds = [](const std::vector<Entry>& entries, const Entry& wanted) {
    return std::ranges::any_of(entries, [&](const Entry& e) { return same_entry(e, wanted); });
  };
  for (const Entry& entry : after) {
    EntryChange change{.change = Change::added,
                       .platform = platform_label(entry, after),
                       .attestation = entry.attestation,
                       .before = {},
                       .after = entry.digest(),
                       .source = documents[entry.document].name};
    const auto old = std::ranges::find_if(before, [&](const Entry& each) {
      return entry.key && each.key == entry.key && !holds(after, each) &&
             std::ranges::find(replaced, each.digest()) == replaced.end();
    });
    if (holds(before, entry)) {
      change.change = Change::kept;
      change.before = entry.digest();
    } else if (old != before.end()) {
      change.change = Change::replaced;
      change.before = old->digest();
      replaced.push_back(old->digest());
    }
    changes.push_back(std::move(change));
  }
  for (const Entry& entry : before) {
    const bool known = std::ranges::find(replaced, entry.digest()) != replaced.end();
    if (holds(after, entry) || (known && !entry.attestation)) continue;
    changes.push_back({.change = Change::removed,
                       .platform = platform_label(entry, before),
                       .attestation = entry.attestation,
                       .before = entry.digest(),
                       .after = {},
                       .source = {}});
  }
  return changes;
}

bool has_platform(const Document& document, const Platform& platform) {
  return std::ranges::any_of(document.entries, [&](const Entry& entry) {
    return label_of(entry.key) == to_string(platform);
  });
}

Result<> check_drops(const std::vector<Document>& documents, const ComposeOptions& options) {
  for (const Platform& platform : options.drop) {
    const bool known = std::ranges::any_of(
        documents, [&](const Document& document) { return has_platform(document, platform); });
    if (known) continue;
    return fail(Errc::usage,
                "--drop " + to_string(platform) + ": neither the tag nor a source has it",
                "check the platform's spelling: nodeproof inspect IMAGE lists them");
  }
  return {};
}

FetchedManifest no_document() { return {{{}, hash_of({}), 0, {}, {}}, {}}; }

Result<std::vector<Document>> read_all(const std::optional<ComposeDocument>& tag,
                                       const std::vector<ComposeDocument>& sources) {
  std::vector<Document> documents;
  if (tag) {
    documents.push_back(TRY(read_document(*tag, 0)));
  } else {
    // So that the n-th source is the n-th document.
    documents.push_back({.name = {}, .manifest = no_document(), .entries = {}});
  }
  for (const ComposeDocument& source : sources) {
    documents.push_back(TRY(read_document(source, documents.size())));
  }
  return documents;
}

}  // namespace

std::string_view to_string(Change change) {
  switch (change) {
    case Change::kept:
      return "kept";
    case Change::added:
      return "added";
    case Change::replaced:
      return "replaced";
    case Change::removed:
      return "removed";
  }
  return "kept";
}

bool Composition::refused() const {
  return std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.severity == Severity::fail; });
}

Result<Composition> compose(const std::optional<ComposeDocument>& tag,
                            const std::vector<ComposeDocument>& sources,
                            const ComposeOptions& options) {
  const std::vector<Document> documents = TRY(read_all(tag, sources));
  TRY(check_drops(documents, options));
  Composer composer(documents, options);
  if (!options.only_sources) composer.start_from(documents.front());
  const std::span given(documents.begin() + 1, documents.end());
  for (const Document& source : given) composer.add_images(source);
  for (const Document& source : given) composer.add_attestations(source);
  composer.drop_orphans();
  composer.report_duplicates();
  for (const Document& source : given) composer.report_empty(source);
  composer.report_lost(documents.front());
  composer.report_nested(documents.front());
  composer.report_mix();
  Composition result{.document = no_document(), .entries = {}, .changes = {}, .findings = {}};
  result.findings = composer.take_findings();
  const std::vector<Entry> entries = composer.take_entries();
  if (std::ranges::none_of(entries, [](const Entry& entry) { return !entry.attestation; })) {
    return fail(Errc::usage, "the result would hold no image", "drop fewer platforms");
  }
  for (const Entry& entry : entries) {
    result.entries.push_back({.descriptor = entry.descriptor,
                              .platform = platform_label(entry, entries),
                              .attestation = entry.attestation,
                              .document = entry.document,
                              .source = documents[entry.document].name});
  }
  result.changes = changes_between(documents.front().entries, entries, documents);
  const Document* same = unchanged_document(documents, entries, options);
  if (same != nullptr) {
    result.document = same->manifest;
  } else {
    result.document = TRY(write_index(entries, tag ? documents.data() : nullptr));
  }
  return result;
}

}  // namespace nodeproof::index
