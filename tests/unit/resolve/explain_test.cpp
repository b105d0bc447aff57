#include "agent/resolve/explain.hpp"

#include <gtest/gtest.h>

#include "common/json.hpp"
#include "tests/fakes/fake_image.hpp"

namespace nodeproof::resolve {
namespace {

const std::string kName = "registry.test/app:1";

class Explain : public ::testing::Test {
 protected:
  Explain() {
    host_.platform = {"linux", "arm64", "v8", "", {}};
    containerd("1.7.24");
  }

  void containerd(const std::string& version) {
    host_.containerd.emplace();
    host_.containerd->version = version;
    host_.containerd->cri = true;
    host_.containerd->namespace_ = "k8s.io";
  }
  Descriptor push(std::string_view name) {
    FakeImage image;
    image.platform = *parse_platform(name);
    return push_image(registry_, image);
  }
  Tree tree(const std::vector<Descriptor>& entries) {
    push_index(registry_, entries, kName);
    auto found = fetch_tree(registry_, *Reference::parse(kName), {});
    EXPECT_TRUE(found);
    return *std::move(found);
  }
  Explanation explained(const std::vector<Descriptor>& entries) {
    return explain(tree(entries), host_, proven_);
  }
  static const Descriptor& taken(const Explanation& found) {
    return entry_at(found.tree, found.pick.path)->entry;
  }
  Answer answer(const std::vector<Descriptor>& entries) {
    return {*Reference::parse(kName),
            host_,
            explained(entries),
            {},
            RateLimit{100, 12, std::chrono::hours(6)}};
  }

