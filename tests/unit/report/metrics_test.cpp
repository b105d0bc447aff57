#include "agent/report/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

std::string text_of(const NodeReport& report, const AgentCounters& counters = {}) {
  return to_prometheus(report, counters, {.now = report.time + 5min});
}

// The lines of one metric.
std::string lines(const std::string& text, const std::string& name) {
  std::istringstream all(text);
  std::string found;
  for (std::string line; std::getline(all, line);) {
    if (line.starts_with(name + "{") || line.starts_with(name + " ")) found += line + "\n";
  }
  return found;
}

TEST(NodeMetrics, TheVerdictIsOneOfThreeWords) {
  const std::string text = text_of(sample());
  EXPECT_EQ(lines(text, "nodeproof_ready"), "nodeproof_ready 0\n");
  EXPECT_EQ(lines(text, "nodeproof_verdict"),
            "nodeproof_verdict{verdict=\"ready\"} 0\n"
            "nodeproof_verdict{verdict=\"not-ready\"} 1\n"
            "nodeproof_verdict{verdict=\"unknown\"} 0\n");
  EXPECT_THAT(text, HasSubstr("\nnodeproof_verdict_since_timestamp_seconds 1795215600\n"));
  EXPECT_THAT(text, HasSubstr("\nnodeproof_report_timestamp_seconds 1795255205\n"));
  EXPECT_THAT(text, HasSubstr("\nnodeproof_report_stale_after_seconds 7200\n"));
  EXPECT_THAT(text, HasSubstr("\nnodeproof_report_sequence 42\n"));
  EXPECT_THAT(text, Not(HasSubstr("nodeproof_override")));
}

