#include "agent/state_room.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "agent/resolve/ledger.hpp"
#include "common/file.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;

constexpr const char* kApp = "registry.test/app:1";

class StateRoomTest : public testing::Test {
 protected:
  void SetUp() override {
    rig.push_layers(kApp, {"base", "app"});
    rig.require(kApp);
    ASSERT_EQ(rig.run().verdict, Verdict::ready);
    proven_ = count("scan");
    ASSERT_GT(proven_, 0U);
  }

  [[nodiscard]] fs::path file(const std::string& name) const { return rig.config.state_dir / name; }
  [[nodiscard]] std::size_t count(const std::string& folder) const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(file(folder)), fs::directory_iterator()));
  }
  // Written so many hours ago.
  void put(const std::string& name, std::size_t size, int hours) const {
    std::ofstream(file(name), std::ios::binary) << std::string(size, 'x');
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(rig.clock.now().time_since_epoch());
    const timespec time{now.count() - hours * 3600L, 0};
    const timespec both[] = {time, time};
    ASSERT_EQ(utimensat(AT_FDCWD, file(name).c_str(), both, 0), 0);
  }
  [[nodiscard]] bool is_there(const std::string& name) const { return fs::exists(file(name)); }

  CycleRig rig;
  std::size_t proven_ = 0;
};

TEST_F(StateRoomTest, WhatFitsStays) {
  put("scan/sha256-1.v1", 1000, 500);
  keep_within({}, rig.config, rig.clock);
  EXPECT_EQ(count("scan"), proven_ + 1);
}

TEST_F(StateRoomTest, InventoriesThatNobodyNeedsGoOldestFirst) {
  put("scan/sha256-1.v1", 50'000, 3);
  put("scan/sha256-2.v1", 50'000, 2);
  put("scan/sha256-3.v1", 50'000, 1);
  keep_within({.inventories = 120'000}, rig.config, rig.clock);
  EXPECT_FALSE(is_there("scan/sha256-1.v1"));
  EXPECT_TRUE(is_there("scan/sha256-2.v1"));
  EXPECT_EQ(count("scan"), proven_ + 2);
  keep_within({.inventories = 40'000}, rig.config, rig.clock);
  EXPECT_EQ(count("scan"), proven_) << "those of the required image";
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
}

TEST_F(StateRoomTest, WhatRequiredImagesNeedStaysHoweverMuchItIs) {
  keep_within({.inventories = 1}, rig.config, rig.clock);
  EXPECT_EQ(count("scan"), proven_);
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
}

TEST_F(StateRoomTest, RecordsOfRequiredImagesStay) {
  const std::string other(64, 'a');
  put("ledger/" + other + ".json", 20'000, 1);
  put("ledger/" + other + ".manifest", 20'000, 1);
  keep_within({.ledger = 1}, rig.config, rig.clock);
  EXPECT_FALSE(is_there("ledger/" + other + ".json"));
  EXPECT_FALSE(is_there("ledger/" + other + ".manifest"));
  EXPECT_TRUE(resolve::Ledger(file("ledger")).find(kApp));
}

TEST_F(StateRoomTest, WhatAKilledProcessLeftGoesAfterADay) {
  for (const std::string folder : {"", "scan/", "ledger/"}) {
    put(folder + ".old.json.a1B2c3", 10, 25);
    put(folder + ".new.json.a1B2c3", 10, 1);
    put(folder + ".future.json.a1B2c3", 10, -500);
  }
  keep_within({}, rig.config, rig.clock);
  for (const std::string folder : {"", "scan/", "ledger/"}) {
    EXPECT_FALSE(is_there(folder + ".old.json.a1B2c3"));
    EXPECT_TRUE(is_there(folder + ".new.json.a1B2c3"));
    EXPECT_FALSE(is_there(folder + ".future.json.a1B2c3"));
  }
}

TEST_F(StateRoomTest, AdHocImagesPushNothingOut) {
  rig.config.ad_hoc = true;
  keep_within({.inventories = 1, .ledger = 1}, rig.config, rig.clock);
  EXPECT_EQ(count("scan"), proven_);
}

}  // namespace
}  // namespace nodeproof
