#include "agent/registry/layout_registry.hpp"

#include <algorithm>

#include "agent/registry/manifest_type.hpp"
#include "common/crypto.hpp"

namespace nodeproof::registry {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;
constexpr std::size_t kMostShown = 8;  // images in a message

std::string shown(const std::vector<const LayoutEntry*>& entries) {
  std::string text;
  for (std::size_t i = 0; i < entries.size() && i < kMostShown; ++i) {
    text += (i == 0 ? "" : ", ") + describe(*entries[i]);
  }
  if (entries.size() > kMostShown) {
    text += " and " + std::to_string(entries.size() - kMostShown) + " more";
  }
  return text.empty() ? "nothing" : text;
}

Result<BlobState> probe_in(const Layout& layout, const Descriptor& blob) {
  const auto file = layout.blob(blob.digest, std::nullopt);
  if (!file && file.error().code == Errc::not_found) return BlobState::missing;
  if (!file) return std::unexpected(file.error());
  if ((*file)->size() < blob.size) return BlobState::truncated;
  TRY(layout.blob(blob.digest, blob.size));
  std::byte last{};
  TRY((*file)->read_at(blob.size - 1, std::span(&last, 1)));
  return BlobState::whole;
}

FetchedManifest fetched(Descriptor descriptor, std::string bytes) {
  descriptor.platform.reset();
  descriptor.annotations.clear();
  return {std::move(descriptor), std::move(bytes)};
}

}  // namespace

const std::vector<Layout>& LayoutRegistry::layouts() {
  std::call_once(opened_, [this] { open_all(); });
  return layouts_;
}

void LayoutRegistry::open_all() {
  for (const std::filesystem::path& path : paths_) {
    auto places = layouts_in(path);
    if (!places) {
      troubles_.push_back(std::move(places).error().with_context(path.string()));
      continue;
    }
    if (places->empty()) {
      troubles_.push_back({Errc::not_found, path.string() + ": it holds no image layout", ""});
    }
    for (const std::filesystem::path& place : *places) open_one(place);
  }
}

void LayoutRegistry::open_one(const std::filesystem::path& place) {
  auto layout = Layout::open(place);
  if (layout) {
    layouts_.push_back(*std::move(layout));
  } else {
    troubles_.push_back(std::move(layout).error());
  }
}

Result<> LayoutRegistry::usable() {
  if (!layouts().empty() || troubles_.empty()) return {};
  return std::unexpected(troubles_.front());
}

// The one image that is meant, in however many layouts and entries it stands.
Result<const LayoutEntry*> LayoutRegistry::the_one(const Reference& reference,
                                                   const std::vector<const LayoutEntry*>& found) {
  const auto other = std::ranges::find_if(found, [&](const LayoutEntry* entry) {
    return entry->descriptor.digest != found.front()->descriptor.digest;
  });
  if (other == found.end()) return found.front();
  return fail(Errc::not_found,
              describe(*found.front()) + " stands there more than once, as " +
                  found.front()->descriptor.digest.short_str() + " and as " +
                  (*other)->descriptor.digest.short_str(),
              "name the one that is meant by its digest: " +
                  reference.name_with_digest(found.front()->descriptor.digest));
}

Result<const LayoutEntry*> LayoutRegistry::find(const Reference& reference) {
  std::vector<const LayoutEntry*> by_name, by_tag;
  for (const Layout& layout : layouts()) {
    for (const LayoutEntry& entry : layout.entries()) {
      if (entry.name && entry.name->name() == reference.name()) by_name.push_back(&entry);
      if (!entry.tag.empty() && entry.tag == reference.tag()) by_tag.push_back(&entry);
    }
  }
  if (!by_name.empty()) return the_one(reference, by_name);
  if (by_tag.empty()) return std::unexpected(not_here(reference));
  if (may_mean_another(reference)) {
    return fail(Errc::not_found,
                "the layout says no more than the tag " + reference.tag() +
                    ", and more than one required image has it",
                "write the image with its whole name: skopeo copy --all ... oci-archive:FILE:" +
                    reference.name());
  }
  return the_one(reference, by_tag);
}

