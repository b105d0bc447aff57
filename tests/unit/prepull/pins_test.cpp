#include "agent/prepull/pins.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock.hpp"
#include "common/crypto.hpp"
#include "tests/fakes/fake_image_store.hpp"

namespace nodeproof::prepull {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kPin = "io.cri-containerd.pinned";
constexpr const char* kApp = "r.example/app:1";

class PinsTest : public testing::Test {
 protected:
  static Digest digest(std::string_view text) { return hash_of(as_bytes(text)); }
  static RequiredPin proven(const std::string& name, std::string_view manifest) {
    return {*Reference::parse(name), {digest(manifest), digest("index")}};
  }
  static RequiredPin unproven(const std::string& name) { return {*Reference::parse(name), {}}; }

  void put(const std::string& name, std::string_view manifest, bool pinned = true) {
    Labels labels = pin_labels(digest(manifest));
    if (!pinned) labels.erase(kPin);
    add(name, manifest, std::move(labels));
  }
  void add(const std::string& name, std::string_view manifest, Labels labels) {
    const Descriptor target{
        "application/vnd.oci.image.manifest.v1+json", digest(manifest), 1, {}, {}};
    ASSERT_TRUE(store.put_image({name, target, std::move(labels)}));
  }
  void keep(const std::vector<RequiredPin>& required) {
    ASSERT_TRUE(keep_pins(store, required, {now, 24h}));
  }
  [[nodiscard]] bool is_pinned(const std::string& name) const {
    return store.images().at(name).labels.contains(kPin);
  }

  FakeImageStore store;
  std::chrono::system_clock::time_point now{1'800'000'000s};
};

TEST_F(PinsTest, WhatIsAsItShouldBeIsNotWritten) {
  put(kApp, "m");
  keep({proven(kApp, "m")});
  EXPECT_THAT(store.log(), Not(Contains(HasSubstr("label "))));
}

TEST_F(PinsTest, APinThatSomebodyTookIsSetAgain) {
  put(kApp, "m", false);
  keep({proven(kApp, "m")});
  EXPECT_TRUE(is_pinned(kApp));
}

TEST_F(PinsTest, TheTagThatAKubeletsPullWroteIsPinnedAgain) {
  add(kApp, "index", {{"io.cri-containerd.image", "managed"}});
  keep({proven(kApp, "m")});
  EXPECT_TRUE(is_pinned(kApp));
  EXPECT_EQ(store.images().at(kApp).labels.at("nodeproof.dev/proven"), digest("m").str());
}

TEST_F(PinsTest, ATagThatNamesUnprovenBytesIsNotPinned) {
  add(kApp, "somebody else's", {});
  keep({proven(kApp, "m")});
  EXPECT_FALSE(is_pinned(kApp));
}

TEST_F(PinsTest, WhatIsRequiredNoMoreLosesItsPinAfterTheGrace) {
  put("r.example/old:1", "old");
  put("sha256:0ld", "old");
  keep({unproven(kApp)});
  EXPECT_TRUE(is_pinned("r.example/old:1"));
  now += 23h;
  keep({unproven(kApp)});
  EXPECT_TRUE(is_pinned("r.example/old:1"));
  now += 1h;
  keep({unproven(kApp)});
  for (const char* name : {"r.example/old:1", "sha256:0ld"}) {
    ASSERT_TRUE(store.images().contains(name)) << "deleting it is the kubelet's affair";
    EXPECT_THAT(store.images().at(name).labels, IsEmpty());
  }
}

TEST_F(PinsTest, WhatIsRequiredAgainBeginsItsGraceAnew) {
  put(kApp, "m");
  keep({unproven("r.example/other:1")});
  now += 23h;
  keep({proven(kApp, "m")});
  EXPECT_FALSE(store.images().at(kApp).labels.contains("nodeproof.dev/unneeded-since"));
  keep({unproven("r.example/other:1")});
  now += 23h;
  keep({unproven("r.example/other:1")});
  EXPECT_TRUE(is_pinned(kApp));
}

TEST_F(PinsTest, ABoardWithoutAClockTakesNoPinAndNoGraceIsOverWhenItIsSet) {
  put(kApp, "m");
  const auto today = now;
  now = {};
  keep({unproven("r.example/other:1")});
  EXPECT_FALSE(store.images().at(kApp).labels.contains("nodeproof.dev/unneeded-since"));
  now = today + 1000h;  // it was wrong
  keep({unproven("r.example/other:1")});
  now = today;
  keep({unproven("r.example/other:1")});
  now += 23h;
  keep({unproven("r.example/other:1")});
  EXPECT_TRUE(is_pinned(kApp));
}

TEST_F(PinsTest, ALostConfigurationTakesNoPin) {
  put(kApp, "m");
  keep({});
  now += 1000h;
  keep({});
  EXPECT_TRUE(is_pinned(kApp));
}

TEST_F(PinsTest, ALostLedgerTakesNoPin) {
  put(kApp, "m");
  put("sha256:c0f", "m");
  put("r.example/application:1", "another");
  keep({unproven("r.example/app:2")});
  now += 1000h;
  keep({unproven("r.example/app:2")});
  EXPECT_TRUE(is_pinned(kApp));
  EXPECT_TRUE(is_pinned("sha256:c0f")) << "it is the same image's";
  EXPECT_FALSE(is_pinned("r.example/application:1"));
}

TEST_F(PinsTest, ThePredecessorGoesWhenItsSuccessorIsProven) {
  put("r.example/app@" + digest("old").str(), "old");
  put(kApp, "new");
  keep({proven(kApp, "new")});
  now += 24h;
  keep({proven(kApp, "new")});
  EXPECT_FALSE(is_pinned("r.example/app@" + digest("old").str()));
  EXPECT_TRUE(is_pinned(kApp));
}

TEST(Time, IsReadAsItWasWritten) {
  const std::chrono::sys_seconds time{1'700'000'000s};
  EXPECT_EQ(parse_rfc3339(to_rfc3339(time)), time);
  for (const char* wrong :
       {"", "2026-11-21", "2026-11-21T10:00:00Z ", "2026-11-21T10:00:00+01:00"}) {
    EXPECT_FALSE(parse_rfc3339(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace nodeproof::prepull
