// Small valid images for a FakeRegistry.
#pragma once

#include <string>
#include <vector>

#include "common/oci.hpp"
#include "tests/fakes/fake_registry.hpp"

namespace nodeproof {

struct FakeLayer {
  std::string bytes;  // as stored; also what its diff ID is taken of unless `unpacked` is given
  std::string unpacked;
  std::string media_type = "application/vnd.oci.image.layer.v1.tar";
};

struct FakeImage {
  Platform platform{"linux", "arm64", "", "", {}};
  std::vector<FakeLayer> layers{{"layer one", "", "application/vnd.oci.image.layer.v1.tar"}};
  std::vector<std::string> entrypoint{"/bin/app"};
  std::vector<std::string> env{"PATH=/bin"};
};

// JSON texts, as a builder would write them.
std::string config_json(const FakeImage& image);
std::string manifest_json(const Descriptor& config, const std::vector<Descriptor>& layers);
std::string index_json(const std::vector<Descriptor>& entries);

// Adds config, layers and manifest. The answer is the manifest's descriptor as an index entry,
// platform included.
Descriptor push_image(FakeRegistry& registry, const FakeImage& image);

// Adds the index and, with a reference, its tag.
Descriptor push_index(FakeRegistry& registry, const std::vector<Descriptor>& entries,
                      const std::string& reference = "");

}  // namespace nodeproof
