#include "agent/report/fleet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/json.hpp"
#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kApp = "registry.lan/app:v2.1.0";
const auto kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 12h;

NodeReport node(std::string name, ImageReport image,
                std::string board = "Raspberry Pi 5 Model B Rev 1.0") {
  NodeReport report;
  report.node = std::move(name);
  report.time = report.since = kNow - 5min;
  report.host.boot_id = "boot of " + report.node;
  report.host.board = std::move(board);
  report.host.platform.architecture = report.host.board.empty() ? "amd64" : "arm64";
  image.reference = kApp;
  report.images = {std::move(image)};
  conclude(report);
  return report;
}

NodeReport good(std::string name, std::string board = "Raspberry Pi 4 Model B Rev 1.4") {
  return node(std::move(name), ready_image(kApp), std::move(board));
}

NodeReport bad(std::string name, std::string_view code = code::kPageSizeIncompatible) {
  ImageReport image = wrong_image(kApp);
  image.findings[0].code = code;
  return node(std::move(name), std::move(image));
}

struct FleetTest : testing::Test {
  Fleet look() const {
    std::vector<Collected> collected;
    collected.reserve(reports.size());
    for (std::size_t i = 0; i < reports.size(); ++i) {
      collected.push_back({"reports/" + std::to_string(i) + ".json", reports[i]});
    }
    return survey(std::move(collected), question);
  }
  std::vector<NodeReport> reports;
  FleetQuestion question{.now = kNow};
};

TEST_F(FleetTest, NodesThatFailAlikeAreOneGroupWhateverTheirBoardsRevision) {
  reports = {good("pi-1"), bad("pi-20"), bad("pi-3"), good("pi-4")};
  reports[2].host.board = "Raspberry Pi 5 Model B Rev 1.1";
  const Fleet fleet = look();
  EXPECT_EQ(fleet.ready, 2U);
  EXPECT_EQ(fleet.not_ready, 2U);
  ASSERT_THAT(fleet.groups, SizeIs(1));
  const FleetGroup& group = fleet.groups[0];
  EXPECT_EQ(group.code, code::kPageSizeIncompatible);
  EXPECT_EQ(group.image, kApp);
  EXPECT_EQ(group.board, "Raspberry Pi 5 Model B");
  EXPECT_THAT(group.nodes, ElementsAre("pi-20", "pi-3"));
  EXPECT_EQ(verdict_of(fleet), Verdict::not_ready);
}

TEST_F(FleetTest, OtherCausesAndOtherBoardsAreOtherGroupsTheLargestFirst) {
  reports = {bad("a", code::kArchMismatch), bad("b"), bad("c"), bad("d")};
  reports[3].host.board = "NVIDIA Jetson Orin Nano";
  EXPECT_THAT(look().groups, ElementsAre(Field(&FleetGroup::nodes, SizeIs(2)),
                                         Field(&FleetGroup::nodes, SizeIs(1)),
                                         Field(&FleetGroup::nodes, SizeIs(1))));
}

TEST_F(FleetTest, AnImageThatFailsOnOneArchitectureAndIsReadyOnAnotherIsSaidToBeSo) {
  reports = {bad("pi"), good("server", "")};
  EXPECT_EQ(look().groups.at(0).only, "arm64");
  reports = {bad("pi"), good("server", ""), good("older-pi")};
  EXPECT_EQ(look().groups.at(0).only, "") << "an arm64 has it ready";
  reports = {bad("pi")};
  EXPECT_EQ(look().groups.at(0).only, "") << "nobody else was asked";
}

TEST_F(FleetTest, AnImageThatIsNotRequiredMakesNoGroup) {
  reports = {good("pi")};
  reports[0].images.push_back(wrong_image("registry.lan/extra:1"));
  reports[0].images[1].required = false;
  conclude(reports[0]);
  const Fleet fleet = look();
  EXPECT_THAT(fleet.groups, IsEmpty());
  EXPECT_EQ(verdict_of(fleet), Verdict::ready);
}

TEST_F(FleetTest, ANodesOwnFaultHasNoImage) {
  reports = {good("pi")};
  reports[0].findings = {finding(code::kContainerdUnavailable, Severity::unknown)};
  conclude(reports[0]);
  EXPECT_THAT(look().groups, ElementsAre(Field(&FleetGroup::image, "")));
  EXPECT_EQ(verdict_of(look()), Verdict::unknown);
}

TEST_F(FleetTest, ANodeWithoutANewReportIsSilentAndItsLastWordDoesNotCount) {
  reports = {good("pi-1"), bad("pi-2"), good("pi-3")};
  reports[1].time = kNow - 3h;
  reports[2].time = kNow - 2h;
  const Fleet fleet = look();
  EXPECT_THAT(fleet.silent, ElementsAre(Field(&SilentNode::name, "pi-2")));
  EXPECT_THAT(fleet.groups, IsEmpty());
  EXPECT_EQ(fleet.ready, 2U);
  EXPECT_EQ(verdict_of(fleet), Verdict::unknown);
}

TEST_F(FleetTest, AReportFromTheFutureIsOfAWrongClock) {
  reports = {good("pi-1")};
  reports[0].time = kNow + 1h;
  EXPECT_THAT(look().silent, ElementsAre(Field(&SilentNode::ahead, true)));
}

TEST_F(FleetTest, OfANodeTheNewestReportCounts) {
  reports = {bad("pi-1"), good("pi-1")};
  reports[0].time = reports[0].since = kNow - 3h;
  reports[0].host.boot_id = "the boot before";
  const Fleet fleet = look();
  EXPECT_EQ(fleet.nodes, 1U);
  EXPECT_EQ(verdict_of(fleet), Verdict::ready);
  EXPECT_THAT(fleet.twice, IsEmpty()) << "it has booted since";
}