TEST(NodeMetrics, OfANodeThatIsUnknownNothingSaysReady) {
  NodeReport report;
  report.node = "new";
  conclude(report);
  const std::string text = text_of(report);
  EXPECT_EQ(lines(text, "nodeproof_ready"), "nodeproof_ready 0\n");
  EXPECT_THAT(text, HasSubstr("nodeproof_verdict{verdict=\"unknown\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("nodeproof_problem{image=\"\",code=\"NothingRequired\","
                              "severity=\"unknown\"} 1\n"));
}

TEST(NodeMetrics, SayWhatTheNodeIs) {
  EXPECT_THAT(text_of(sample()),
              HasSubstr("nodeproof_node_info{node=\"pi-17\",architecture=\"arm64\",variant=\"v8\","
                        "board=\"Raspberry Pi 5 Model B Rev 1.0\",page_size=\"16384\",kernel=\"\","
                        "userland_bits=\"\",isa_level=\"\",l4t=\"\",containerd=\"1.7.24\"} 1\n"));
}

TEST(NodeMetrics, LabelsOfTheConfigurationGetNamesThatACollectorTakes) {
  NodeReport report = sample();
  report.labels = {{"site", "berlin"}, {"a b", "1"}, {"a-b", "2"}};
  EXPECT_THAT(text_of(report),
              HasSubstr("nodeproof_node_labels{label_site=\"berlin\",label_a_b=\"1\"} 1\n"));
  report.labels.clear();
  EXPECT_THAT(text_of(report), Not(HasSubstr("node_labels")));
}

TEST(NodeMetrics, AProblemIsCountedOnceForItsImageCodeAndSeverity) {
  NodeReport report = sample();
  report.images[1].findings.push_back(report.images[1].findings[0]);
  report.images[1].findings.push_back(finding(code::kTagMoved, Severity::info));
  EXPECT_EQ(lines(text_of(report), "nodeproof_problem"),
            "nodeproof_problem{image=\"\",code=\"MemoryCgroupMissing\",severity=\"warn\"} 1\n"
            "nodeproof_problem{image=\"registry.example.com/demo/far:3\","
            "code=\"RegistryUnreachable\",severity=\"unknown\"} 1\n"
            "nodeproof_problem{image=\"registry.example.com/demo/wrong:v2\",code=\"ArchMismatch\","
            "severity=\"fail\"} 2\n");
}

TEST(NodeMetrics, WhatIsNotReadyAlwaysHasAProblem) {
  NodeReport report = sample();
  report.images = {wrong_image("a:1"), unknown_image("b:1"), ready_image("c:1")};
  report.images[0].findings.clear();  // its test failed
  report.images[1].findings.clear();
  report.images[2].verdict = Verdict::unknown;  // a test is required, and none was run
  const std::string text = text_of(report);
  EXPECT_THAT(text, HasSubstr("{image=\"a:1\",code=\"SmokeFailed\",severity=\"fail\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("{image=\"b:1\",code=\"InspectionIncomplete\",severity=\"unknown\"}"));
  EXPECT_THAT(text, HasSubstr("{image=\"c:1\",code=\"NotExecuted\",severity=\"unknown\"} 1\n"));
  report.images.clear();
  report.findings.clear();
  report.verdict = Verdict::not_ready;
  report.reason = "Whatever";
  EXPECT_THAT(text_of(report),
              HasSubstr("nodeproof_problem{image=\"\",code=\"Whatever\",severity=\"fail\"} 1\n"));
}

TEST(NodeMetrics, ImagesAreCountedByStateAndWhetherTheyAreRequired) {
  NodeReport report = sample();
  report.images[1].required = false;
  const std::string text = text_of(report);
  EXPECT_THAT(text, HasSubstr("nodeproof_images{state=\"ready\",required=\"true\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("nodeproof_images{state=\"not-ready\",required=\"true\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("nodeproof_images{state=\"not-ready\",required=\"false\"} 1\n"));
}

TEST(NodeMetrics, AnImageHasItsReadinessFreshnessPullAndTests) {
  const std::string text = text_of(sample());
  const std::string far = "{image=\"registry.example.com/demo/far:3\"";
  const std::string good = "{image=\"registry.example.com/demo/good:1\"";
  for (const std::string& line :
       {"nodeproof_image_ready" + good + "} 1\n", "nodeproof_image_ready" + far + "} 0\n",
        "nodeproof_image_freshness" + far + ",freshness=\"unreachable\"} 1\n",
        "nodeproof_image_freshness" + far + ",freshness=\"current\"} 0\n",
        "nodeproof_image_info" + good +
            ",required=\"true\",platform=\"linux/arm64\",index_digest=\"sha256:aaaa",
        "nodeproof_image_pull_bytes" + good + "} 43000000\n",
        "nodeproof_image_pull_downloaded_bytes" + good + "} 41200000\n",
        "nodeproof_image_pull_duration_seconds" + good + "} 3.14\n",
        "nodeproof_image_layers" + good + "} 5\n", "nodeproof_image_reused_layers" + good + "} 1\n",
        "nodeproof_smoke_result" + good + ",test=\"starts\",result=\"passed\"} 1\n",
        "nodeproof_smoke_result" + good + ",test=\"starts\",result=\"failed\"} 0\n",
        "nodeproof_smoke_duration_seconds" + good + ",test=\"starts\"} 0.25\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("nodeproof_image_pull_bytes" + far)));
}

TEST(NodeMetrics, DigestsAreInTheInfoMetricAloneAndMessagesNowhere) {
  const std::string text = text_of(sample());
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) {
    EXPECT_TRUE(!line.contains("sha256:") || line.starts_with("nodeproof_image_info{")) << line;
  }
  EXPECT_THAT(text, Not(HasSubstr("built for x86-64")));
  EXPECT_THAT(text, Not(HasSubstr("connection refused")));
}

TEST(NodeMetrics, AStaleReportSaysNothingButItsAge) {
  NodeReport report = sample();
  report.images = {ready_image("a:1")};
  report.findings = {finding(code::kUnderVoltage, Severity::warn)};
  conclude(report);
  ASSERT_EQ(report.verdict, Verdict::ready);
  const auto at = [&](std::chrono::seconds age) {
    return to_prometheus(report, {}, {.now = report.time + age, .stale_after = 1h});
  };
  EXPECT_THAT(at(1h), HasSubstr("\nnodeproof_ready 1\n"));
  for (const std::chrono::seconds age : {std::chrono::seconds(3601), std::chrono::seconds(-601)}) {
    const std::string text = at(age);
    EXPECT_THAT(text, HasSubstr("\nnodeproof_ready 0\n"));
    EXPECT_THAT(text, HasSubstr("nodeproof_verdict{verdict=\"unknown\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("nodeproof_verdict{verdict=\"ready\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("nodeproof_image_ready{image=\"a:1\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("nodeproof_images{state=\"unknown\",required=\"true\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("\nnodeproof_report_timestamp_seconds 1795255205\n"));
    EXPECT_THAT(text, Not(HasSubstr("nodeproof_problem{")));
  }
  EXPECT_THAT(at(2h), HasSubstr("nodeproof_verdict_since_timestamp_seconds 1795258805\n"));
}

TEST(NodeMetrics, AnOverrideChangesNothingThatIsProven) {
  NodeReport report = sample();
  report.overridden.emplace().until = std::chrono::sys_seconds(1795300000s);
  const std::string text = text_of(report);
  EXPECT_THAT(text, HasSubstr("\nnodeproof_override_until_timestamp_seconds 1795300000\n"));
  EXPECT_THAT(text, HasSubstr("\nnodeproof_ready 0\n"));
}

TEST(NodeMetrics, OfARegistrysRateLimitTheLeastThatItSaidCounts) {
  NodeReport report = sample();
  report.images[0].rate_limit = RateLimit{.limit = 100, .remaining = 40, .window = 6h};
  report.images[1].rate_limit = RateLimit{.limit = 100, .remaining = 38, .window = 6h};
  const std::string text = text_of(report);
  EXPECT_THAT(text,
              HasSubstr("nodeproof_registry_rate_limit{registry=\"registry.example.com\"} 100"));
  EXPECT_THAT(text, HasSubstr("nodeproof_registry_rate_limit_remaining{registry=\"registry.example."
                              "com\"} 38\n"));
}

TEST(NodeMetrics, AnImageThatIsNamedTwiceSpeaksOnceAndForTheWorse) {
  NodeReport report = sample();
  report.images = {ready_image("a:1"), unknown_image("a:1")};
  EXPECT_EQ(lines(text_of(report), "nodeproof_image_ready"),
            "nodeproof_image_ready{image=\"a:1\"} 0\n");
}

TEST(NodeMetrics, HostileNamesAreInert) {
  NodeReport report = sample();
  report.images[0].reference = "a\"} 1\nnodeproof_ready 1\n#\x1b[2J\xE2\x80\xAE\\";
  report.images[0].smoke[0].name = "t\",x=\"\n";
  const std::string text = text_of(report);
  EXPECT_EQ(lines(text, "nodeproof_ready"), "nodeproof_ready 0\n");
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\xE2\x80\xAE")));
  EXPECT_THAT(text, HasSubstr("test=\"t\\\",x=\\\" \""));
}

TEST(NodeMetrics, OfSeveralNodesEachSampleNamesItsOwn) {
  NodeReport other = sample();
  other.node = "pi-18";
  metrics::Collection all;
  for (const NodeReport& report : {sample(), other}) {
    add_metrics(all, report, {.now = report.time, .identity = {{"instance", report.node}}});
  }
  const std::string text = metrics::to_text(all);
  EXPECT_EQ(lines(text, "nodeproof_ready"),
            "nodeproof_ready{instance=\"pi-17\"} 0\nnodeproof_ready{instance=\"pi-18\"} 0\n");
  EXPECT_EQ(text.find("# TYPE nodeproof_ready"), text.rfind("# TYPE nodeproof_ready"));
}

TEST(NodeMetrics, SinksAreCounted) {
  AgentCounters counters;
  counters.sinks = {{.sink = "webhook",
                     .last_success = std::chrono::sys_seconds(1795255000s),
                     .failures = 3,
                     .delivered = 40,
                     .dropped = 2,
                     .spool_bytes = 4096,
                     .spool_events = 5},
                    {.sink = "otlp"}};
  const std::string text = text_of(sample(), counters);
  for (const char* line :
       {"nodeproof_sink_last_success_timestamp_seconds{sink=\"webhook\"} 1795255000\n",
        "# TYPE nodeproof_sink_failures_total counter\n",
        "nodeproof_sink_failures_total{sink=\"webhook\"} 3\n",
        "nodeproof_sink_delivered_total{sink=\"webhook\"} 40\n",
        "nodeproof_sink_dropped_total{sink=\"webhook\"} 2\n",
        "nodeproof_sink_spool_bytes{sink=\"webhook\"} 4096\n",
        "nodeproof_sink_spool_events{sink=\"webhook\"} 5\n",
        "nodeproof_sink_failures_total{sink=\"otlp\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("last_success_timestamp_seconds{sink=\"otlp\"}")));
}

TEST(Metrics, CountWhatTheImageVerifierAnsweredWhereItIsAsked) {
  AgentCounters counters;
  const Viewing viewing{.now = std::chrono::system_clock::time_point(std::chrono::hours(1))};
  EXPECT_EQ(to_prometheus({}, counters, viewing).find("nodeproof_image_verifier"),
            std::string::npos);
  counters.verifier = VerifierCounters{.allowed = 5, .denied = 2};
  const std::string text = to_prometheus({}, counters, viewing);
  EXPECT_NE(text.find("nodeproof_image_verifier_total{answer=\"denied\"} 2\n"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace nodeproof::report
