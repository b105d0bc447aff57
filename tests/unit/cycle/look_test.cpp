#include "agent/look.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/file.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

constexpr const char* kApp = "registry.test/app:1";

class LookTest : public testing::Test {
 protected:
  void SetUp() override {
    rig.push_layers(kApp, {"base", "app"});
    rig.require(kApp);
    list_ = look_list(rig.config, rig.run());
    ASSERT_EQ(list_.images.size(), 1U);
    rig.store.forget_log();
  }
  std::string change() {
    const auto changed = changed_since(list_, rig.store);
    EXPECT_TRUE(changed.has_value()) << changed.error().message;
    return changed.value_or("");
  }
  CycleRig rig;
  LookList list_;
};

TEST_F(LookTest, SaysNothingAndChangesNothingWhereAllIsThere) {
  EXPECT_EQ(change(), "");
  EXPECT_TRUE(rig.store.log().empty());
}

TEST_F(LookTest, MissesARecord) {
  ASSERT_TRUE(rig.store.remove_image(kApp));
  EXPECT_EQ(change(), "registry.test/app:1 is no longer in containerd");
}

TEST_F(LookTest, MissesTheUnpackedLayers) {
  list_.images[0].rootfs = *Digest::parse("sha256:" + std::string(64, 'b'));
  EXPECT_EQ(change(), "registry.test/app:1 is no longer unpacked in containerd");
}

TEST_F(LookTest, SeesOtherBytesUnderTheName) {
  auto record = rig.store.image(kApp).value().value();
  record.target.digest = *Digest::parse("sha256:" + std::string(64, 'c'));
  ASSERT_TRUE(rig.store.put_image(record));
  EXPECT_TRUE(change().contains("names sha256:cccccccccccc in containerd now"));
}

TEST_F(LookTest, CountsTheOthers) {
  list_.images.push_back(list_.images[0]);
  ASSERT_TRUE(rig.store.remove_image(kApp));
  EXPECT_EQ(change(), "registry.test/app:1 is no longer in containerd (+1)");
}

TEST_F(LookTest, LooksOnlyForWhatIsReady) {
  rig.tests_exit_with(1);
  rig.config.again = true;
  EXPECT_TRUE(look_list(rig.config, rig.run()).images.empty());
}

TEST_F(LookTest, IsKeptInAFileThatIsWrittenOnce) {
  const std::filesystem::path& run = rig.config.run_dir;
  ASSERT_TRUE(save_look(run, list_));
  EXPECT_EQ(load_look(run), list_);
  struct stat before{}, after{};
  ASSERT_EQ(stat(look_file(run).c_str(), &before), 0);
  ASSERT_TRUE(save_look(run, list_));
  ASSERT_EQ(stat(look_file(run).c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  ASSERT_TRUE(save_look(run, {}));
  EXPECT_FALSE(std::filesystem::exists(look_file(run)));
  ASSERT_TRUE(write_file_atomically(look_file(run), "{\"version\": 1, \"soc"));
  EXPECT_EQ(load_look(run), LookList{});
}

}  // namespace
}  // namespace nodeproof