  FakeRegistry registry_;
  HostFacts host_;
  std::optional<ProvenImage> proven_;
};

const Other* other_named(const Explanation& found, std::string_view part) {
  for (const Other& each : found.others) {
    if (each.who.find(part) != std::string::npos) return &each;
  }
  return nullptr;
}

TEST_F(Explain, NothingDiffersForAnOrdinaryImage) {
  const Descriptor own = push("linux/arm64");
  for (const char* version : {"1.6.20", "2.0.0", "2.1.4", "2.3.0"}) {
    containerd(version);
    const Explanation found = explained({push("linux/amd64"), own});
    EXPECT_EQ(taken(found).digest, own.digest);
    EXPECT_TRUE(found.others.empty()) << version << ": " << found.others.front().who;
    EXPECT_EQ(found.pick.otherwise, "");
  }
}

TEST_F(Explain, AnExactPullTakesNothingWhereALocalOneFallsBack) {
  const Explanation found = explained({push("linux/arm/v7")});
  EXPECT_EQ(to_string(*taken(found).platform), "linux/arm/v7");
  const Other* exact = other_named(found, "OnlyStrict");
  ASSERT_NE(exact, nullptr);
  EXPECT_FALSE(exact->entry);
  EXPECT_EQ(found.pick.otherwise, "");
}

TEST_F(Explain, AKubeletsContainerdHoldsTheFallbackAndSaysThatItsPullWouldNot) {
  containerd("2.1.4");
  const Explanation found = explained({push("linux/arm/v7")});
  EXPECT_EQ(to_string(*taken(found).platform), "linux/arm/v7");
  EXPECT_NE(found.pick.otherwise.find("takes nothing"), std::string::npos);
  EXPECT_NE(other_named(found, "OnlyStrict"), nullptr);
  EXPECT_NE(found.rule.find("no fallback"), std::string::npos);
}

TEST_F(Explain, VersionsDifferAboutArm64Levels) {
  host_.platform.variant = "v9";
  const Explanation found = explained({push("linux/arm64/v8.1")});
  EXPECT_TRUE(found.pick.path.empty());
  const Other* later = other_named(found, "2.0.7");
  ASSERT_NE(later, nullptr);
  EXPECT_EQ(to_string(*later->entry->platform), "linux/arm64/v8.1");
}

TEST_F(Explain, FollowsNestedIndexes) {
  const Descriptor own = push("linux/arm64");
  Descriptor inner = push_index(registry_, {push("linux/s390x"), own});
  inner.platform = *parse_platform("linux/arm64");
  const Explanation found = explained({push("linux/amd64"), inner});
  EXPECT_EQ(found.pick.path, (std::vector<std::size_t>{1, 1}));
  EXPECT_EQ(taken(found).digest, own.digest);
  EXPECT_EQ(offered_platforms(found.tree).size(), 3U);
}

TEST_F(Explain, ANestedIndexThatIsGoneStaysInTheTreeWithItsReason) {
  Descriptor inner = push_index(registry_, {push("linux/arm64")});
  inner.platform = *parse_platform("linux/arm64");
  registry_.remove(inner.digest);
  const Explanation found = explained({inner});
  EXPECT_FALSE(entry_at(found.tree, found.pick.path)->unread.empty());
  EXPECT_NE(found.pick.sentence.find("could not be read"), std::string::npos);
}

TEST_F(Explain, ASingleManifestIsNoChoice) {
  registry_.tag(kName, push("linux/arm64"));
  const auto single = fetch_tree(registry_, *Reference::parse(kName), {});
  ASSERT_TRUE(single);
  const Explanation found = explain(*single, host_, {});
  EXPECT_NE(found.pick.sentence.find("single manifest"), std::string::npos);
  EXPECT_TRUE(found.others.empty());
}

TEST_F(Explain, RemembersWhatWasProvenHere) {
  const Descriptor arm64 = push("linux/arm64");
  const Descriptor amd64 = push("linux/amd64");
  const Explanation before = explained({amd64, arm64});
  EXPECT_FALSE(before.since) << "no record: not known";
  proven_ = {kName, before.tree.top, arm64, "key", "2026-11-21T10:00:00Z", {}};
  EXPECT_EQ(explained({amd64, arm64}).since,
            (SinceLast{"2026-11-21T10:00:00Z", before.tree.top.digest, false,
                       std::vector<std::string>{}}));
  const auto moved = explained({arm64}).since;
  ASSERT_TRUE(moved);
  EXPECT_TRUE(moved->moved);
  EXPECT_FALSE(moved->lost) << "an older record does not list them";
  proven_->offered = offered_platforms(before.tree);
  EXPECT_EQ(explained({arm64}).since->lost, std::vector<std::string>{"linux/amd64"});
}

TEST_F(Explain, TheTableSaysAllOfIt) {
  Descriptor attestation = push("linux/s390x");
  attestation.platform = Platform{"unknown", "unknown", "", "", {}};
  attestation.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  const std::string text = to_table(answer({attestation, push("linux/arm/v7")}));
  for (const char* part : {"linux/arm64/v8, containerd 1.7.24", "attestation", "<- taken",
                           "falls back to", "rule ", "OnlyStrict; ctr's too) takes nothing",
                           "12 of 100 requests left in 6h", "not known: no earlier proof"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in:\n" << text;
  }
}

TEST_F(Explain, TheTablePrintsNoControlCharactersOfAnIndex) {
  Descriptor entry = push("linux/arm64");
  entry.platform->variant = "\x1b[2J";
  const std::string text = to_table(answer({entry}));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(Explain, TheJsonSaysAllOfIt) {
  const Descriptor arm = push("linux/arm/v7");
  const auto document = json::parse(to_json(answer({push("linux/amd64"), arm})));
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->string_or("kind", "").value(), "Resolution");
  const json::Array& entries = document->find("entries")->items();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_FALSE(entries[0].find("taken")->boolean().value());
  EXPECT_TRUE(entries[1].find("taken")->boolean().value());
  EXPECT_EQ(entries[1].string_or("digest", "").value(), arm.digest.str());
  EXPECT_EQ(document->find("lastProven")->kind(), json::Value::Kind::null);
  ASSERT_EQ(document->find("others")->items().size(), 1U);
  EXPECT_EQ(document->find("others")->items()[0].find("platform")->kind(), json::Value::Kind::null);
  EXPECT_TRUE(document->find("host")->find("kubelet")->boolean().value());
  EXPECT_EQ(document->find("rateLimit")->find("remaining")->unsigned_integer().value(), 12U);
}

TEST_F(Explain, OneReaderAndTheNextSeeTheSameDocuments) {
  push_index(registry_, {push("linux/arm64")}, kName);
  RememberingRegistry once(registry_);
  const Reference reference = *Reference::parse(kName);
  const auto first = once.manifest(reference, {});
  push_index(registry_, {push("linux/amd64")}, kName);
  const auto second = once.manifest(reference, {});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->bytes, second->bytes);
  EXPECT_EQ(registry_.requests(kName), 1U);
}

}  // namespace
}  // namespace nodeproof::resolve
