#include "agent/report/json.hpp"

#include <gtest/gtest.h>

#include "agent/report/cycle_stream.hpp"
#include "agent/report/time.hpp"
#include "common/json.hpp"
#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

TEST(ReportJson, ComesBackAsItWas) {
  const NodeReport report = sample();
  const auto back = from_json(to_json(report));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(to_json(*back), to_json(report));
  EXPECT_TRUE(*back == report);
}

std::vector<std::string> keys(const json::Value& value) {
  std::vector<std::string> names;
  for (const auto& [name, member] : value.members()) names.push_back(name);
  return names;
}

TEST(ReportJson, CarriesARateLimitWhereThereIsOne) {
  NodeReport report = sample();
  report.images[0].rate_limit = RateLimit{100, 12, std::chrono::hours(6)};
  report.images[1].rate_limit = RateLimit{{}, 0, {}};
  const std::string text = to_json(report, false);
  EXPECT_NE(text.find(R"("rateLimit":{"limit":100,"remaining":12,"windowSeconds":21600})"),
            std::string::npos);
  const auto back = from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->images, report.images);
}

TEST(ReportJson, HasTheDocumentsFields) {
  const auto document = json::parse(to_json(sample())).value();
  EXPECT_EQ(keys(document),
            (std::vector<std::string>{"apiVersion", "kind", "node", "time", "sequence", "verdict",
                                      "effectiveVerdict", "reason", "message", "since", "freshness",
                                      "agentVersion", "bootId", "configDigest", "labels", "host",
                                      "findings", "images"}));
  const json::Value& image = document.find("images")->items()[1];
  EXPECT_EQ(keys(image),
            (std::vector<std::string>{"reference", "verdict", "required", "freshness", "platform",
                                      "indexDigest", "manifestDigest", "choice", "pull", "findings",
                                      "smoke", "notProven"}));
  EXPECT_EQ(keys(image.find("findings")->items()[0]),
            (std::vector<std::string>{"code", "severity", "subject", "layer", "message", "evidence",
                                      "remedy"}));
  EXPECT_EQ(keys(image.find("smoke")->items()[0]),
            (std::vector<std::string>{"name", "result", "exit", "signal", "seconds", "stdoutSha256",
                                      "normalisedSha256", "reason", "maxRss", "pageFaults"}));
  EXPECT_EQ(
      keys(*image.find("pull")),
      (std::vector<std::string>{"bytes", "downloadedBytes", "seconds", "layers", "reusedLayers"}));
  EXPECT_EQ(document.find("verdict")->string().value(), "not-ready");
  EXPECT_EQ(document.find("time")->string().value(), "2026-11-21T10:00:05Z");
  EXPECT_EQ(document.find("host")->find("pageSize")->unsigned_integer().value(), 16384U);
}

TEST(ReportJson, TellsWhoUnpackedAndWhyItWasContainerd) {
  NodeReport report = sample();
  report.images[1].pull.unpacked = {3, 1, {"layer sha256:ab: an opaque directory"}};
  const std::string text = to_json(report, false);
  EXPECT_NE(text.find(R"("unpack":{"by":"both","layersByNodeproof":3,"layersByContainerd":1,)"
                      R"("reasons":["layer sha256:ab: an opaque directory"]})"),
            std::string::npos);
  const auto back = from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->images, report.images);
}

TEST(ReportJson, PassesOverWhatANewerProgramAdded) {
  const auto report = from_json(
      R"({"apiVersion": "nodeproof.dev/v1", "kind": "NodeReport", "node": "n", "colour": "blue"})");
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->node, "n");
  EXPECT_EQ(report->verdict, Verdict::unknown);
}

TEST(ReportJson, RefusesOtherDocumentsAndWrongTypes) {
  const std::string head = R"({"apiVersion": "nodeproof.dev/v1", "kind": "NodeReport", )";
  EXPECT_FALSE(from_json("").has_value());
  EXPECT_FALSE(from_json("[]").has_value());
  EXPECT_FALSE(
      from_json(R"({"apiVersion": "nodeproof.dev/v2", "kind": "NodeReport"})").has_value());
  EXPECT_FALSE(from_json(head + R"("verdict": "perhaps"})").has_value());
  EXPECT_FALSE(from_json(head + R"("time": "yesterday"})").has_value());
  EXPECT_FALSE(from_json(head + R"("images": [{"smoke": [{"exit": 99999999999}]}]})").has_value());
}

TEST(ParseTime, TakesOnlyOurOwnForm) {
  EXPECT_TRUE(parse_rfc3339("2026-02-28T23:59:59Z").has_value());
  for (const char* text :
       {"", "2026-02-30T00:00:00Z", "2026-02-28T24:00:00Z", "2026-02-28 00:00:00Z",
        "2026-02-28T00:00:00+01:00", "2026-02-28T00:00:00.5Z"}) {
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
  }
}

TEST(CycleStream, CarriesProgressReportAndError) {
  const auto progress = parse_stream_line(stream_line(Progress{"a:1", Phase::unpack, 2, 5}));
  ASSERT_TRUE(progress.has_value());
  EXPECT_EQ(std::get<Progress>(*progress).phase, Phase::unpack);
  EXPECT_EQ(std::get<Progress>(*progress).total, 5U);

  std::string line = stream_line(sample());
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  line.pop_back();
  const auto report = parse_stream_line(line);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_TRUE(std::get<NodeReport>(*report) == sample());

  const Error error{Errc::runtime_unavailable, "no containerd", "start it"};
  const auto told = parse_stream_line(stream_line(error));
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(std::get<Error>(*told), error);
}

TEST(CycleStream, RefusesGarbage) {
  for (const char* line :
       {"", "hello", "{}", "{\"report\":}", "{\"report\":{}}", "{\"progress\":{\"done\":-1}}"}) {
    EXPECT_FALSE(parse_stream_line(line).has_value()) << line;
  }
}

TEST(ReportJson, ATimeThatCannotBeCountedIsRefused) {
  for (const char* year : {"0001", "1969", "2262", "9999"}) {
    std::string text = to_json(sample(), false);
    const std::size_t at = text.find("\"time\":\"") + 8;
    text.replace(at, 4, year);
    const auto read = from_json(text);
    ASSERT_FALSE(read) << year;
    EXPECT_EQ(read.error().code, Errc::invalid_document);
  }
}

}  // namespace
}  // namespace nodeproof::report
