#include "agent/registry/layout.hpp"

#include <utility>

#include "common/crypto.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::registry {
namespace {

// containerd's MaxManifestSize, as for documents of a registry.
constexpr std::size_t kMaxDocumentBytes = 4'393'216;
constexpr std::size_t kMaxMarkBytes = 4096;
constexpr std::string_view kVersion = "1.0.0";
constexpr const char* kContainerdName = "io.containerd.image.name";
constexpr const char* kRefName = "org.opencontainers.image.ref.name";

std::string path_of(const Digest& digest) {
  const std::string& text = digest.str();
  return "blobs/" + text.substr(0, text.find(':')) + "/" + std::string(digest.hex());
}

// A name that is no reference (containerd writes "@sha256:..." for some) says nothing.
std::optional<Reference> reference_in(const Descriptor& entry, const char* annotation) {
  const auto found = entry.annotations.find(annotation);
  if (found == entry.annotations.end()) return std::nullopt;
  auto parsed = Reference::parse(found->second);
  if (!parsed) return std::nullopt;
  return *std::move(parsed);
}

// image-spec annotations.md leaves open whether it is a tag or a name; a tag has no separator.
bool is_tag(const std::string& ref_name) {
  return !ref_name.empty() && ref_name.find_first_of("/:@") == std::string::npos;
}

LayoutEntry named(Descriptor descriptor) {
  LayoutEntry entry{std::move(descriptor), {}, {}};
  entry.name = reference_in(entry.descriptor, kContainerdName);
  const auto ref_name = entry.descriptor.annotations.find(kRefName);
  if (entry.name || ref_name == entry.descriptor.annotations.end()) return entry;
  if (is_tag(ref_name->second)) {
    entry.tag = ref_name->second;
  } else {
    entry.name = reference_in(entry.descriptor, kRefName);
  }
  return entry;
}

std::unexpected<Error> no_layout(const LayoutFiles& files) {
  if (files.open("manifest.json")) {
    return fail(Errc::unsupported,
                "this is an archive of docker save before version 25, which keeps no manifests and "
                "so no digests",
                "convert it: skopeo copy docker-archive:OLD.tar oci-archive:NEW.tar:NAME:TAG");
  }
  return fail(Errc::unsupported,
              "this is no OCI image layout, or was cut off: it has no file oci-layout",
              "write one: skopeo copy --all docker://NAME:TAG oci-archive:NEW.tar:NAME:TAG");
}

Result<> check_version(const ByteSource& mark) {
  const std::string bytes = TRY(read_whole(mark, kMaxMarkBytes));
  const json::Value document = TRY(json::parse(bytes));
  const std::string version = TRY(document.string_or("imageLayoutVersion", ""));
  if (version == kVersion) return {};
  return fail(Errc::unsupported, "imageLayoutVersion is \"" + printable(version, 64) +
                                     "\", not \"" + std::string(kVersion) + "\"");
}

Result<std::vector<LayoutEntry>> read_entries(const LayoutFiles& files) {
  const auto mark = files.open("oci-layout");
  if (!mark && mark.error().code == Errc::not_found) return no_layout(files);
  if (!mark) return std::unexpected(mark.error());
  if (auto right = check_version(**mark); !right) {
    return std::unexpected(std::move(right).error().with_context("oci-layout"));
  }
  const auto index = TRY(files.open("index.json"));
  auto bytes = read_whole(*index, kMaxDocumentBytes);
  Result<std::vector<LayoutEntry>> entries =
      bytes ? parse_layout_index(*bytes)
            : Result<std::vector<LayoutEntry>>(std::unexpected(std::move(bytes).error()));
  if (!entries) return std::unexpected(std::move(entries).error().with_context("index.json"));
  return entries;
}

}  // namespace

Result<std::vector<LayoutEntry>> parse_layout_index(std::string_view bytes) {
  ImageDocument document = TRY(parse_image_document(bytes, ""));
  auto* index = std::get_if<Index>(&document);
  if (index == nullptr) return fail(Errc::invalid_document, "a manifest instead of an index");
  std::vector<LayoutEntry> entries;
  entries.reserve(index->manifests.size());
  for (Descriptor& entry : index->manifests) entries.push_back(named(std::move(entry)));
  return entries;
}

std::string describe(const LayoutEntry& entry) {
  if (entry.name) return entry.name->name();
  if (!entry.tag.empty()) return "the tag " + printable(entry.tag, 128);
  return entry.descriptor.digest.short_str() + " without a name";
}

Result<Layout> Layout::open(const std::filesystem::path& path) {
  std::string place = printable(path.string());
  const auto in_place = [&place](Error error) {
    return std::unexpected(std::move(error).with_context(place));
  };
  auto files = open_layout_files(path);
  if (!files) return in_place(std::move(files).error());
  auto entries = read_entries(**files);
  if (!entries) return in_place(std::move(entries).error());
  return Layout(std::move(place), *std::move(files), *std::move(entries));
}

std::string Layout::where(const Digest& digest) const { return place_ + ", " + path_of(digest); }

std::string Layout::remedy() const { return "copy the image to " + place_ + " again"; }

Result<std::unique_ptr<ByteSource>> Layout::blob(const Digest& digest,
                                                 std::optional<std::uint64_t> size) const {
  auto file = files_->open(path_of(digest));
  if (!file) return std::unexpected(std::move(file).error().with_context(place_));
  if (size && (*file)->size() != *size) {
    return fail(Errc::digest_mismatch,
                where(digest) + ": it has " + std::to_string((*file)->size()) +
                    " bytes instead of " + std::to_string(*size),
                remedy());
  }
  return file;
}

Result<std::string> Layout::document(const Digest& digest,
                                     std::optional<std::uint64_t> size) const {
  const auto file = TRY(blob(digest, size));
  auto bytes = read_whole(*file, kMaxDocumentBytes);
  if (!bytes) return std::unexpected(std::move(bytes).error().with_context(where(digest)));
  const Digest found = hash_of(as_bytes(*bytes), digest.algorithm());
  if (found == digest) return bytes;
  return fail(Errc::digest_mismatch, where(digest) + ": its bytes hash to " + found.short_str(),
              remedy());
}

}  // namespace nodeproof::registry
