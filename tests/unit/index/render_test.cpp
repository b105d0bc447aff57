#include "agent/index/render.hpp"

#include <gtest/gtest.h>

#include "common/json.hpp"

namespace nodeproof::index {
namespace {

Finding finding(Severity severity, std::string message) {
  Finding made;
  made.code = "IndexDamaged";
  made.severity = severity;
  made.message = std::move(message);
  made.evidence = "evidence";
  made.remedy = "remedy";
  return made;
}

IndexReport whole() {
  IndexReport report;
  report.reference = "r.example/good:1";
  report.index_digest = "sha256:11";
  report.verdict = IndexVerdict::whole;
  report.platforms = {{"linux/amd64", "sha256:22", PlatformVerdict::whole, false, {}}};
  return report;
}

IndexReport damaged(const std::string& message = "a hole") {
  IndexReport report = whole();
  report.reference = "r.example/bad:1";
  report.verdict = IndexVerdict::damaged;
  report.platforms.push_back({"linux/arm64",
                              "sha256:33",
                              PlatformVerdict::stale_cache,
                              false,
                              {finding(Severity::fail, message)}});
  report.platforms.push_back({"unknown/unknown",
                              "sha256:44",
                              PlatformVerdict::missing,
                              true,
                              {finding(Severity::warn, "no provenance")}});
  return report;
}

IndexReport not_known() {
  IndexReport report;
  report.reference = "r.example/private:1";
  report.findings = {finding(Severity::unknown, "no access")};
  return report;
}

TEST(Worst, DamageBeforeWhatIsNotKnownBeforeWhole) {
  EXPECT_EQ(worst({}), IndexVerdict::unknown);
  EXPECT_EQ(worst(std::vector{whole()}), IndexVerdict::whole);
  EXPECT_EQ(worst(std::vector{whole(), not_known()}), IndexVerdict::unknown);
  EXPECT_EQ(worst(std::vector{not_known(), damaged(), whole()}), IndexVerdict::damaged);
}

TEST(Json, IsTheDocumentOfTheDesign) {
  const auto document = *json::parse(to_json(damaged()));
  EXPECT_EQ(document.find("apiVersion")->string(), "nodeproof.dev/v1");
  EXPECT_EQ(document.find("kind")->string(), "IndexReport");
  EXPECT_EQ(document.find("reference")->string(), "r.example/bad:1");
  EXPECT_EQ(document.find("indexDigest")->string(), "sha256:11");
  EXPECT_EQ(document.find("verdict")->string(), "damaged");
  const auto& platform = document.find("platforms")->items().at(1);
  EXPECT_EQ(platform.find("platform")->string(), "linux/arm64");
  EXPECT_EQ(platform.find("digest")->string(), "sha256:33");
  EXPECT_EQ(platform.find("verdict")->string(), "stale-cache");
  EXPECT_EQ(platform.find("attestation")->boolean(), false);
  EXPECT_EQ(platform.find("findings")->items().at(0).find("message")->string(), "a hole");
}

TEST(Json, OfSeveralIsAListWithTheWorstVerdict) {
  const std::vector reports{whole(), damaged()};
  const auto document = *json::parse(to_json(std::span<const IndexReport>(reports)));
  EXPECT_EQ(document.find("kind")->string(), "IndexReportList");
  EXPECT_EQ(document.find("verdict")->string(), "damaged");
  EXPECT_EQ(document.find("items")->items().size(), 2U);
}

TEST(JUnit, HasASuiteForEachImageAndACaseForEachPlatform) {
  EXPECT_EQ(to_junit(std::vector{whole()}, false),
            R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nodeproof inspect" tests="2" failures="0" errors="0">
  <testsuite name="r.example/good:1" tests="2" failures="0" errors="0">
    <testcase classname="r.example/good:1" name="index"/>
    <testcase classname="r.example/good:1" name="linux/amd64"/>
  </testsuite>
</testsuites>
)");
}

TEST(JUnit, DamageFailsWhatIsNotKnownIsAnErrorAndAWarningIsOutput) {
  const std::string text = to_junit(std::vector{damaged(), not_known()}, false);
  EXPECT_TRUE(text.contains(R"(tests="5" failures="1" errors="1")")) << text;
  EXPECT_TRUE(text.contains(
      R"(name="linux/arm64">
      <failure type="IndexDamaged" message="a hole">IndexDamaged: a hole)"))
      << text;
  EXPECT_TRUE(text.contains(R"(<error type="IndexDamaged" message="no access">)")) << text;
  EXPECT_TRUE(text.contains(R"(name="attestation sha256:44">
      <system-out>IndexDamaged: no provenance)"))
      << text;
}

TEST(JUnit, WarningsFailWhenTheyAreToldTo) {
  const std::string text = to_junit(std::vector{damaged()}, true);
  EXPECT_TRUE(text.contains(R"(failures="2")")) << text;
}

TEST(JUnit, HostileTextStaysText) {
  const std::string text =
      to_junit(std::vector{damaged("]]></failure><x a=\"1\">&\x1b[31m\x01\xff")}, false);
  EXPECT_TRUE(text.contains("]]&gt;&lt;/failure&gt;&lt;x a=&quot;1&quot;&gt;&amp;\xEF\xBF\xBD[31m"))
      << text;
  EXPECT_FALSE(text.contains('\x1b'));
  EXPECT_FALSE(text.contains('\x01'));
  EXPECT_FALSE(text.contains('\xff'));
}

TEST(Metrics, NameEachVerdictAndTheTime) {
  const std::string text =
      to_metrics(std::vector{whole(), damaged()},
                 std::chrono::system_clock::time_point(std::chrono::seconds(1700000000)));
  const std::string stale =
      "nodeproof_index_platform_verdict{image=\"r.example/bad:1\",platform=\"linux/arm64\","
      "digest=\"sha256:33\",verdict=\"stale-cache\"} 1\n";
  EXPECT_TRUE(text.contains(stale)) << text;
  for (const char* line :
       {"# TYPE nodeproof_index_verdict gauge\n",
        "nodeproof_index_verdict{image=\"r.example/good:1\",verdict=\"whole\"} 1\n",
        "nodeproof_index_verdict{image=\"r.example/good:1\",verdict=\"damaged\"} 0\n",
        "nodeproof_index_verdict{image=\"r.example/bad:1\",verdict=\"damaged\"} 1\n",
        "nodeproof_index_warnings{image=\"r.example/bad:1\"} 1\n",
        "nodeproof_index_inspected_timestamp_seconds 1700000000\n"}) {
    EXPECT_TRUE(text.contains(line)) << line << text;
  }
}

TEST(Partial, SaysSoAndNothingAboutTheWholeTag) {
  IndexReport good = whole(), bad = damaged();
  good.only = bad.only = {"linux/amd64"};
  const std::string text = to_metrics(std::vector{good, bad}, {});
  EXPECT_FALSE(text.contains("index_verdict{image=\"r.example/good:1\"")) << text;
  EXPECT_TRUE(text.contains("platform_verdict{image=\"r.example/good:1\"")) << text;
  EXPECT_TRUE(text.contains("{image=\"r.example/bad:1\",verdict=\"damaged\"} 1")) << text;
  EXPECT_EQ(json::parse(to_json(good))->find("only")->items().at(0).string(), "linux/amd64");
  EXPECT_EQ(json::parse(to_json(whole()))->find("only"), nullptr);
}

TEST(Metrics, NeverSayTheSameTwiceAndEscapeLabels) {
  IndexReport report = whole();
  report.platforms[0].platform = "a\\b\"c\nd";
  report.platforms.push_back(report.platforms[0]);
  const std::string text = to_metrics(std::vector{report, report}, {});
  const std::string line = R"(platform="a\\b\"c\nd",digest="sha256:22",verdict="whole"} 1)";
  const auto first = text.find(line);
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find(line, first + 1), std::string::npos);
}

IndexReport for_hosts() {
  IndexReport report = whole();
  report.hosts = {{"pi-4", "linux/arm64/v8", "1.7.24", "", Verdict::not_ready, "", {}},
                  {"cloud", "linux/amd64", "", "sha256:22", Verdict::ready, "its own", {}}};
  report.hosts[0].findings = {finding(Severity::fail, "nothing fits")};
  return report;
}

TEST(Hosts, StandUnderThePlatformThatTheyTake) {
  const IndexReport report = for_hosts();
  ASSERT_EQ(hosts_of(report, report.platforms.data()).size(), 1U);
  EXPECT_EQ(hosts_of(report, report.platforms.data())[0]->host, "cloud");
  ASSERT_EQ(hosts_of(report, nullptr).size(), 1U);
  EXPECT_EQ(hosts_of(report, nullptr)[0]->host, "pi-4");
  const auto root = json::parse(to_json(report));
  ASSERT_TRUE(root);
  const json::Value* hosts = root->find("hosts");
  ASSERT_NE(hosts, nullptr);
  EXPECT_EQ(hosts->items().at(0).find("verdict")->string().value_or(""), "not-ready");
  EXPECT_NE(root->find("platforms")->items().at(0).find("hosts"), nullptr);
  EXPECT_EQ(json::parse(to_json(whole()))->find("hosts"), nullptr);
}

TEST(Hosts, DecideTheExitCodeBesideTheTag) {
  IndexReport report = for_hosts();
  EXPECT_EQ(exit_code(std::vector{whole()}, false), 0);
  EXPECT_EQ(exit_code(std::vector{whole(), report}, false), 1);
  report.hosts[0].verdict = Verdict::unknown;
  EXPECT_EQ(exit_code(std::vector{report}, false), 2);
  report.hosts[0].verdict = Verdict::ready;
  EXPECT_EQ(exit_code(std::vector{report}, true), 0);
  report.hosts[0].findings = {finding(Severity::warn, "would be emulated")};
  EXPECT_EQ(exit_code(std::vector{report}, false), 0);
  EXPECT_EQ(exit_code(std::vector{report}, true), 1);
}

TEST(Hosts, AreTestCasesAndMetrics) {
  const std::vector reports{for_hosts()};
  const std::string junit = to_junit(reports, false);
  EXPECT_TRUE(junit.contains(R"(tests="4" failures="1")")) << junit;
  EXPECT_TRUE(junit.contains(R"(name="linux/arm64/v8 on pi-4")")) << junit;
  const std::string metrics = to_metrics(reports, {});
  EXPECT_TRUE(metrics.contains(R"(host="pi-4",verdict="not-ready"} 1)")) << metrics;
  EXPECT_FALSE(to_metrics(std::vector{whole()}, {}).contains("host_verdict"));
}

}  // namespace
}  // namespace nodeproof::index
