// Strict on purpose: containerd reads these documents with Go's encoding/json, where the last of
// two equal keys wins and case does not count. What could be read in two ways is refused, or we
// would prove another image than the one that runs.
#include <algorithm>
#include <array>
#include <span>

#include "common/json.hpp"
#include "common/oci.hpp"
#include "common/oci_healthcheck.hpp"
#include "common/words.hpp"

namespace nodeproof {
namespace {

constexpr std::size_t kMaxManifestBytes = 4'393'216;  // containerd's MaxManifestSize
constexpr std::size_t kMaxConfigBytes = 8U << 20U;
constexpr std::size_t kMaxEntries = 1000;
constexpr std::size_t kMaxLayers = 512;

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 9> kDocumentFields = {
    "schemaVersion", "mediaType", "artifactType", "config",  "layers",
    "manifests",     "subject",   "annotations",  "fsLayers"};
constexpr std::array<std::string_view, 8> kDescriptorFields = {
    "mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"};
constexpr std::array<std::string_view, 6> kPlatformFields = {
    "architecture", "os", "os.version", "os.features", "variant", "features"};
constexpr std::array<std::string_view, 7> kImageFields = {
    "architecture", "os", "os.version", "os.features", "variant", "config", "rootfs"};
constexpr std::array<std::string_view, 2> kRootfsFields = {"type", "diff_ids"};
constexpr std::array<std::string_view, 6> kConfigFields = {"User", "Env",        "Entrypoint",
                                                           "Cmd",  "WorkingDir", "StopSignal"};

std::unexpected<Error> invalid(const json::Value& value, const std::string& what) {
  return fail(Errc::invalid_document, value.path() + ": " + what);
}

// An object whose keys are not case variants of the fields its specification defines.
Result<> check_object(const json::Value& value, Names fields) {
  if (value.kind() != json::Value::Kind::object) return std::unexpected(value.wrong("an object"));
  for (const auto& [key, member] : value.members()) {
    if (std::ranges::find(fields, key) != fields.end()) continue;
    const std::string folded = fold_case(key);
    const auto variant = std::ranges::find_if(
        fields, [&](std::string_view field) { return fold_case(field) == folded; });
    if (variant != fields.end()) {
      return invalid(member,
                     "this key differs from \"" + std::string(*variant) + "\" in case only");
    }
  }
  return {};
}

bool is_absent(const json::Value* value) {
  return value == nullptr || value->kind() == json::Value::Kind::null;
}

// Go writes an absent list as null.
Result<std::vector<std::string>> strings_or_none(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  if (is_absent(value)) return std::vector<std::string>{};
  return value->strings();
}

Result<std::string> string_or_none(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  if (is_absent(value)) return std::string();
  return value->string();
}

Result<Digest> parse_digest(const json::Value& value) {
  auto digest = Digest::parse(TRY(value.string()));
  if (!digest) return std::unexpected(std::move(digest).error().with_context(value.path()));
  return digest;
}

Result<Platform> parse_platform_object(const json::Value& value, Names fields) {
  TRY(check_object(value, fields));
  Platform platform;
  platform.os = TRY(string_or_none(value, "os"));
  platform.architecture = TRY(string_or_none(value, "architecture"));
  platform.variant = TRY(string_or_none(value, "variant"));
  platform.os_version = TRY(string_or_none(value, "os.version"));
  platform.os_features = TRY(strings_or_none(value, "os.features"));
  return platform;
}

Result<std::map<std::string, std::string>> parse_annotations(const json::Value& object) {
  std::map<std::string, std::string> annotations;
  const json::Value* value = object.find("annotations");
  if (is_absent(value)) return annotations;
  if (value->kind() != json::Value::Kind::object) return std::unexpected(value->wrong("an object"));
  for (const auto& [key, text] : value->members()) annotations[key] = TRY(text.string());
  return annotations;
}

Result<std::string> parse_media_type(const json::Value& value) {
  std::string type = TRY(value.string());
  if (type.empty()) return invalid(value, "a media type must not be empty");
  return type;
}

Result<std::uint64_t> parse_size(const json::Value& value) {
  const std::int64_t size = TRY(value.integer());
  if (size <= 0) return invalid(value, "a size must be larger than 0");
  return static_cast<std::uint64_t>(size);
}

Result<Descriptor> parse_descriptor(const json::Value& value) {
  TRY(check_object(value, kDescriptorFields));
  const json::Value* type = TRY(value.at("mediaType"));
  const json::Value* digest = TRY(value.at("digest"));
  const json::Value* size = TRY(value.at("size"));
  Descriptor descriptor{TRY(parse_media_type(*type)),
                        TRY(parse_digest(*digest)),
                        TRY(parse_size(*size)),
                        {},
                        TRY(parse_annotations(value))};
  if (const json::Value* platform = value.find("platform"); !is_absent(platform)) {
    descriptor.platform = TRY(parse_platform_object(*platform, kPlatformFields));
  }
  return descriptor;
}

Result<std::vector<Descriptor>> parse_descriptors(const json::Value& value, std::size_t limit) {
  if (value.kind() != json::Value::Kind::array) return std::unexpected(value.wrong("an array"));
  if (value.items().size() > limit) {
    return fail(Errc::too_large, value.path() + ": " + std::to_string(value.items().size()) +
                                     " entries are more than " + std::to_string(limit));
  }
  std::vector<Descriptor> descriptors;
  for (const json::Value& item : value.items()) descriptors.push_back(TRY(parse_descriptor(item)));
  return descriptors;
}

// "Application/JSON; charset=utf-8" -> "application/json"
std::string bare_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  const std::size_t first = content_type.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  const std::size_t last = content_type.find_last_not_of(" \t");
  return fold_case(content_type.substr(first, last - first + 1));
}

bool says_nothing(std::string_view type) {
  return type.empty() || type == "application/json" || type == "application/octet-stream";
}

// Old registries serve schema 1 as text/plain too (containerd remotes/docker/resolver.go).
bool is_schema1_type(std::string_view type) {
  return type == "application/vnd.docker.distribution.manifest.v1+prettyjws" ||
         type == "application/vnd.docker.distribution.manifest.v1+json" || type == "text/plain";
}

std::unexpected<Error> schema1() {
  return fail(Errc::unsupported, "the registry serves a Docker schema 1 manifest",
              "Push the image again with a current tool; schema 1 is no longer used.");
}

Result<> check_schema(const json::Value& root) {
  if (root.find("fsLayers") != nullptr) return schema1();
  const json::Value* field = TRY(root.at("schemaVersion"));
  const std::int64_t version = TRY(field->integer());
  if (version == 1) return schema1();
  if (version != 2) return invalid(*field, "schemaVersion must be 2");
  return {};
}

// What the sender says, what the body says and what the body is must be one thing (CVE-2021-41190).
Result<std::string> document_type(const json::Value& root, std::string_view content_type) {
  const bool index = root.find("manifests") != nullptr;
  const bool manifest = root.find("config") != nullptr || root.find("layers") != nullptr;
  if (index && manifest) return invalid(root, "the document is an index and a manifest at once");
  if (!index && !manifest) return invalid(root, "neither an image index nor an image manifest");
  const std::string sent = bare_type(content_type);
  std::string type = TRY(string_or_none(root, "mediaType"));
  if (type.empty()) type = sent;
  if (says_nothing(type)) type = index ? media_type::kOciIndex : media_type::kOciManifest;
  if (!says_nothing(sent) && sent != type) {
    return invalid(root, "sent as " + excerpt(sent) + " but the document says " + excerpt(type));
  }
  if (!media_type::is_index(type) && !media_type::is_manifest(type)) {
    return fail(Errc::unsupported, "the media type " + excerpt(type) + " is not an image's");
  }
  if (media_type::is_index(type) != index) {
    return invalid(root, "the content does not fit its media type " + type);
  }
  return type;
}

}  // namespace

