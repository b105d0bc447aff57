// A tag with two platforms in a FakeRegistry, for tests that damage it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "agent/index/validate.hpp"
#include "tests/fakes/fake_image.hpp"

namespace nodeproof::index {

inline constexpr const char* kTag = "r.example/team/app:1";
inline constexpr const char* kLayerType = "application/vnd.oci.image.layer.v1.tar";

// Too large to be simply read.
inline std::string large(char fill) { return std::string(100'000, fill); }

inline FakeImage image_for(const std::string& architecture, std::vector<FakeLayer> layers) {
  FakeImage image;
  image.platform = {"linux", architecture, "", "", {}};
  image.layers = std::move(layers);
  return image;
}

class TagTest : public testing::Test {
 protected:
  TagTest() : amd64(push("amd64", 'a')), arm64(push("arm64", 'b')) { tag({amd64, arm64}); }

  // A layer that both share, a large one and a small one of its own.
  Descriptor push(const std::string& architecture, char fill) {
    return push_image(registry, image_for(architecture, {{large('s'), "", kLayerType},
                                                         {large(fill), "", kLayerType},
                                                         {std::string(10, fill), "", kLayerType}}));
  }
  void tag(const std::vector<Descriptor>& entries) { index = push_index(registry, entries, kTag); }

  IndexReport look(const ValidateOptions& options = {}) {
    return validate(registry, *Reference::parse(kTag), options, {});
  }
  // The manifest as it was pushed.
  Manifest manifest(const Descriptor& entry) {
    const auto fetched = registry.child(*Reference::parse(kTag), entry, {});
    return std::get<Manifest>(*parse_image_document(fetched->bytes, entry.media_type));
  }
  Digest layer(const Descriptor& entry, std::size_t number) {
    return manifest(entry).layers.at(number).digest;
  }

  FakeRegistry registry;
  Descriptor amd64, arm64;
  Descriptor index = amd64;
};

inline std::vector<PlatformVerdict> verdicts(const IndexReport& report) {
  std::vector<PlatformVerdict> found;
  for (const PlatformReport& platform : report.platforms) found.push_back(platform.verdict);
  return found;
}

inline std::vector<Finding> all_findings(const IndexReport& report) {
  std::vector<Finding> found = report.findings;
  for (const PlatformReport& platform : report.platforms) {
    found.insert(found.end(), platform.findings.begin(), platform.findings.end());
  }
  return found;
}

inline bool has(const IndexReport& report, std::string_view code) {
  return std::ranges::any_of(all_findings(report),
                             [&](const Finding& finding) { return finding.code == code; });
}

}  // namespace nodeproof::index
