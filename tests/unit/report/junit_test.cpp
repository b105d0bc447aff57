#include "agent/report/junit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(NodeJunit, HasASuiteForEachImageAndOneForTheNode) {
  const std::string text = to_junit(sample());
  EXPECT_THAT(text,
              HasSubstr("<testsuites name=\"nodeproof\" tests=\"6\" failures=\"2\" errors=\"1\">"));
  for (const char* name : {"registry.example.com/demo/good:1", "registry.example.com/demo/wrong:v2",
                           "registry.example.com/demo/far:3", "pi-17"}) {
    EXPECT_THAT(text, HasSubstr("<testsuite name=\"" + std::string(name) + "\""));
  }
  EXPECT_THAT(text, HasSubstr("hostname=\"pi-17\" timestamp=\"2026-11-21T10:00:05Z\""));
}

TEST(NodeJunit, WhatIsWrongFailsAndWhatIsNotKnownIsAnError) {
  const std::string text = to_junit(sample());
  EXPECT_THAT(
      text,
      HasSubstr("<failure type=\"ArchMismatch\" message=\"the entrypoint is built for x86-64"));
  EXPECT_THAT(text, HasSubstr("<failure type=\"smoke\" message=\"exec format error\">"));
  EXPECT_THAT(text, HasSubstr("<error type=\"RegistryUnreachable\""));
  EXPECT_THAT(text, HasSubstr("name=\"smoke: starts\" time=\"0.250\"/>"));
}

TEST(NodeJunit, WarningsAreOutput) {
  EXPECT_THAT(to_junit(sample()), HasSubstr("<system-out>warn MemoryCgroupMissing: "));
}

TEST(NodeJunit, WhatWasNotTriedIsSkipped) {
  NodeReport report = sample();
  report.images = {ready_image("app:1")};
  report.images[0].smoke[0].result = SmokeOutcome::skipped;
  report.images[0].smoke[0].reason = "no rlimit";
  EXPECT_THAT(to_junit(report),
              AllOf(HasSubstr("skipped=\"1\""), HasSubstr("<skipped message=\"no rlimit\">")));
}

TEST(NodeJunit, AnImageThatIsNotRequiredFailsNothing) {
  NodeReport report = sample();
  report.images = {wrong_image("app:1")};
  report.images[0].required = false;
  const std::string text = to_junit(report);
  EXPECT_THAT(text, HasSubstr("failures=\"0\" errors=\"0\" skipped=\"2\""));
  EXPECT_THAT(text, HasSubstr("<skipped message=\"not required: the entrypoint"));
}

TEST(NodeJunit, AVerdictWithoutACauseIsNoPass) {
  NodeReport report = sample();
  report.images = {ready_image("app:1")};
  report.images[0].verdict = Verdict::unknown;
  report.images[0].smoke.clear();
  report.findings.clear();
  EXPECT_THAT(to_junit(report), HasSubstr("<error type=\"NotExecuted\""));
  report.images.clear();
  report.verdict = Verdict::not_ready;
  report.reason = "NewerCode";
  EXPECT_THAT(to_junit(report), HasSubstr("<failure type=\"NewerCode\""));
}

TEST(NodeJunit, HostileTextStaysText) {
  NodeReport report = sample();
  report.node = report.images[1].findings[0].message = "]]></failure><x a=\"1\">&\x1b";
  EXPECT_THAT(to_junit(report),
              AllOf(HasSubstr("]]&gt;&lt;/failure&gt;&lt;x a=&quot;1&quot;&gt;&amp;\uFFFD"),
                    Not(HasSubstr("<x a=")), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace nodeproof::report
