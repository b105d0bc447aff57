// Recorded references beside their image: artifact manifests that refer to its index
// (distribution-spec 1.1, "Pushing Manifests with Subject", "Listing Referrers", "Referrers Tag
// Schema").
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/registry/registry.hpp"
#include "agent/registry/writer.hpp"
#include "common/error.hpp"

namespace nodeproof::report {

struct FoundGoldens {
  std::vector<std::string> envelopes;
  std::vector<Error> failures;  // of what is listed and cannot be had
};

// All that are listed for the digest, the newest 16 at most. None is no error; an error: the
// registry could not be asked.
Result<FoundGoldens> fetch_goldens(Registry& registry, const Reference& image,
                                   const Digest& subject, const std::stop_token& stop);

struct GoldenPush {
  Reference image;       // whose repository it goes to
  Digest subject;        // the index or manifest there that it is about
  std::string envelope;  // DSSE
  std::string time;      // RFC 3339: of the report
};

struct PushedGolden {
  Digest digest;         // of the artifact manifest
  std::string tag;       // that lists it, where the registry does not do so by itself; "" = it does
  bool already = false;  // it was there, and listed
};

struct GoldenPorts {
  Registry& registry;
  RegistryWriter& writer;
};

// Errc::not_found when the repository has no such subject, busy when others change its tag all the
// time.
Result<PushedGolden> push_golden(const GoldenPorts& ports, const GoldenPush& golden,
                                 const std::stop_token& stop);

// "sha256-<hex>": where a registry without the referrers API keeps their list.
Result<Reference> referrers_tag(const Reference& image, const Digest& subject);

}  // namespace nodeproof::report
