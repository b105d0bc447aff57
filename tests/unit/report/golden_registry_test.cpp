#include "agent/report/golden_registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto.hpp"
#include "tests/fakes/fake_hub.hpp"

namespace nodeproof::report {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kRepository = "r.example/team/app";
constexpr const char* kTime = "2026-11-21T10:00:00Z";

class GoldenRegistry : public testing::TestWithParam<bool> {
 protected:
  GoldenRegistry() { hub.lists_referrers = GetParam(); }
  Result<PushedGolden> push(const std::string& envelope = "{1}", const std::string& time = kTime) {
    return push_golden({hub, hub}, {image, index, envelope, time}, {});
  }
  std::vector<std::string> fetch() {
    const auto found = fetch_goldens(hub, image, index, {});
    EXPECT_TRUE(found) << found.error().message;
    EXPECT_THAT(found->failures, IsEmpty());
    return found->envelopes;
  }
  std::string tag() { return referrers_tag(image, index)->name(); }

  FakeHub hub;
  const Digest index =
      hub.push_index(std::string(kRepository) + ":1", {hub.push_image(kRepository, {})}).digest;
  const Reference image = Reference::parse(std::string(kRepository) + ":1").value();
};

INSTANTIATE_TEST_SUITE_P(Registries, GoldenRegistry, testing::Bool(), [](const auto& info) {
  return info.param ? "WithTheReferrersApi" : "WithTheTagSchema";
});

TEST_P(GoldenRegistry, GivesBackWhatWasPushed) {
  EXPECT_THAT(fetch(), IsEmpty());
  const auto pushed = push();
  ASSERT_TRUE(pushed) << pushed.error().message;
  EXPECT_THAT(fetch(), ElementsAre("{1}"));
  EXPECT_EQ(pushed->tag.empty(), GetParam());
}

TEST_P(GoldenRegistry, KeepsSeveralAndGivesTheNewestFirst) {
  ASSERT_TRUE(push("{old}", "2026-01-01T00:00:00Z"));
  ASSERT_TRUE(push("{new}", "2026-03-01T00:00:00Z"));
  ASSERT_TRUE(push("{middle}", "2026-02-01T00:00:00Z"));
  EXPECT_THAT(fetch(), ElementsAre("{new}", "{middle}", "{old}"));
}

TEST_P(GoldenRegistry, IsNotFilledTwice) {
  ASSERT_TRUE(push());
  const auto again = push();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->already, !GetParam());
  EXPECT_THAT(fetch(), SizeIs(1));
}

TEST_P(GoldenRegistry, RefusesWhatItsRepositoryDoesNotHold) {
  const Digest absent = Digest::parse("sha256:" + std::string(64, 'f')).value();
  const auto pushed = push_golden({hub, hub}, {image, absent, "{}", kTime}, {});
  EXPECT_EQ(pushed.error().code, Errc::not_found);
  EXPECT_THAT(hub.writes(), IsEmpty());
}

TEST_P(GoldenRegistry, SaysWhatIsListedAndCannotBeHad) {
  ASSERT_TRUE(push());
  hub.blob_fault = Error{Errc::unreachable, "gone", ""};
  const auto found = fetch_goldens(hub, image, index, {});
  ASSERT_TRUE(found);
  EXPECT_THAT(found->envelopes, IsEmpty());
  ASSERT_THAT(found->failures, SizeIs(1));
  EXPECT_EQ(found->failures[0].code, Errc::unreachable);
}

class TagSchema : public GoldenRegistry {};
INSTANTIATE_TEST_SUITE_P(Registries, TagSchema, testing::Values(false));

TEST_P(TagSchema, KeepsTheEntriesOfOthersByteForByte) {
  const std::string theirs =
      R"({"mediaType":"application/vnd.oci.image.manifest.v1+json", "digest":"sha256:)" +
      hub.push_image(kRepository, {}).digest.str().substr(7) +
      R"(","size":7,"artifactType":"application/spdx+json"})";
  const std::string list =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
      theirs + R"(],"annotations":{"a":"b"}})";
  const FetchedManifest document{
      {std::string(media_type::kOciIndex), hash_of(as_bytes(list)), list.size(), {}, {}}, list};
  ASSERT_TRUE(hub.put_manifest(*referrers_tag(image, index), document, {}, {}));
  ASSERT_TRUE(push());
  const std::string now = hub.bytes(kRepository, *Digest::parse(hub.tagged(tag())));
  EXPECT_NE(now.find(theirs), std::string::npos) << now;
  EXPECT_NE(now.find(R"("annotations":{"a":"b"}})"), std::string::npos) << now;
  EXPECT_THAT(fetch(), ElementsAre("{1}"));
}

TEST_P(TagSchema, LooksAgainWhenSomebodyElseHasWrittenTheList) {
  ASSERT_TRUE(push("{first}"));
  const std::string before = hub.tagged(tag());
  bool once = true;
  hub.after_put = [&](const std::string& write) {
    if (!once || write.find(":sha256-") == std::string::npos) return;
    once = false;
    hub.tag(tag(), {std::string(media_type::kOciIndex), *Digest::parse(before), 0, {}, {}});
  };
  const auto pushed = push("{second}");
  ASSERT_TRUE(pushed) << pushed.error().message;
  EXPECT_FALSE(once);
  EXPECT_THAT(fetch(), testing::UnorderedElementsAre("{first}", "{second}"));
}

}  // namespace
}  // namespace nodeproof::report
