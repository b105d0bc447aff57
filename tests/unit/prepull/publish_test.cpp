#include "agent/prepull/publish.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/prepull/labels.hpp"
#include "tests/unit/prepull/pull_rig.hpp"

namespace nodeproof::prepull {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;

const char* const kName = "registry.test:5000/team/app:1";

Platform platform(const std::string& text) {
  auto parsed = parse_platform(text);
  if (!parsed) std::abort();
  return *parsed;
}

// An index of these platforms of which `chosen` has been resolved and pulled.
struct Published {
  PullRig rig;
  ResolvedImage image;

  Published(const std::vector<std::string>& platforms, std::size_t chosen)
      : image(push_resolved(rig.registry, kName, made_for(platforms[chosen]))) {
    std::vector<Descriptor> entries;
    entries.reserve(platforms.size());
    for (const std::string& one : platforms) {
      entries.push_back(push_image(rig.registry, made_for(one)));
    }
    image.index = push_index(rig.registry, entries, kName);
    image.index_bytes = index_json(entries);
  }

  static FakeImage made_for(const std::string& text) {
    FakeImage fake;
    fake.platform = platform(text);
    fake.entrypoint = {"/bin/" + text};
    return fake;
  }

  Result<> publish(const std::string& name_space, const std::string& host) {
    const auto pulled = rig.pull(image);
    if (!pulled) return std::unexpected(pulled.error());
    return prepull::publish(image, rig.store, {name_space, pulled->lease, platform(host)});
  }

