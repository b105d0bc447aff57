#include "agent/index/entries.hpp"

#include <algorithm>

#include "common/crypto.hpp"
#include "common/json.hpp"

namespace nodeproof::index {
namespace {

constexpr const char* kSubject = "vnd.docker.reference.digest";

bool is_docker(std::string_view type) {
  return type == media_type::kDockerManifest || type == media_type::kDockerList;
}

std::string entry_json(const Descriptor& descriptor, const Platform& platform) {
  json::Writer writer;
  writer.begin_object()
      .member("mediaType", descriptor.media_type)
      .member("digest", descriptor.digest.str())
      .member("size", descriptor.size)
      .key("platform")
      .begin_object()
      .member("architecture", platform.architecture)
      .member("os", platform.os);
  if (!platform.variant.empty()) writer.member("variant", platform.variant);
  if (!platform.os_version.empty()) writer.member("os.version", platform.os_version);
  if (!platform.os_features.empty()) writer.member("os.features", platform.os_features);
  return writer.end_object().end_object().str();
}

std::optional<Platform> platform_of(const Descriptor& descriptor, const ComposeDocument& from) {
  if (descriptor.platform && !descriptor.platform->architecture.empty()) {
    return normalize(*descriptor.platform);
  }
  const auto known = from.platforms.find(descriptor.digest.str());
  if (known == from.platforms.end() || known->second.architecture.empty()) return std::nullopt;
  return normalize(known->second);
}

Result<Entry> single_entry(const ComposeDocument& from, std::size_t number) {
  Entry entry{.descriptor = from.document.descriptor,
              .raw = {},
              .made_here = true,
              .key = {},
              .subject = {},
              .document = number};
  entry.key = platform_of(entry.descriptor, from);
  if (!entry.key || entry.key->os == "unknown" || entry.key->architecture == "unknown") {
    return fail(
        Errc::unsupported, from.name + " does not say which platform it is for",
        "give images or indexes of images; an attestation comes with the index of its image");
  }
  entry.descriptor.platform = entry.key;
  entry.raw = entry_json(entry.descriptor, *entry.key);
  return entry;
}

Result<std::vector<Entry>> index_entries(const Index& index, const ComposeDocument& from,
                                         std::size_t number) {
  const std::string& bytes = from.document.bytes;
  const json::Value root = TRY(json::parse(bytes, {.max_bytes = bytes.size()}));
  const json::Value* manifests = TRY(root.at("manifests"));
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < index.manifests.size(); ++i) {
    const Descriptor& descriptor = index.manifests[i];
    Entry entry{.descriptor = descriptor,
                .raw = std::string(manifests->items()[i].source_in(bytes)),
                .key = {},
                .attestation = is_attestation(descriptor),
                .subject = {},
                .document = number};
    if (entry.attestation) {
      const auto subject = descriptor.annotations.find(kSubject);
      if (subject != descriptor.annotations.end()) entry.subject = subject->second;
    } else if (!media_type::is_index(descriptor.media_type)) {
      entry.key = platform_of(descriptor, from);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

Result<Document> read_document(const ComposeDocument& from, std::size_t number) {
  auto parsed = parse_image_document(from.document.bytes, from.document.descriptor.media_type);
  if (!parsed) return std::unexpected(std::move(parsed).error().with_context(from.name));
  Document document{.name = from.name,
                    .manifest = from.document,
                    .is_index = std::holds_alternative<Index>(*parsed),
                    .entries = {}};
  if (document.is_index) {
    document.entries = TRY(index_entries(std::get<Index>(*parsed), from, number));
  } else {
    document.entries.push_back(TRY(single_entry(from, number)));
  }
  return document;
}

std::string_view envelope_for(const std::vector<Entry>& entries) {
  const bool docker = std::ranges::all_of(
      entries, [](const Entry& entry) { return is_docker(entry.descriptor.media_type); });
  return docker ? media_type::kDockerList : media_type::kOciIndex;
}

Result<FetchedManifest> write_index(const std::vector<Entry>& entries, const Document* base) {
  const std::string type(envelope_for(entries));
  json::Writer writer;
  writer.begin_object().member("schemaVersion", std::uint64_t{2}).member("mediaType", type);
  json::Value own;
  const std::string no_bytes;
  const std::string& bytes = base != nullptr && base->is_index ? base->manifest.bytes : no_bytes;
  if (!bytes.empty()) own = TRY(json::parse(bytes, {.max_bytes = bytes.size()}));
  if (own.find("subject") != nullptr) {
    return fail(Errc::unsupported,
                base->name + " is itself attached to another image (it has a subject)",
                "compose a new tag instead, and attach that");
  }
  if (type == media_type::kOciIndex) {
    const std::string artifact = TRY(own.string_or("artifactType", ""));
    if (!artifact.empty()) writer.member("artifactType", artifact);
  }
  writer.key("manifests").begin_array();
  for (const Entry& entry : entries) writer.raw(entry.raw);
  writer.end_array();
  const json::Value* annotations = own.find("annotations");
  if (type == media_type::kOciIndex && annotations != nullptr &&
      annotations->kind() == json::Value::Kind::object) {
    writer.key("annotations").raw(annotations->source_in(bytes));
  }
  FetchedManifest written{{type, hash_of({}), 0, {}, {}}, writer.end_object().str()};
  written.descriptor.digest = hash_of(as_bytes(written.bytes));
  written.descriptor.size = written.bytes.size();
  return written;
}

}  // namespace nodeproof::index