Result<ImageDocument> parse_image_document(std::string_view bytes, std::string_view content_type) {
  const std::string sent = bare_type(content_type);
  if (is_schema1_type(sent)) return schema1();
  if (sent == "text/html") {
    return fail(Errc::not_a_registry, "the answer is a web page, not an image manifest",
                "Check the registry's address and whether a proxy or login page stands before it.");
  }
  const json::Value root = TRY(json::parse(bytes, {.max_bytes = kMaxManifestBytes}));
  TRY(check_object(root, kDocumentFields));
  TRY(check_schema(root));
  const std::string type = TRY(document_type(root, content_type));
  if (media_type::is_index(type)) {
    return ImageDocument(Index{type, TRY(parse_descriptors(*root.find("manifests"), kMaxEntries))});
  }
  const json::Value* config = TRY(root.at("config"));
  const json::Value* layers = TRY(root.at("layers"));
  return ImageDocument(
      Manifest{type, TRY(parse_descriptor(*config)), TRY(parse_descriptors(*layers, kMaxLayers))});
}

namespace {

Result<std::vector<Digest>> parse_diff_ids(const json::Value& root) {
  const json::Value* rootfs = TRY(root.at("rootfs"));
  TRY(check_object(*rootfs, kRootfsFields));
  const std::string type = TRY(rootfs->string_or("type", "layers"));
  if (type != "layers") return invalid(*rootfs, "the type must be \"layers\"");
  const json::Value* list = TRY(rootfs->at("diff_ids"));
  std::vector<Digest> diff_ids;
  if (is_absent(list)) return diff_ids;
  if (list->kind() != json::Value::Kind::array) return std::unexpected(list->wrong("an array"));
  if (list->items().size() > kMaxLayers) {
    return fail(Errc::too_large, list->path() + ": more than " + std::to_string(kMaxLayers));
  }
  for (const json::Value& item : list->items()) diff_ids.push_back(TRY(parse_digest(item)));
  return diff_ids;
}

// Free maps: nothing that runs depends on them, so that what is odd in them is passed over.
void parse_notes(const json::Value& value, ImageConfig& config) {
  if (const json::Value* labels = value.find("Labels"); labels != nullptr) {
    for (const auto& [key, text] : labels->members()) {
      if (auto label = text.string()) config.labels[key] = *std::move(label);
    }
  }
  if (const json::Value* ports = value.find("ExposedPorts"); ports != nullptr) {
    for (const auto& [port, nothing] : ports->members()) config.exposed_ports.push_back(port);
    std::ranges::sort(config.exposed_ports);
  }
  if (const json::Value* volumes = value.find("Volumes"); volumes != nullptr) {
    for (const auto& [path, nothing] : volumes->members()) config.volumes.push_back(path);
    std::ranges::sort(config.volumes);
  }
  config.healthcheck = read_healthcheck(value);
}

Result<> parse_process(const json::Value& value, ImageConfig& config) {
  TRY(check_object(value, kConfigFields));
  config.entrypoint = TRY(strings_or_none(value, "Entrypoint"));
  config.cmd = TRY(strings_or_none(value, "Cmd"));
  config.env = TRY(strings_or_none(value, "Env"));
  config.working_dir = TRY(string_or_none(value, "WorkingDir"));
  config.user = TRY(string_or_none(value, "User"));
  config.stop_signal = TRY(string_or_none(value, "StopSignal"));
  parse_notes(value, config);
  return {};
}

}  // namespace

Result<ImageConfig> parse_image_config(std::string_view bytes) {
  const json::Value root = TRY(json::parse(bytes, {.max_bytes = kMaxConfigBytes}));
  ImageConfig config;
  config.platform = TRY(parse_platform_object(root, kImageFields));
  config.diff_ids = TRY(parse_diff_ids(root));
  config.created = TRY(string_or_none(root, "created"));
  if (const json::Value* process = root.find("config"); !is_absent(process)) {
    TRY(parse_process(*process, config));
  }
  return config;
}

}  // namespace nodeproof