TEST_F(FleetTest, TwoHostsOfOneNameAreTold) {
  for (const auto age : {std::chrono::minutes(10), std::chrono::minutes(5 * 60)}) {
    reports = {good("pi-1"), good("pi-1")};
    reports[0].host.boot_id = "of the copied card";
    reports[0].time = kNow - age;
    reports[1].since = kNow - 6h;
    const Fleet fleet = look();
    ASSERT_THAT(fleet.twice, SizeIs(1));
    EXPECT_THAT(fleet.twice[0].files, ElementsAre("reports/1.json", "reports/0.json"));
    EXPECT_EQ(verdict_of(fleet), Verdict::unknown);
  }
}

TEST_F(FleetTest, AVerdictThatIsYoungHidesNoSecondHost) {
  reports = {good("pi-1"), bad("pi-1")};
  reports[1].host.boot_id = "of the copied card";
  reports[1].time = kNow - 20min;
  reports[0].since = kNow - 10min;
  EXPECT_THAT(look().twice, SizeIs(1));
}

TEST_F(FleetTest, WhatIsNotKnownFailsOnNoArchitecture) {
  reports = {node("pi", unknown_image(kApp)), good("server", "")};
  EXPECT_EQ(look().groups.at(0).only, "");
}

TEST_F(FleetTest, WhoIsExpectedAndNeverHeardOfIsMissing) {
  question.expected = {"pi-1", "pi-2"};
  reports = {good("pi-1"), good("guest")};
  const Fleet fleet = look();
  EXPECT_THAT(fleet.missing, ElementsAre("pi-2"));
  EXPECT_THAT(fleet.unexpected, ElementsAre("guest"));
  EXPECT_EQ(verdict_of(fleet), Verdict::unknown);
}

TEST_F(FleetTest, WhoIsNotExpectedCountsForNothing) {
  question.expected = {"pi-1"};
  reports = {good("pi-1"), bad("guest"), good("gone")};
  reports[2].time = kNow - 5h;
  const Fleet fleet = look();
  EXPECT_THAT(fleet.unexpected, ElementsAre("gone", "guest"));
  EXPECT_EQ(verdict_of(fleet), Verdict::ready);
  EXPECT_THAT(to_table(fleet, question), HasSubstr("1 of 1 nodes ready\n"));
}

TEST_F(FleetTest, LongNamesAreCountedWhereTheyDoNotFit) {
  for (int i = 0; i < 40; ++i) reports.push_back(bad(std::string(200, 'x') + std::to_string(i)));
  EXPECT_THAT(to_table(look(), question), HasSubstr(" and 31 more\n"));
}

TEST_F(FleetTest, WithoutAReportNothingIsKnown) { EXPECT_EQ(verdict_of(look()), Verdict::unknown); }

TEST_F(FleetTest, AnOverrideIsTold) {
  reports = {bad("pi-1")};
  reports[0].overridden = Override{};
  EXPECT_THAT(look().overridden, ElementsAre("pi-1"));
  EXPECT_EQ(verdict_of(look()), Verdict::not_ready);
}

TEST_F(FleetTest, TheTableNamesWhoAndWhyAndIsInert) {
  question.expected = {"pi-1", "pi-2", "pi-3", "pi-9"};
  reports = {good("pi-1"), bad("pi-2"), good("pi-3")};
  reports[1].images[0].findings[0].message = "bad\x1b[31m bytes";
  reports[2].time = kNow - 3h;
  const std::string table = to_table(look(), question);
  EXPECT_THAT(
      table,
      HasSubstr("1 PageSizeIncompatible  registry.lan/app:v2.1.0  Raspberry Pi 5 Model B (arm64)"));
  EXPECT_THAT(table, HasSubstr("pi-3 (3h, was ready)"));
  EXPECT_THAT(table, HasSubstr("1 expected and never heard of\n    pi-9\n"));
  EXPECT_THAT(table, HasSubstr("1 of 4 nodes ready, 1 not ready, 1 silent, 1 never heard of"));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
}

TEST_F(FleetTest, TheDocumentHasEveryName) {
  for (int i = 0; i < 60; ++i) reports.push_back(bad("pi-" + std::to_string(i)));
  const auto document = json::parse(to_json(look(), question));
  ASSERT_TRUE(document);
  const auto* groups = document->find("groups");
  ASSERT_NE(groups, nullptr);
  EXPECT_EQ(groups->items().at(0).find("nodes")->items().size(), 60U);
  EXPECT_THAT(to_table(look(), question), HasSubstr("and 20 more"));
}

TEST(Fleet, BesideASignedReportNoUnsignedOneCounts) {
  NodeReport failing = bad("pi-1");
  failing.sequence = 7;
  NodeReport forged = good("pi-1");
  forged.sequence = 1'000'000;
  forged.time = failing.time + std::chrono::minutes(1);
  const Fleet found =
      survey({{"true.json", failing, true}, {"forged.json", forged, false}}, {.now = kNow});
  EXPECT_EQ(found.not_ready, 1U);
  ASSERT_EQ(found.unreadable.size(), 1U);
  EXPECT_NE(found.unreadable.front().message.find("forged.json"), std::string::npos);
}

TEST(Fleet, OfSignedReportsTheHighestSequenceCounts) {
  NodeReport older = good("pi-1"), newer = bad("pi-1");
  older.sequence = 7;
  newer.sequence = 8;
  older.time = newer.time + std::chrono::minutes(1);  // its clock was set since
  const Fleet found = survey({{"a.json", older, true}, {"b.json", newer, true}}, {.now = kNow});
  EXPECT_EQ(found.not_ready, 1U);
}

}  // namespace
}  // namespace nodeproof::report
