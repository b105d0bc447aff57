// What an answer's headers say about its document, and what they leave to the document.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/digest.hpp"
#include "common/error.hpp"
#include "common/http.hpp"

namespace nodeproof::registry {

// One line for all kinds of documents: a registry asked for less rewrites them or denies that they
// are there.
inline constexpr std::string_view kAcceptDocuments =
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, */*";

// The index's or manifest's media type. A generic or absent Content-Type leaves it to the document.
// Errors: not_a_registry for a web page and what else is no JSON, unsupported for Docker schema 1
// and what is no image, invalid_document for a mediaType that is no string.
Result<std::string> manifest_media_type(std::string_view content_type, std::string_view bytes);

// Docker-Content-Digest. Nothing when it is of another algorithm than sha256: it cannot be compared
// with our own.
[[nodiscard]] std::optional<Digest> announced_digest(const HttpResponse& head);

}  // namespace nodeproof::registry
