#include "agent/report/otlp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/json.hpp"
#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const AgentCounters kCounters = {.since = std::chrono::sys_seconds(1795250000s),
                                 .sinks = {{.sink = "webhook", .dropped = 7, .spool_bytes = 12}}};

std::string document(const NodeReport& report = sample(),
                     const AgentCounters& counters = kCounters) {
  return to_otlp(report, counters, {.now = report.time + 5min});
}

// The metric's text as it stands in the document.
std::string metric(const std::string& text, const std::string& name) {
  const auto root = json::parse(text);
  if (!root) return "no JSON";
  const auto* scope = root->find("resourceMetrics")->items()[0].find("scopeMetrics");
  for (const json::Value& one : scope->items()[0].find("metrics")->items()) {
    if (one.string_or("name", "").value_or("") == name) return std::string(one.source_in(text));
  }
  return "none";
}

TEST(Otlp, TheNodeIsTheResourceInTheWordsOfTheSemanticConventions) {
  NodeReport report = sample();
  report.host.name = "pi-17.lan";
  report.host.platform.architecture = "arm";
  const std::string without = document(report);
  EXPECT_THAT(without, HasSubstr(R"({"key":"service.name","value":{"stringValue":"nodeproof"}},)"
                                 R"({"key":"service.instance.id","value":{"stringValue":"pi-17"}},)"
                                 R"({"key":"service.version","value":{"stringValue":"0.1.0"}},)"
                                 R"({"key":"host.name","value":{"stringValue":"pi-17.lan"}},)"
                                 R"({"key":"host.arch","value":{"stringValue":"arm32"}},)"
                                 R"({"key":"os.type","value":{"stringValue":"linux"}}]})"));
  report.host.kubelet = KubeletFacts();
  EXPECT_THAT(document(report),
              HasSubstr(R"({"key":"k8s.node.name","value":{"stringValue":"pi-17"}})"));
}

TEST(Otlp, AGaugeHasItsLabelsAsAttributesAndWholeNumbersAsStrings) {
  EXPECT_EQ(metric(document(), "nodeproof.ready"),
            R"({"name":"nodeproof.ready","description":"1 if all that is required is proven, else )"
            R"(0; an override changes nothing.","gauge":{"dataPoints":[{"timeUnixNano":)"
            R"("1795255505000000000","asInt":"0"}]}})");
  EXPECT_THAT(metric(document(), "nodeproof.images"),
              HasSubstr(R"({"attributes":[{"key":"state","value":{"stringValue":"ready"}},{"key":)"
                        R"("required","value":{"stringValue":"true"}}],"timeUnixNano":)"
                        R"("1795255505000000000","asInt":"1"})"));
}

TEST(Otlp, ACounterIsAMonotonicCumulativeSumWithItsBeginning) {
  EXPECT_THAT(metric(document(), "nodeproof.sink_dropped"),
              HasSubstr(R"("sum":{"dataPoints":[{"attributes":[{"key":"sink","value":)"
                        R"({"stringValue":"webhook"}}],"startTimeUnixNano":"1795250000000000000",)"
                        R"("timeUnixNano":"1795255505000000000","asInt":"7"}],)"
                        R"("aggregationTemporality":2,"isMonotonic":true})"));
  EXPECT_EQ(document(sample(), {.sinks = kCounters.sinks}).find("startTimeUnixNano"),
            std::string::npos);
}

TEST(Otlp, UnitsAreThoseOfUcumAndNotInTheNames) {
  EXPECT_THAT(metric(document(), "nodeproof.report_timestamp"), HasSubstr(R"("unit":"s")"));
  EXPECT_THAT(metric(document(), "nodeproof.sink_spool"), HasSubstr(R"("unit":"By")"));
  EXPECT_THAT(metric(document(), "nodeproof.smoke_duration"), HasSubstr(R"("asDouble":0.25)"));
  EXPECT_THAT(metric(document(), "nodeproof.image_pull_downloaded"), HasSubstr(R"("unit":"By")"));
}

TEST(Otlp, AnEmptyLabelIsNoAttribute) {
  EXPECT_THAT(metric(document(), "nodeproof.problem"),
              HasSubstr(R"({"attributes":[{"key":"code","value":{"stringValue":)"
                        R"("MemoryCgroupMissing"}},{"key":"severity",)"));
}

TEST(Otlp, ThePlaceWhereANodeIsNamedIsTheResourceAlone) {
  const NodeReport report = sample();
  const std::string text =
      to_otlp(report, {}, {.now = report.time, .identity = {{"instance", "pi-17"}}});
  EXPECT_EQ(text.find(R"("instance")"), std::string::npos);
}

TEST(Otlp, SeveralReportsAreSeveralResources) {
  const std::vector reports = {sample(), sample()};
  const std::string text = to_otlp(reports, {.now = reports[0].time});
  const auto root = json::parse(text);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("resourceMetrics")->items().size(), 2U);
}

