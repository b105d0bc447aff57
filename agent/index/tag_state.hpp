// What a reference names at this moment: its document, and whether it is whole.
#pragma once

#include <optional>
#include <string>

#include "agent/index/compose.hpp"
#include "agent/index/validate.hpp"
#include "agent/registry/writer.hpp"

namespace nodeproof::index {

struct Ports {
  Registry& registry;
  RegistryWriter& writer;
};

struct TagState {
  Reference reference;  // as asked for
  ComposeDocument document;
  IndexReport report;
  [[nodiscard]] const Digest& digest() const { return document.document.descriptor.digest; }
};

// The document is fetched once and validated by its digest, so that a tag that moves meanwhile does
// not mix two. Errors are those of Registry::manifest().
Result<TagState> read_tag(Registry& registry, const Reference& reference,
                          const ValidateOptions& options, const std::stop_token& stop);
// The same; nothing when there is no such tag.
Result<std::optional<TagState>> read_tag_if_any(Registry& registry, const Reference& reference,
                                                const ValidateOptions& options,
                                                const std::stop_token& stop);

// As a user would name it: with the digest if it was given.
[[nodiscard]] std::string full_name(const Reference& reference);
// A document for compose(), with the platforms that the report has found below it.
[[nodiscard]] ComposeDocument document_of(const Reference& reference, FetchedManifest document,
                                          const IndexReport& report);

// The tag is there, and what it names is not what it was: Registry::manifest() fails so.
[[nodiscard]] constexpr bool is_rotten(Errc code) {
  return code == Errc::corrupt || code == Errc::digest_mismatch;
}

[[nodiscard]] Reference at_digest(const Reference& repository, const Digest& digest);
[[nodiscard]] Result<Reference> at_tag(const Reference& repository, const std::string& tag);

// Of the manifest with this digest; whole when the report does not mention it.
[[nodiscard]] const PlatformReport* find_platform(const IndexReport& report,
                                                  const std::string& digest);

// The damage as a finding that names document, platform, digest, cause and what to do.
[[nodiscard]] Finding damage(const std::string& document, const PlatformReport& platform,
                             std::string remedy);
// A finding per platform that is not whole, and those about the tag itself. Empty: all is whole.
[[nodiscard]] std::vector<Finding> damages(const std::string& document, const IndexReport& report,
                                           const std::string& remedy);

}  // namespace nodeproof::index