bool LayoutRegistry::may_mean_another(const Reference& reference) const {
  return std::ranges::any_of(asked_, [&](const Reference& other) {
    return !other.digest() && other.tag() == reference.tag() &&
           other.repository() != reference.repository();
  });
}

Error LayoutRegistry::not_here(const Reference& reference) {
  if (!troubles_.empty()) return troubles_.front();
  std::vector<const LayoutEntry*> all;
  std::string places;
  for (const Layout& layout : layouts_) {
    if (!places.empty()) places += ", ";
    places += layout.place();
    for (const LayoutEntry& entry : layout.entries()) all.push_back(&entry);
  }
  return {Errc::not_found, "not in " + places + ", which holds " + shown(all),
          "copy it there: skopeo copy --all docker://" + reference.name() +
              " oci-archive:FILE:" + reference.name()};
}

// What keeps the blob from us: damage where it is, else what could not be looked at.
Error LayoutRegistry::absent(const Digest& digest, std::optional<Error> worst) {
  if (worst) return *std::move(worst);
  if (!troubles_.empty()) return troubles_.front();
  std::string files;
  for (const Layout& layout : layouts_) {
    files += (files.empty() ? "" : "; ") + layout.where(digest);
  }
  return {Errc::not_found, "there is no such file: " + files,
          "copy the image there again, with this host's platform"};
}

Result<std::string> LayoutRegistry::document(const Sought& sought) {
  std::optional<Error> worst;
  for (const Layout& layout : layouts()) {
    auto bytes = layout.document(sought.digest, sought.size);
    if (bytes) return bytes;
    if (bytes.error().code != Errc::not_found && !worst) worst = std::move(bytes).error();
  }
  return std::unexpected(absent(sought.digest, std::move(worst)));
}

Result<FetchedManifest> LayoutRegistry::by_digest(const Digest& digest) {
  for (const Layout& layout : layouts()) {
    const auto entry = std::ranges::find_if(
        layout.entries(), [&](const LayoutEntry& one) { return one.descriptor.digest == digest; });
    if (entry == layout.entries().end()) continue;
    return fetched(entry->descriptor, TRY(document({digest, entry->descriptor.size})));
  }
  std::string bytes = TRY(document({digest, std::nullopt}));
  const std::string type = TRY(manifest_media_type("", bytes));
  const std::uint64_t size = bytes.size();
  return fetched({type, digest, size, {}, {}}, std::move(bytes));
}

Result<FetchedManifest> LayoutRegistry::manifest(const Reference& reference,
                                                 std::stop_token /*stop*/) {
  const auto fetch = [&]() -> Result<FetchedManifest> {
    if (reference.digest()) return by_digest(*reference.digest());
    const LayoutEntry* entry = TRY(find(reference));
    const Descriptor& found = entry->descriptor;
    if (!media_type::is_index(found.media_type) && !media_type::is_manifest(found.media_type)) {
      return fail(Errc::unsupported, "what goes by this name is no image but " + found.media_type);
    }
    return fetched(found, TRY(document({found.digest, found.size})));
  };
  auto manifest = fetch();
  if (!manifest) return std::unexpected(std::move(manifest).error().with_context(reference.name()));
  return manifest;
}

Result<FetchedManifest> LayoutRegistry::child(const Reference& reference, const Descriptor& child,
                                              std::stop_token /*stop*/) {
  auto bytes = document({child.digest, child.size});
  if (bytes) return FetchedManifest{child, *std::move(bytes)};
  return std::unexpected(
      std::move(bytes).error().with_context(reference.name_with_digest(child.digest)));
}

bool LayoutRegistry::is_damaged(const Layout& layout, const Digest& digest) {
  const std::lock_guard lock(mutex_);
  return damaged_.contains({layout.place(), digest});
}

