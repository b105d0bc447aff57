// After a boot, after an upgrade, and while memory is short: what is done again, and what stands.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "agent/boot_state.hpp"
#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;
constexpr const char* kApp = "registry.test/app:1";

class Again : public testing::Test {
 protected:
  void SetUp() override {
    fs::copy(rig.config.host_root, home.path() / "host",
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    rig.config.host_root = home.path() / "host";
    rig.push(kApp);
    rig.require(kApp);
    boot("aaaa", true);
    EXPECT_EQ(run().verdict, Verdict::ready);
    EXPECT_EQ(started(), 1U);
  }
  void write(const char* file, const std::string& text) const {
    fs::create_directories((rig.config.host_root / file).parent_path());
    std::ofstream(rig.config.host_root / file) << text;
  }
  void boot(const std::string& id, bool in_order) {
    write("proc/sys/kernel/random/boot_id", id + "\n");
    fs::remove_all(rig.config.run_dir);
    const BootState boots(rig.config.state_dir);
    ASSERT_TRUE(in_order ? boots.stopped("before").has_value() : true);
    if (!in_order) fs::remove(rig.config.state_dir / "boot.json");
    ASSERT_TRUE(boots.started(id));
  }
  void memory(const char* available) const {
    write("proc/meminfo", std::string("MemTotal: 947732 kB\nMemAvailable: ") + available + " kB\n");
  }
  const ImageReport& run() {
    report = rig.run();
    return report.images[0];
  }
  std::size_t started() const { return rig.runtime.requests().size(); }
  std::vector<std::string> codes() const {
    std::vector<std::string> codes;
    for (const Finding& finding : report.images[0].findings) codes.push_back(finding.code);
    return codes;
  }
  // The plan is a file that is gone afterwards.
  void watch_plans() {
    rig.runtime.behave([this](const ContainerRequest& request) -> Result<ContainerExit> {
      std::string plan = request.stdout_path;
      plan.replace(plan.rfind(".out"), 4, ".plan");
      std::ifstream in(plan);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      ran_a_test = text.contains("/bin/app\"]");
      std::ofstream out(request.stdout_path);
      out << smoke::files_line(1, 0);
      smoke::RunRecord record;
      record.state = smoke::RunState::exited;
      record.exit = 0;
      if (ran_a_test) out << smoke::test_line(0, record);
      out << smoke::kEndLine;
      return ContainerExit{};
    });
  }
  fakes::TempFolder home;
  CycleRig rig;
  NodeReport report;
  bool ran_a_test = false;
};

TEST_F(Again, AfterABootTheNeededFilesAreComparedOnceAndTheTestsAreNotRun) {
  const std::vector<SmokeResult> proven = report.images[0].smoke;
  boot("bbbb", true);
  watch_plans();
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_EQ(started(), 2U);
  EXPECT_FALSE(ran_a_test);
  EXPECT_EQ(report.images[0].smoke, proven);
  EXPECT_THAT(codes(), testing::IsEmpty());
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_EQ(started(), 2U) << "once per boot";
  rig.config.again = true;
  run();
  EXPECT_TRUE(ran_a_test);
}

TEST_F(Again, AfterAPowerCutAllFilesAreCompared) {
  boot("bbbb", false);
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_THAT(rig.comparisons(), testing::ElementsAre(2U));
  EXPECT_EQ(report.images[0].smoke.at(0).result, SmokeOutcome::passed);
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_EQ(rig.comparisons().size(), 1U);
}

TEST_F(Again, ADamagedFileTakesTheProofAway) {
  boot("bbbb", false);
  rig.damage("/content");
  EXPECT_EQ(run().verdict, Verdict::not_ready);
  EXPECT_THAT(codes(), testing::ElementsAre(code::kFileCorrupt));
  EXPECT_EQ(report.images[0].smoke.at(0).result, SmokeOutcome::skipped);
}

TEST_F(Again, AnotherNodeproofJudgesTheBytesAndStartsNothing) {
  for (const fs::path& file : fs::directory_iterator(rig.config.state_dir / "ledger")) {
    if (file.extension() != ".json") continue;
    std::ifstream in(file);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto place = text.find("\"agent\": \"");
    ASSERT_NE(place, std::string::npos) << text;
    std::ofstream(file) << text.insert(place + 10, "0.0 ");
  }
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_EQ(started(), 1U);
  EXPECT_EQ(report.images[0].smoke.at(0).result, SmokeOutcome::passed);
}

TEST_F(Again, AnotherRuncOrKernelRunsTheTests) {
  write("usr/sbin/runc", "another");
  run();
  EXPECT_EQ(started(), 2U);
  write("proc/sys/kernel/osrelease", "6.99\n");
  run();
  EXPECT_EQ(started(), 3U);
}

TEST_F(Again, WhileMemoryIsShortAProofStandsAndTheNextCycleTriesAgain) {
  write("usr/sbin/runc", "another");
  memory("90000");
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_THAT(codes(), testing::ElementsAre(code::kSmokeDeferred));
  EXPECT_EQ(report.images[0].findings[0].severity, Severity::info);
  EXPECT_EQ(report.images[0].smoke.at(0).result, SmokeOutcome::passed);
  EXPECT_EQ(started(), 1U);
  boot("bbbb", true);
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_EQ(started(), 1U) << "not even to compare files";
  memory("500000");
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_EQ(started(), 2U);
  EXPECT_THAT(codes(), testing::IsEmpty());
}

TEST_F(Again, WhatWasNeverProvenIsUnknownWhileMemoryIsShort) {
  rig.config.settings.images.clear();
  rig.push("registry.test/new:1", "2");
  rig.require("registry.test/new:1");
  memory("90000");
  EXPECT_EQ(run().verdict, Verdict::unknown);
  EXPECT_THAT(codes(), testing::ElementsAre(code::kSmokeDeferred));
  memory("500000");
  EXPECT_EQ(run().verdict, Verdict::ready);
}

}  // namespace
}  // namespace nodeproof
