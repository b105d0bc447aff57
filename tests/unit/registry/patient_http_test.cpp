#include "agent/registry/patient_http.hpp"

#include "tests/unit/registry/fixture.hpp"

namespace nodeproof::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kUrl = "https://r.example/x";
constexpr const char* kOther = "https://other.example/x";

class Patience : public testing::Test {
 protected:
  struct Got {
    Result<HttpResponse> answer = fail(Errc::internal, "not asked");
    int heads = 0;
    std::string body;
  };

  Got ask(const std::string& url = kUrl, const std::string& method = "GET") {
    Got got;
    HttpRequest request;
    request.url = url;
    request.method = method;
    got.answer = client.send(
        request,
        [&](const HttpResponse&) -> Result<> {
          ++got.heads;
          return {};
        },
        [&](Bytes bytes) -> Result<> {
          got.body += as_text(bytes);
          return {};
        },
        {});
    return got;
  }
  static fakes::ScriptedAnswer refused(const std::string& after, int status = 429) {
    fakes::ScriptedAnswer answer{.status = status, .headers = {}, .body = "no", .broken = {}};
    if (!after.empty()) answer.headers = {{"retry-after", after}};
    return answer;
  }
  static fakes::ScriptedAnswer yes() { return {.headers = {}, .body = "yes", .broken = {}}; }

  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  std::vector<milliseconds> pauses;
  PatientHttp client{
      http,
      clock,
      {.attempts = 3, .first_pause = {}, .longest_pause = {}, .give_up_after = seconds(60)},
      [this](milliseconds time, const std::stop_token&) -> Result<> {
        pauses.push_back(time);
        clock.advance(std::chrono::ceil<seconds>(time));
        return {};
      }};
};

TEST_F(Patience, WaitsAsLongAsTheHostSaysAndHandsOnOnlyTheLastAnswer) {
  for (const int status : {429, 503}) {
    http.answer(kUrl, {refused("20", status), yes()});
    pauses.clear();
    const Got got = ask();
    ASSERT_TRUE(got.answer) << got.answer.error().message;
    EXPECT_EQ(got.answer->status, 200);
    EXPECT_EQ(got.heads, 1);
    EXPECT_EQ(got.body, "yes");
    EXPECT_EQ(pauses, std::vector{milliseconds(20000)});
  }
}

TEST_F(Patience, ADateCountsFromTheServersOwnClock) {
  auto answer = refused("Sat, 21 Nov 2026 00:00:30 GMT");
  http.answer(kUrl, {answer, yes()});
  EXPECT_TRUE(ask().answer);
  EXPECT_EQ(pauses, std::vector{milliseconds(30000)});
  pauses.clear();
  answer = refused("Fri, 01 Jan 2100 00:00:10 GMT");
  answer.headers.emplace_back("date", "Fri, 01 Jan 2100 00:00:00 GMT");
  http.answer(kUrl, {answer, yes()});
  EXPECT_TRUE(ask().answer);
  EXPECT_EQ(pauses, std::vector{milliseconds(10000)});
}

TEST_F(Patience, EverybodyWaitsButOnlyForThatHost) {
  http.answer(kUrl, {refused("300"), yes()});
  http.answer(kOther, {yes()});
  EXPECT_EQ(ask().answer->status, 429) << "longer than the budget: handed on at once";
  EXPECT_TRUE(pauses.empty());
  const Got second = ask("https://r.example/x");
  ASSERT_FALSE(second.answer);
  EXPECT_EQ(second.answer.error().code, Errc::throttled);
  EXPECT_NE(second.answer.error().message.find("2026-11-21T00:05:00Z"), std::string::npos)
      << second.answer.error().message;
  EXPECT_EQ(http.requests().size(), 1U) << "nothing was sent";
  EXPECT_EQ(ask(kOther).answer->status, 200);
  clock.advance(seconds(250));
  EXPECT_EQ(ask().answer->status, 200);
  EXPECT_EQ(pauses, std::vector{milliseconds(50000)});
}

TEST_F(Patience, EndsWithTheBudget) {
  http.answer(kUrl, {refused("25")});
  const Got got = ask();
  EXPECT_EQ(got.answer->status, 429);
  EXPECT_EQ(got.heads, 1);
  EXPECT_EQ(http.requests().size(), 3U) << "0, 25 and 50 s; 75 s is too late";
}

TEST_F(Patience, A429WithoutATimeIsAskedAgainAFewTimes) {
  http.answer(kUrl, {refused("")});
  EXPECT_EQ(ask().answer->status, 429);
  EXPECT_EQ(http.requests().size(), 3U);
}

TEST_F(Patience, A503WithoutATimeAndA500AreForOthersToRetry) {
  for (const int status : {503, 500}) {
    http.answer(kUrl, {refused(status == 500 ? "9" : "", status)});
    const auto before = http.requests().size();
    EXPECT_EQ(ask().answer->status, status);
    EXPECT_EQ(http.requests().size(), before + 1);
  }
}