// The file's bytes up to `end`; what lies before the stream's position has been taken already.
Result<> LayoutRegistry::Stream::take(Bytes bytes, std::uint64_t end) {
  if (end <= position) return {};
  auto taken = sink(
      bytes.last(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), end - position))));
  sink_refused = !taken;
  if (taken) position = end;
  return taken;
}

Result<> LayoutRegistry::send(const Layout& layout, const Descriptor& blob, Stream& stream,
                              const std::stop_token& stop) {
  if (blob.size <= kPieceBytes) {
    const std::string bytes = TRY(layout.document(blob.digest, blob.size));
    return stream.take(as_bytes(bytes), blob.size);
  }
  if (is_damaged(layout, blob.digest)) {
    return fail(Errc::digest_mismatch,
                layout.where(blob.digest) + ": its bytes are not those of its digest",
                layout.remedy());
  }
  const auto file = TRY(layout.blob(blob.digest, blob.size));
  const std::uint64_t begin = stream.position;
  const auto found = send_pieces(*file, {layout.where(blob.digest), blob}, stream, stop);
  note({layout.place(), blob.digest}, found, stream.position > begin);
  if (!found) return std::unexpected(found.error());
  return {};
}

void LayoutRegistry::note(const Copy& copy, const Result<Digest>& found, bool gave) {
  const std::lock_guard lock(mutex_);
  if (found) unhashed_.erase(copy);
  if (found && *found != copy.second) damaged_.insert(copy);
  if (!found && gave) unhashed_.insert(copy);
}

// Which of them gave the wrong bytes nobody knows. One that was read to its end is not among them.
void LayoutRegistry::distrust(const Digest& blob) {
  const std::lock_guard lock(mutex_);
  std::erase_if(unhashed_, [&](const Copy& copy) {
    if (copy.second != blob) return false;
    damaged_.insert(copy);
    return true;
  });
}

// From the file's beginning: what an earlier run was given is hashed too.
Result<Digest> LayoutRegistry::send_pieces(const ByteSource& file, const Named& blob,
                                           Stream& stream, const std::stop_token& stop) {
  Hasher hasher(blob.blob.digest.algorithm());
  std::vector<std::byte> buffer(kPieceBytes);
  for (std::uint64_t at = 0; at < blob.blob.size;) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
    const auto piece = std::span(buffer).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), blob.blob.size - at)));
    if (auto read = file.read_at(at, piece); !read) {
      return std::unexpected(std::move(read).error().with_context(blob.where));
    }
    hasher.update(piece);
    at += piece.size();
    TRY(stream.take(piece, at));
  }
  return hasher.finish();
}

// NOLINTNEXTLINE(readability-function-size): the port's signature
Result<> LayoutRegistry::blob(const Reference& reference, const Descriptor& blob,
                              std::uint64_t offset, const ByteSink& sink, std::stop_token stop) {
  Stream stream{offset, sink};
  std::optional<Error> worst;
  for (const Layout& layout : layouts()) {
    auto sent = send(layout, blob, stream, stop);
    if (sent) return sent;
    if (stream.sink_refused || sent.error().code == Errc::cancelled) return sent;
    if (sent.error().code != Errc::not_found && !worst) worst = std::move(sent).error();
  }
  return std::unexpected(
      absent(blob.digest, std::move(worst)).with_context(reference.name_with_digest(blob.digest)));
}

Result<BlobState> LayoutRegistry::probe(const Reference& reference, const Descriptor& blob,
                                        std::stop_token /*stop*/) {
  Result<BlobState> best = BlobState::missing;
  for (const Layout& layout : layouts()) {
    auto state = probe_in(layout, blob);
    if (state && *state == BlobState::whole) return state;
    if (best && *best == BlobState::missing) best = std::move(state);
  }
  if (best) return best;
  return std::unexpected(
      std::move(best).error().with_context(reference.name_with_digest(blob.digest)));
}

}  // namespace nodeproof::registry
