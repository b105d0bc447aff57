#include "agent/resolve/zstd_twin.hpp"

#include <gtest/gtest.h>

#include "agent/resolve/resolve.hpp"
#include "tests/fakes/fake_image.hpp"

namespace nodeproof::resolve {
namespace {

constexpr const char* kName = "registry.test/app:1";
constexpr const char* kGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
constexpr const char* kZstd = "application/vnd.oci.image.layer.v1.tar+zstd";

class ZstdTwin : public testing::Test {
 protected:
  ZstdTwin() { host_.platform = {"linux", "arm64", "v8", "", {}}; }

  Descriptor push(const FakeLayer& layer, const std::string& architecture = "arm64") {
    FakeImage image;
    image.platform = {"linux", architecture, "", "", {}};
    image.layers = {layer};
    return push_image(registry_, image);
  }
  static Descriptor marked(Descriptor entry) {
    entry.annotations = {{"io.github.containers.compression.zstd", "true"}};
    return entry;
  }
  // What is fetched of an index with these two.
  ResolvedImage taken(const Descriptor& one, const Descriptor& other) {
    push_index(registry_, {one, other}, kName);
    auto image = resolve(registry_, *Reference::parse(kName), host_, {});
    EXPECT_TRUE(image);
    return zstd_twin(registry_, *std::move(image), {});
  }

  FakeRegistry registry_;
  HostFacts host_;
  const Descriptor gzip_ = push({"packed with gzip", "the same", kGzip});
  const Descriptor zstd_ = marked(push({"zstd", "the same", kZstd}));
};

TEST_F(ZstdTwin, IsTakenInsteadOfTheSameImageInGzip) {
  const ResolvedImage image = taken(gzip_, zstd_);
  EXPECT_EQ(image.manifest.digest, zstd_.digest);
  EXPECT_EQ(image.document.layers.at(0).media_type, kZstd);
  EXPECT_EQ(image.twin_of, gzip_);
  EXPECT_EQ(image.twin_of_bytes.size(), gzip_.size);
  EXPECT_EQ(image.manifest_bytes.size(), zstd_.size);
  EXPECT_NE(image.choice.find("in its zstd form, " + zstd_.digest.short_str()), std::string::npos);
}

TEST_F(ZstdTwin, OfAnotherBuildIsNone) {
  const ResolvedImage image = taken(gzip_, marked(push({"zstd", "another", kZstd})));
  EXPECT_EQ(image.manifest.digest, gzip_.digest);
  EXPECT_EQ(image.twin_of, std::nullopt);
}

TEST_F(ZstdTwin, OfAnotherPlatformIsNone) {
  EXPECT_EQ(taken(gzip_, marked(push({"zstd", "the same", kZstd}, "amd64"))).manifest.digest,
            gzip_.digest);
}

TEST_F(ZstdTwin, IsKnownByItsMarkAndItsLayers) {
  Descriptor unmarked = zstd_;
  unmarked.annotations.clear();
  EXPECT_EQ(taken(gzip_, unmarked).manifest.digest, gzip_.digest) << "no manifest is asked for";
  EXPECT_EQ(taken(gzip_, marked(push({"gz", "the same", kGzip}))).manifest.digest, gzip_.digest);
}

TEST_F(ZstdTwin, ThatIsLargerIsNotFetched) {
  const Descriptor large = marked(push({"larger than the one in gzip", "the same", kZstd}));
  EXPECT_EQ(taken(gzip_, large).manifest.digest, gzip_.digest);
}

TEST_F(ZstdTwin, ThatTheRegistryHasLostCostsNothing) {
  registry_.remove(zstd_.digest);
  EXPECT_EQ(taken(gzip_, zstd_).manifest.digest, gzip_.digest);
}

TEST_F(ZstdTwin, ThatContainerdTakesItselfNeedsNoOther) {
  const ResolvedImage image = taken(zstd_, gzip_);
  EXPECT_EQ(image.manifest.digest, zstd_.digest);
  EXPECT_EQ(image.twin_of, std::nullopt);
}

}  // namespace
}  // namespace nodeproof::resolve