  [[nodiscard]] Digest target() const { return rig.store.images().at(kName).target.digest; }
};

TEST(Publish, WritesTheThreeRecordsOfCriAndGivesTheLeaseBack) {
  Published made({"linux/amd64", "linux/arm64"}, 1);
  ASSERT_TRUE(made.publish("k8s.io", "linux/arm64/v8"));
  const auto records = made.rig.store.images();
  EXPECT_EQ(records.size(), 3U);
  for (const std::string& name :
       {std::string(kName), "registry.test:5000/team/app@" + made.image.index->digest.str(),
        made.image.document.config.digest.str()}) {
    ASSERT_THAT(records, Contains(Key(name)));
    EXPECT_EQ(records.at(name).target.digest, made.image.index->digest);
    EXPECT_EQ(records.at(name).labels.at("io.cri-containerd.image"), "managed");
  }
  EXPECT_THAT(made.rig.store.lease_ids(), IsEmpty());
}

TEST(Publish, WhatItNamesOutlivesTheGarbageCollector) {
  Published made({"linux/amd64", "linux/arm64"}, 1);
  ASSERT_TRUE(made.publish("k8s.io", "linux/arm64/v8"));
  made.rig.store.collect_garbage();
  EXPECT_TRUE(made.rig.store.has_blob(made.image.document.layers[0].digest));
  EXPECT_TRUE(made.rig.store.has_blob(made.image.document.config.digest));
  EXPECT_TRUE(made.rig.store.has_chain(chain_ids(made.image.config.diff_ids).back()));
}

TEST(Publish, WritesTheTagLast) {
  Published made({"linux/arm64"}, 0);
  ASSERT_TRUE(made.publish("k8s.io", "linux/arm64"));
  std::vector<std::string> puts;
  for (const std::string& line : made.rig.store.log()) {
    if (line.starts_with("put ")) puts.push_back(line);
  }
  EXPECT_EQ(puts.back(), std::string("put ") + kName);
}

TEST(Publish, WritesOneRecordOutsideOfKubernetes) {
  Published made({"linux/arm64"}, 0);
  ASSERT_TRUE(made.publish("default", "linux/arm64"));
  EXPECT_THAT(made.rig.store.images(), ElementsAre(Key(kName)));
  EXPECT_FALSE(made.rig.store.images().at(kName).labels.contains("io.cri-containerd.image"));
}

TEST(Publish, NamesTheManifestWhenVariantsCompete) {
  Published made({"linux/amd64", "linux/amd64/v3"}, 1);
  ASSERT_TRUE(made.publish("k8s.io", "linux/amd64"));
  EXPECT_EQ(made.target(), made.image.manifest.digest);
  const auto records = made.rig.store.images();
  EXPECT_THAT(records,
              Contains(Key("registry.test:5000/team/app@" + made.image.manifest.digest.str())));
  EXPECT_EQ(
      records.at("registry.test:5000/team/app@" + made.image.index->digest.str()).target.digest,
      made.image.manifest.digest)
      << "pods pinned to the index find the manifest";
}

TEST(Publish, KeepsTheIndexBlobOfARecordThatNamesTheManifest) {
  Published made({"linux/amd64", "linux/amd64/v3"}, 1);
  ASSERT_TRUE(made.publish("k8s.io", "linux/amd64"));
  made.rig.store.collect_garbage();
  EXPECT_TRUE(made.rig.store.has_blob(made.image.index->digest));
}

TEST(Publish, NamesTheManifestOfAnEmulatedImage) {
  Published made({"linux/arm64", "linux/riscv64"}, 0);
  ASSERT_TRUE(made.publish("k8s.io", "linux/amd64"));
  EXPECT_EQ(made.target(), made.image.manifest.digest);
}

struct Lead {
  std::string name;
  std::vector<std::string> platforms;
  std::size_t chosen;
  std::string host;
  bool expected;
};

class IndexLeads : public testing::TestWithParam<Lead> {};

TEST_P(IndexLeads, ToTheManifestOnlyWithoutDoubt) {
  const Published made(GetParam().platforms, GetParam().chosen);
  EXPECT_EQ(index_leads_to_manifest(made.image, platform(GetParam().host)), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, IndexLeads,
    testing::Values(
        Lead{"OneOfEachArchitecture", {"linux/amd64", "linux/arm64"}, 0, "linux/amd64", true},
        Lead{"Arm64WithItsVariant", {"linux/amd64", "linux/arm64/v8"}, 1, "linux/arm64/v8", true},
        Lead{"TwoVariants", {"linux/arm/v6", "linux/arm/v7"}, 1, "linux/arm/v7", false},
        Lead{"OnlyAVariantContainerdDoesNotTake", {"linux/amd64/v3"}, 0, "linux/amd64", false},
        Lead{"TheHostsOwnVariant", {"linux/arm/v7", "linux/arm64"}, 0, "linux/arm/v7", true},
        Lead{"AnOlderVariant", {"linux/arm/v6"}, 0, "linux/arm/v7", false},
        Lead{"AnotherArchitecture", {"linux/arm/v7"}, 0, "linux/arm64", false},
        Lead{"Windows", {"windows/amd64", "linux/amd64"}, 1, "linux/amd64", true}),
    [](const auto& one) { return one.param.name; });

TEST(Labels, HoldChildrenByTheirNumbers) {
  PullRig rig;
  const ResolvedImage image = push_resolved(rig.registry, kName, image_with_layers({"x", "y"}));
  ASSERT_TRUE(rig.pull(image));
  const Labels labels = rig.store.blob_labels(image.manifest.digest);
  EXPECT_EQ(labels.at("containerd.io/gc.ref.content.config"), image.document.config.digest.str());
  EXPECT_EQ(labels.at("containerd.io/gc.ref.content.l.0"), image.document.layers[0].digest.str());
  EXPECT_EQ(labels.at("containerd.io/gc.ref.content.l.1"), image.document.layers[1].digest.str());
  EXPECT_EQ(rig.store.blob_labels(image.index->digest).at("containerd.io/gc.ref.content.m.0"),
            image.manifest.digest.str());
  EXPECT_EQ(rig.store.blob_labels(image.document.config.digest)
                .at("containerd.io/gc.ref.snapshot.overlayfs"),
            chain_ids(image.config.diff_ids).back().str());
}

TEST(Labels, MergeTheSourcesOfABlob) {
  EXPECT_EQ(merged_sources("", "a"), "a");
  EXPECT_EQ(merged_sources("b,c", "a"), "a,b,c");
  EXPECT_EQ(merged_sources("a,b", "b"), "a,b");
  const std::string key = "containerd.io/distribution.source.docker.io";
  EXPECT_THAT(missing_labels({{key, "a,b"}}, {{key, "b"}}), IsEmpty());
  EXPECT_EQ(missing_labels({{key, "a"}}, {{key, "b"}}).at(key), "a,b");
}

}  // namespace
}  // namespace nodeproof::prepull
