#include "agent/override_state.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <fstream>

#include "common/clock.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Field;
using testing::SizeIs;

const Override kBy = {{}, {}, "the registry moves", 0, 1000, 42};

class OverrideStateTest : public testing::Test {
 protected:
  void give(std::chrono::seconds length = 4h) { ASSERT_TRUE(state.give(kBy, length, now)); }
  // Time passes on both clocks.
  void pass(std::chrono::milliseconds time) {
    now.wall += time;
    now.since_boot += time;
  }
  [[nodiscard]] bool counts() const { return state.active(now).has_value(); }

  const fakes::TempFolder folder;
  const OverrideState state{folder.path()};
  Moment now{std::chrono::sys_seconds(1'800'000'000s), 1h, "boot-one"};
};

TEST_F(OverrideStateTest, CountsForAsLongAsWasSaid) {
  EXPECT_FALSE(counts());
  give();
  EXPECT_EQ(state.active(now)->reason, "the registry moves");
  EXPECT_EQ(state.active(now)->until, state.active(now)->since + 4h);
  EXPECT_EQ(state.left(now), 4h);
  pass(4h - 1ms);
  EXPECT_TRUE(counts());
  pass(1ms);
  EXPECT_FALSE(counts());
  EXPECT_FALSE(state.left(now));
}

TEST_F(OverrideStateTest, AClockThatIsPutBackMakesItNoLonger) {
  give();
  now.wall -= 24h * 365;
  EXPECT_TRUE(counts());
  pass(4h);
  EXPECT_FALSE(counts());
}

TEST_F(OverrideStateTest, AClockThatIsPutForwardEndsIt) {
  give();
  now.wall += 5h;
  EXPECT_FALSE(counts());
}

TEST_F(OverrideStateTest, EndsWithItsBoot) {
  give();
  now.boot_id = "boot-two";
  EXPECT_FALSE(counts());
  now.boot_id = "";
  EXPECT_FALSE(counts());
  EXPECT_FALSE(state.give(kBy, 1h, now)) << "nothing could end it";
}

TEST_F(OverrideStateTest, ATornOrOverlongOneIsNone) {
  give();
  const std::string text = read_file(folder.path() / "override.json").value();
  std::string longer = text;
  longer.replace(longer.find("14400000"), 8, "999999999999");
  for (const std::string& bad : {text.substr(0, text.size() / 2), std::string(), longer}) {
    std::ofstream(folder.path() / "override.json") << bad;
    EXPECT_FALSE(counts()) << bad;
  }
}

TEST_F(OverrideStateTest, TheAuditTellsWhoGaveAndEndedIt) {
  give();
  const Override other = {{}, {}, "", 0, {}, 77};
  EXPECT_EQ(state.clear(other, now).value()->reason, "the registry moves");
  EXPECT_FALSE(counts());
  give(1h);
  pass(1h);
  ASSERT_TRUE(state.settle(now));
  ASSERT_TRUE(state.settle(now)) << "once";
  const auto events = state.history(10);
  ASSERT_THAT(
      events,
      ElementsAre(Field(&OverrideEvent::event, "given"), Field(&OverrideEvent::event, "cleared"),
                  Field(&OverrideEvent::event, "given"), Field(&OverrideEvent::event, "ended")));
  EXPECT_EQ(events[0].login_uid, 1000U);
  EXPECT_EQ(events[1].pid, 77);
  EXPECT_EQ(events[3].uid, std::nullopt);
  EXPECT_EQ(events[3].reason, "the registry moves");
  EXPECT_THAT(state.history(2), SizeIs(2));
}

TEST_F(OverrideStateTest, ClearingWhatIsNotThereIsFine) {
  EXPECT_FALSE(state.clear(kBy, now).value());
  EXPECT_THAT(state.history(10), SizeIs(0));
}

TEST_F(OverrideStateTest, TheAuditIsBounded) {
  for (int i = 0; i < 3000; ++i) give();
  std::size_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    bytes += file.file_size();
  }
  EXPECT_LT(bytes, 300U << 10U);
  EXPECT_GT(state.history(10'000).size(), 500U);
}

// A full disk: nothing is overridden that cannot be audited.
TEST_F(OverrideStateTest, WhatCannotBeAuditedDoesNotCount) {
  std::filesystem::create_directory(folder.path() / "override.log");
  EXPECT_FALSE(state.give(kBy, 1h, now));
  EXPECT_FALSE(counts());
}

TEST_F(OverrideStateTest, OneThatIsJustGivenIsNotTakenForTheOneThatEnded) {
  give(1h);
  pass(1h);
  const UniqueFd giver(::open((folder.path() / "override.lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(giver);
  ASSERT_EQ(::flock(giver.get(), LOCK_EX), 0);
  EXPECT_TRUE(state.settle(now)) << "later";
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "override.json"));
  ASSERT_EQ(::flock(giver.get(), LOCK_UN), 0);
  EXPECT_TRUE(state.settle(now));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "override.json"));
}

TEST_F(OverrideStateTest, OneThatTheDiskDoesNotGiveIsNotTakenAway) {
  // Can be opened, and not be read: EIO.
  std::filesystem::create_symlink("/proc/self/mem", folder.path() / "override.json");
  EXPECT_FALSE(state.settle(now));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "override.json"));
  EXPECT_TRUE(state.clear(kBy, now)) << "but who wants it gone is obeyed";
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "override.json"));
}

TEST_F(OverrideStateTest, IsCutToWholeSeconds) {
  now.wall += 300ms;
  give(1s);
  pass(700ms);
  EXPECT_FALSE(counts()) << "never longer than the report says";
}

TEST(Moment, IsThisBoots) {
  const Moment now = moment_now(kernel_boot_id());
  EXPECT_EQ(now.boot_id.size(), 36U);
  EXPECT_GT(now.since_boot, 0ms);
  EXPECT_GT(by_this_process().pid, 0);
}

}  // namespace
}  // namespace nodeproof
