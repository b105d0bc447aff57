#include "tests/unit/index/tag.hpp"

namespace nodeproof::index {
namespace {

using enum PlatformVerdict;

TEST_F(TagTest, AnIndexThatIsNoDocumentIsDamaged) {
  for (const char* bytes : {"", "{", "[]", R"({"schemaVersion":2})",
                            R"({"schemaVersion":2,"manifests":[{"digest":"../../etc"}]})",
                            R"({"schemaVersion":2,"manifests":[],"config":{},"layers":[]})"}) {
    registry.tag(kTag, registry.add(bytes, std::string(media_type::kOciIndex)));
    const IndexReport report = look();
    EXPECT_EQ(report.verdict, IndexVerdict::damaged) << bytes;
    EXPECT_TRUE(has(report, "IndexDamaged")) << bytes;
  }
}

TEST_F(TagTest, IndexesNestedWithoutEndAreCutOff) {
  Descriptor inner = push_index(registry, {arm64});
  for (int depth = 0; depth < 10; ++depth) inner = push_index(registry, {inner});
  registry.tag(kTag, inner);
  const IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::unknown);
  EXPECT_LT(registry.requests(), 10U);
}

TEST_F(TagTest, AnIndexThatIsNamedAThousandTimesIsWalkedOnce) {
  const Descriptor inner = push_index(registry, {arm64});
  tag(std::vector<Descriptor>(900, inner));
  const IndexReport report = look();
  EXPECT_EQ(report.platforms.size(), 1U);
  EXPECT_EQ(report.verdict, IndexVerdict::whole);
}

TEST_F(TagTest, EntriesBeyondTheLimitAreNotKnown) {
  std::vector<Descriptor> inner;
  for (int i = 0; i < 3; ++i) {
    std::vector<Descriptor> entries(500, amd64);
    entries.push_back(push("amd64", static_cast<char>('0' + i)));
    inner.push_back(push_index(registry, entries));
  }
  tag(inner);
  const IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::unknown);
  EXPECT_LE(report.platforms.size(), 1000U);
}

TEST_F(TagTest, AConfigThatClaimsGigabytesIsNotFetched) {
  Manifest document = manifest(arm64);
  document.config.size = 5'000'000'000;
  Descriptor entry = registry.add(manifest_json(document.config, document.layers),
                                  std::string(media_type::kOciManifest));
  entry.platform = arm64.platform;
  tag({entry});
  const unsigned before = registry.requests(document.config.digest.str());
  EXPECT_EQ(verdicts(look()), std::vector{unknown});
  EXPECT_EQ(registry.requests(document.config.digest.str()), before);
}

TEST_F(TagTest, ALayerWithTwoSizesIsWrongInOneOfThem) {
  Manifest document = manifest(arm64);
  document.layers[1].size += 1;
  Descriptor entry = registry.add(manifest_json(document.config, document.layers),
                                  std::string(media_type::kOciManifest));
  entry.platform = arm64.platform;
  tag({arm64, entry});
  EXPECT_EQ(verdicts(look()), (std::vector{whole, truncated}));
}

TEST_F(TagTest, AConfigThatIsNoneIsCorrupt) {
  const Descriptor config = registry.add("[1]", "application/vnd.oci.image.config.v1+json");
  Descriptor entry = registry.add(manifest_json(config, {}), std::string(media_type::kOciManifest));
  entry.platform = arm64.platform;
  tag({entry});
  EXPECT_EQ(verdicts(look()), std::vector{corrupt});
}

TEST_F(TagTest, AnArtifactBesideTheImagesIsHashedAndNoPlatform) {
  const Descriptor config = registry.add("{}", "application/vnd.oci.empty.v1+json");
  const Descriptor artifact =
      registry.add(manifest_json(config, {}), std::string(media_type::kOciManifest));
  const Descriptor other = registry.add("anything", "application/vnd.example.thing");
  tag({amd64, artifact, other});
  IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::whole);
  EXPECT_EQ(verdicts(report), (std::vector{whole, whole, whole}));
  EXPECT_TRUE(report.platforms[1].attestation && report.platforms[2].attestation);
  registry.remove(other.digest);
  report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::whole);
  EXPECT_EQ(report.platforms[2].findings.at(0).severity, Severity::warn);
}

}  // namespace
}  // namespace nodeproof::index