TEST(Otlp, AStaleReportIsUnknownHereToo) {
  const NodeReport report = sample();
  const std::string text = to_otlp(report, {}, {.now = report.time + 3h});
  EXPECT_EQ(metric(text, "nodeproof.problem"), "none");
}

// ---- answers

OtlpAnswer of(int status, std::string_view body = "",
              std::vector<std::pair<std::string, std::string>> headers = {}) {
  return judge({.status = status, .headers = std::move(headers)}, body,
               std::chrono::sys_seconds(1795255505s));
}

TEST(OtlpAnswers, TwoHundredIsDeliveredWhateverTheBodyIs) {
  for (const char* body : {"", "{}", R"({"partialSuccess":{}})",
                           R"({"partialSuccess":{"rejectedDataPoints":"0"}})", "OK"}) {
    const OtlpAnswer answer = of(200, body);
    EXPECT_EQ(answer.outcome, OtlpOutcome::delivered) << body;
    EXPECT_FALSE(answer.problem) << body;
  }
  EXPECT_EQ(of(202).outcome, OtlpOutcome::delivered);
}

TEST(OtlpAnswers, WhatWasNotTakenIsToldAndNotSentAgain) {
  const OtlpAnswer answer = of(
      200, R"({"partialSuccess":{"rejectedDataPoints":"12","errorMessage":"too old\u001b[31m"}})");
  EXPECT_EQ(answer.outcome, OtlpOutcome::delivered);
  EXPECT_EQ(answer.rejected, 12);
  ASSERT_TRUE(answer.problem);
  EXPECT_THAT(answer.problem->message, HasSubstr("but 12 samples: too old"));
  EXPECT_EQ(answer.problem->message.find('\x1b'), std::string::npos);
  EXPECT_EQ(of(200, R"({"partialSuccess":{"rejectedDataPoints":3}})").rejected, 3);
  EXPECT_TRUE(of(200, R"({"partialSuccess":{"errorMessage":"deprecated"}})").problem);
}

TEST(OtlpAnswers, FourFailuresMayBeTriedAgainWhenTheReceiverSays) {
  for (const int status : {429, 502, 503, 504}) {
    EXPECT_EQ(of(status).outcome, OtlpOutcome::retry) << status;
    EXPECT_EQ(of(status).retry_after, std::nullopt) << status;
    EXPECT_EQ(of(status, "", {{"retry-after", "90"}}).retry_after, 90s) << status;
  }
}

TEST(OtlpAnswers, EveryOtherFailureIsTheSameAgain) {
  for (const int status : {100, 301, 307, 400, 401, 403, 404, 408, 413, 415, 500, 501, 505}) {
    const OtlpAnswer answer = of(status, "", {{"retry-after", "90"}});
    EXPECT_EQ(answer.outcome, OtlpOutcome::refused) << status;
    EXPECT_EQ(answer.retry_after, std::nullopt) << status;
    ASSERT_TRUE(answer.problem) << status;
    EXPECT_THAT(answer.problem->message, HasSubstr(std::to_string(status)));
  }
}

TEST(OtlpAnswers, TheReceiversWordsAndWhatToDoAreTold) {
  const OtlpAnswer answer = of(400, R"({"code":3,"message":"unknown field"})");
  EXPECT_EQ(answer.problem->message, "the OTLP receiver answers 400: unknown field");
  EXPECT_EQ(of(502, "<html>bad gateway").problem->message,
            "the OTLP receiver answers 502: <html>bad gateway");
  EXPECT_THAT(of(404).problem->remedy, HasSubstr("/v1/metrics"));
  EXPECT_THAT(of(415).problem->remedy, HasSubstr("JSON"));
  EXPECT_THAT(of(302).problem->remedy, HasSubstr("redirect"));
  EXPECT_EQ(of(401).problem->code, Errc::unauthorized);
}

}  // namespace
}  // namespace nodeproof::report
