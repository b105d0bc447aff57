#include "agent/smoke/decode.hpp"

#include <gtest/gtest.h>

#include "agent/codes.hpp"

namespace nodeproof::smoke {
namespace {

class Decode : public ::testing::Test {
 protected:
  Decode() {
    tests.resize(2);
    tests[0].name = "first";
    tests[1].name = "second";
    plan.tests.resize(2);
    plan.files = {{"/app", 100, std::string(64, 'a')}};
    records.tests.resize(2);
    records.ended = true;
  }
  SmokeReport decoded() {
    return decode({plan, tests, records, "/app", host, Emulation::refuse, exit});
  }
  static RunRecord ended(int code) {
    RunRecord record;
    record.state = RunState::exited;
    record.exit = code;
    record.program = "/app";
    record.stdout_sha256 = "abc";
    record.seconds = 0.5;
    return record;
  }

  Plan plan;
  std::vector<SmokeTest> tests;
  Records records;
  HostFacts host;
  ContainerExit exit;
};

TEST_F(Decode, GivesOneResultPerTest) {
  records.tests = {ended(0), ended(3)};
  const SmokeReport report = decoded();
  ASSERT_EQ(report.results.size(), 2U);
  EXPECT_EQ(report.results[0].result, SmokeOutcome::passed);
  EXPECT_EQ(report.results[0].stdout_sha256, "abc");
  EXPECT_EQ(report.results[0].exit, 0);
  EXPECT_EQ(report.results[1].result, SmokeOutcome::failed);
  EXPECT_EQ(report.results[1].exit, 3);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].code, code::kSmokeFailed);
}

TEST_F(Decode, SaysUnknownForATestThatWasNotReached) {
  records.tests[0] = ended(0);
  records.ended = false;
  records.deadline = true;
  const SmokeReport report = decoded();
  EXPECT_EQ(report.results[0].result, SmokeOutcome::passed);
  EXPECT_EQ(report.results[1].result, SmokeOutcome::skipped);
  EXPECT_EQ(report.results[1].reason, "the container did not end in time");
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].code, code::kSmokeNotRun);
  EXPECT_EQ(report.findings[0].severity, Severity::unknown);
}

TEST_F(Decode, SaysUnknownForATestTheSupervisorKeptSilentAbout) {
  records.tests[0] = ended(0);
  const SmokeReport report = decoded();
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].severity, Severity::unknown);
}

TEST_F(Decode, QuotesRuncWhenTheSupervisorNeverSpoke) {
  records = {};
  records.tests.resize(2);
  records.noise = "exec /dev/.nodeproof/nodeproof: exec format error\n";
  exit.status = 1;
  const SmokeReport report = decoded();
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_NE(report.findings[0].evidence.find("exec format error"), std::string::npos);
}

TEST_F(Decode, TellsEmptyFromShortFromChanged) {
  records.tests = {ended(0), ended(0)};
  records.files_wrong = 1;
  records.files = {{"/app", FileProblem::empty, 0, "", 0}};
  EXPECT_NE(decoded().findings.at(0).message.find("is empty"), std::string::npos);
  records.files = {{"/app", FileProblem::truncated, 50, "", 0}};
  EXPECT_NE(decoded().findings.at(0).message.find("cut short"), std::string::npos);
  records.files = {{"/app", FileProblem::changed, 100, std::string(64, 'b'), 0}};
  EXPECT_NE(decoded().findings.at(0).evidence.find(std::string(64, 'b')), std::string::npos);
  EXPECT_EQ(decoded().findings.at(0).code, code::kFileCorrupt);
  EXPECT_EQ(decoded().findings.at(0).severity, Severity::fail);
}

TEST_F(Decode, SaysOncePerFileThatItIsCorrupt) {
  records.files = {{"/app", FileProblem::empty, 0, "", 0}};
  RunRecord refused;
  refused.cause = StartCause::file_empty;
  refused.program = "/app";
  records.tests = {refused, refused};
  EXPECT_EQ(decoded().findings.size(), 1U);
  EXPECT_EQ(decoded().results[1].result, SmokeOutcome::failed);
}

TEST_F(Decode, CountsFilesBeyondTheFirstTen) {
  plan.files.clear();
  for (int i = 0; i < 15; ++i) {
    plan.files.push_back({"/f" + std::to_string(i), 1, ""});
    records.files.push_back({plan.files.back().path, FileProblem::missing, 0, "", 2});
  }
  records.files_wrong = 15;
  records.tests = {ended(0), ended(0)};
  EXPECT_EQ(decoded().findings.size(), 10U);
  EXPECT_NE(decoded().findings.back().message.find("5 more"), std::string::npos);
}

TEST_F(Decode, NeedsNoLoaderThatIsUnderstoodOnceTheTestsPassed) {
  records.loader = ended(1);
  records.tests = {ended(0), ended(3)};
  EXPECT_EQ(decoded().findings.back().severity, Severity::unknown);
  records.tests = {ended(0), ended(0)};
  EXPECT_EQ(decoded().findings.back().severity, Severity::info);
}

TEST(DecodeNotRun, ReadsTheRuntimesWords) {
  const std::vector<SmokeTest> tests(1);
  const auto report = decode_not_run(
      tests,
      {Errc::io, "creating the task: mount /x to rootfs at /dev/.nodeproof/nodeproof: no such file",
       ""});
  EXPECT_EQ(report.results.at(0).result, SmokeOutcome::skipped);
  EXPECT_EQ(report.findings.at(0).code, code::kSmokeNotRun);
  EXPECT_EQ(report.findings.at(0).severity, Severity::unknown);
  EXPECT_NE(report.findings.at(0).message.find("does not see"), std::string::npos);
  EXPECT_NE(report.findings.at(0).evidence.find("rootfs"), std::string::npos);
  const auto volume =
      decode_not_run(tests, {Errc::no_space,
                             "mounting tmpfs to rootfs at /data: tmpcopyup: failed to copy /data: "
                             "no space left on device",
                             ""});
  EXPECT_NE(volume.findings.at(0).message.find("VOLUME"), std::string::npos);
  const auto other = decode_not_run(tests, {Errc::io, "something new\nwith lines", "restart it"});
  EXPECT_NE(other.findings.at(0).message.find("something new"), std::string::npos);
  EXPECT_EQ(other.findings.at(0).remedy, "restart it");
}

}  // namespace
}  // namespace nodeproof::smoke