TEST_F(Patience, WhatChangesARegistryIsNotSentTwice) {
  http.answer(kUrl, {refused("10"), yes()});
  EXPECT_EQ(ask(kUrl, "PUT").answer->status, 429);
  EXPECT_EQ(ask(kUrl, "PUT").answer->status, 200) << "but the next one waits, too";
  EXPECT_EQ(pauses, std::vector{milliseconds(10000)});
}

TEST_F(Patience, AbsurdTimesAreBounded) {
  for (const char* text :
       {"99999999999999999999999", "18446744073709551615", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    http.answer(kOther, {refused(text)});
    EXPECT_EQ(ask(kOther).answer->status, 429);
    clock.advance(std::chrono::hours(24));
    http.answer(kOther, {yes()});
    EXPECT_EQ(ask(kOther).answer->status, 200) << text;
  }
}

TEST_F(Patience, KeepsWhatEachHostSaysAboutItsLimits) {
  auto answer = yes();
  answer.headers = {{"ratelimit-limit", "100;w=21600"}, {"ratelimit-remaining", "76;w=21600"}};
  http.answer(kUrl, {answer});
  auto relative = yes();
  relative.headers = {{"x-ratelimit-limit", "5000"}, {"x-ratelimit-remaining", "4999"}};
  http.answer(kOther, {relative});
  ask();
  ask(kOther);
  EXPECT_EQ(client.rate_limits(),
            (std::map<std::string, RateLimit>{
                {"other.example:443", {.limit = 5000, .remaining = 4999, .window = {}}},
                {"r.example:443", {.limit = 100, .remaining = 76, .window = seconds(21600)}}}));
}

TEST(RateLimit, WhatIsNoNumberIsNoLimit) {
  const HttpResponse head{.status = 200,
                          .headers = {{"ratelimit-limit", "many"}, {"ratelimit-remaining", "-1"}},
                          .address = {}};
  EXPECT_FALSE(rate_limit_of(head));
}

TEST_F(HttpRegistryTest, AThrottledPullSaysWhatTheLimitIs) {
  auto answer = status(429);
  answer.headers = {{"retry-after", "3600"},
                    {"ratelimit-limit", "100;w=21600"},
                    {"ratelimit-remaining", "0;w=21600"}};
  http.answer(kTagUrl, {answer});
  auto registry = make();
  const auto found = registry.manifest(app, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::throttled);
  EXPECT_NE(found.error().message.find("0 of 100 requests left in 6h00m"), std::string::npos)
      << found.error().message;
  EXPECT_NE(found.error().message.find("after 3600 s"), std::string::npos);
  EXPECT_EQ(registry.http().rate_limits().at("r.example:443").remaining, 0U);
  EXPECT_EQ(http.requests().size(), 1U);
}

TEST_F(HttpRegistryTest, TheTokenServicesLimitsAreKeptToo) {
  const std::string bearer = R"(Bearer realm="https://auth.example/t")";
  const std::string token_url = "https://auth.example/t?scope=repository%3Ateam%2Fapp%3Apull";
  auto closed = status(429);
  closed.headers = {{"retry-after", "3600"}};
  http.answer(kTagUrl, {challenged(bearer)});
  http.answer(token_url, {closed});
  auto registry = make();
  EXPECT_EQ(registry.manifest(app, {}).error().code, Errc::throttled);
  EXPECT_EQ(registry.manifest(app, {}).error().code, Errc::throttled);
  const auto urls = http.urls();
  EXPECT_EQ(std::count(urls.begin(), urls.end(), token_url), 1);
}

TEST_F(HttpRegistryTest, WhoLeadsElsewhereIsKnown) {
  http.answer(kTagUrl, {redirect("https://cdn.example/m")});
  http.answer("https://cdn.example/m", {index_answer()});
  ASSERT_TRUE(make().manifest(app, {}));
  EXPECT_EQ(http.requests().at(0).led_by, "");
  EXPECT_EQ(http.requests().at(1).led_by, "r.example");
}

TEST_F(HttpRegistryTest, DocumentsHaveADeadlineAndLayersALeastRate) {
  const std::string layer = "layer";
  const auto described = descriptor_of(layer, "application/vnd.oci.image.layer.v1.tar");
  const auto config = descriptor_of("{}", "application/vnd.oci.image.config.v1+json");
  const std::string blobs = "https://r.example/v2/team/app/blobs/";
  http.answer(kTagUrl, {index_answer()});
  http.answer(blobs + described.digest.str(), {{.headers = {}, .body = layer, .broken = {}}});
  http.answer(blobs + config.digest.str(), {{.headers = {}, .body = "{}", .broken = {}}});
  auto registry = make();
  const auto take = [](Bytes) -> Result<> { return {}; };
  ASSERT_TRUE(registry.manifest(app, {}));
  ASSERT_TRUE(registry.blob(app, described, 0, take, {}));
  ASSERT_TRUE(registry.blob(app, config, 0, take, {}));
  const auto requests = http.requests();
  EXPECT_GT(requests.at(0).whole_timeout, seconds(0));
  EXPECT_EQ(requests.at(1).whole_timeout, seconds(0)) << "a layer takes as long as it takes";
  EXPECT_GT(requests.at(1).least_bytes, 1000U);
  EXPECT_GT(requests.at(2).whole_timeout, seconds(0));
}

}  // namespace
}  // namespace nodeproof::registry
