#include "agent/registry/manifest_type.hpp"

#include "common/json.hpp"
#include "common/oci.hpp"
#include "common/text.hpp"

namespace nodeproof::registry {

namespace {

bool is_document(std::string_view type) {
  return media_type::is_index(type) || media_type::is_manifest(type);
}

bool is_schema1(std::string_view type) {
  return type == "application/vnd.docker.distribution.manifest.v1+json" ||
         type == "application/vnd.docker.distribution.manifest.v1+prettyjws";
}

bool is_generic(std::string_view type) {
  return type.empty() || type == "application/json" || type == "application/octet-stream" ||
         type == "binary/octet-stream" || type == "text/plain";
}

std::unexpected<Error> schema1() {
  return fail(Errc::unsupported,
              "the image is of Docker's old schema 1, which containerd does not run",
              "build or push the image again with a current tool");
}

std::unexpected<Error> not_a_registry(std::string_view what) {
  return fail(Errc::not_a_registry, "not a registry: the answer is " + std::string(what),
              "check host and port; a login page of the network (captive portal) or a proxy may be "
              "in the way");
}

std::unexpected<Error> no_image(std::string_view type) {
  return fail(Errc::unsupported,
              "the document is of type '" + printable(type, 128) +
                  "', which is neither an image index nor a manifest",
              "check that the reference names a container image");
}

}  // namespace

Result<std::string> manifest_media_type(std::string_view content_type, std::string_view bytes) {
  if (is_document(content_type)) return std::string(content_type);
  if (is_schema1(content_type)) return schema1();
  const auto first = bytes.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && bytes[first] == '<') {
    return not_a_registry("a web page");
  }
  if (!is_generic(content_type)) return no_image(content_type);
  const auto parsed = json::parse(bytes, {.max_bytes = bytes.size()});
  if (!parsed) return not_a_registry("no JSON");
  const json::Value& document = *parsed;
  std::string named = TRY(document.string_or("mediaType", ""));
  if (is_document(named)) return named;
  if (is_schema1(named) || document.find("fsLayers") != nullptr) return schema1();
  if (!named.empty()) return no_image(named);
  if (document.find("manifests") != nullptr) return std::string(media_type::kOciIndex);
  if (document.find("layers") != nullptr) return std::string(media_type::kOciManifest);
  return no_image(content_type);
}

std::optional<Digest> announced_digest(const HttpResponse& head) {
  const auto digest = Digest::parse(head.header("docker-content-digest").value_or(""));
  if (!digest || digest->algorithm() != HashAlgorithm::sha256) return std::nullopt;
  return *digest;
}

}  // namespace nodeproof::registry
