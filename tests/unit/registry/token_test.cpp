#include "agent/registry/token.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <thread>

#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/scripted_http.hpp"

namespace nodeproof::registry {
namespace {

TokenRequest anonymous() {
  return {.realm = *parse_http_url("https://auth.example/token"),
          .service = "s",
          .scopes = {"repository:a:pull"},
          .username = {},
          .password = {},
          .tls = {}};
}

constexpr const char* kUrl = "https://auth.example/token?service=s&scope=repository%3Aa%3Apull";

struct AnswerCase {
  std::string name, body;
  std::string token;  // "" = refused
};

class TokenAnswers : public testing::TestWithParam<AnswerCase> {};

TEST_P(TokenAnswers, AreReadStrictly) {
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  http.answer(kUrl, {{.headers = {}, .body = GetParam().body, .broken = {}}});
  TokenSource tokens(http, clock);
  const auto token = tokens.token(anonymous(), "", {});
  if (!GetParam().token.empty()) {
    ASSERT_TRUE(token) << token.error().message;
    EXPECT_EQ(*token, GetParam().token);
    return;
  }
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Errc::server_error);
  EXPECT_EQ(token.error().message, "the token service auth.example:443 gave no usable token");
}

INSTANTIATE_TEST_SUITE_P(
    Token, TokenAnswers,
    testing::Values(AnswerCase{"Token", R"({"token":"a.b"})", "a.b"},
                    AnswerCase{"AccessToken", R"({"access_token":"c"})", "c"},
                    AnswerCase{"Both", R"({"access_token":"c","token":"a"})", "a"},
                    AnswerCase{"StrangeExpiry", R"({"token":"a","expires_in":"soon"})", "a"},
                    AnswerCase{"NegativeExpiry", R"({"token":"a","expires_in":-5})", "a"},
                    AnswerCase{"HugeExpiry", R"({"token":"a","expires_in":9223372036854775807})",
                               "a"},
                    AnswerCase{"Empty", R"({"token":""})", ""}, AnswerCase{"Nothing", "{}", ""},
                    AnswerCase{"NoString", R"({"token":5})", ""},
                    AnswerCase{"NoJson", "<html>", ""},
                    AnswerCase{"LineBreak", "{\"token\":\"a\\r\\nX: y\"}", ""},
                    AnswerCase{"Space", R"({"token":"a b"})", ""}),
    [](const auto& info) { return info.param.name; });

TEST(TokenSource, RefusesEndlessAnswers) {
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  http.answer(kUrl, {{.headers = {}, .body = std::string(300 * 1024, 'x'), .broken = {}}});
  TokenSource tokens(http, clock);
  EXPECT_EQ(tokens.token(anonymous(), "", {}).error().code, Errc::server_error);
}

TEST(TokenSource, FollowsNoRedirect) {
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  http.answer(kUrl, {{.status = 302,
                      .headers = {{"location", "https://evil.example/"}},
                      .body = {},
                      .broken = {}}});
  TokenSource tokens(http, clock);
  EXPECT_EQ(tokens.token(anonymous(), "", {}).error().code, Errc::server_error);
  EXPECT_EQ(http.requests().size(), 1U);
}

TEST(TokenSource, AnAnswerWithoutAnEndLastsAMinute) {
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  http.answer(kUrl, {{.headers = {}, .body = R"({"token":"1","expires_in":1})", .broken = {}},
                     {.headers = {}, .body = R"({"token":"2"})", .broken = {}}});
  TokenSource tokens(http, clock);
  EXPECT_EQ(tokens.token(anonymous(), "", {}), "1");
  clock.advance(std::chrono::seconds(47));
  EXPECT_EQ(tokens.token(anonymous(), "", {}), "1");
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(tokens.token(anonymous(), "", {}), "2");
}

TEST(TokenSource, NeverGivesARejectedTokenAgain) {
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  http.answer(kUrl, {{.headers = {}, .body = R"({"token":"1"})", .broken = {}},
                     {.headers = {}, .body = R"({"token":"2"})", .broken = {}}});
  TokenSource tokens(http, clock);
  EXPECT_EQ(tokens.token(anonymous(), "", {}), "1");
  EXPECT_EQ(tokens.token(anonymous(), "1", {}), "2");
  EXPECT_EQ(tokens.token(anonymous(), "1", {}), "2")
      << "another thread's complaint about the old one";
}

// Answers once it is let go.
class SlowHttp final : public HttpClient {
 public:
  Result<HttpResponse> send(const HttpRequest&, const HttpHeadSink& head, const ByteSink& body,
                            std::stop_token stop) override {
    ++requests;
    std::unique_lock lock(mutex);
    if (!changed.wait(lock, stop, [&] { return open; })) return fail(Errc::cancelled, "stopped");
    HttpResponse response{.status = 200, .headers = {}};
    TRY(head(response));
    TRY(body(as_bytes(R"({"token":"t"})")));
    return response;
  }
  std::atomic<int> requests = 0;
  std::mutex mutex;
  std::condition_variable_any changed;
  bool open = false;
};

TEST(TokenSource, AsksOnceForSeveralThreads) {
  SlowHttp http;
  fakes::FakeClock clock;
  TokenSource tokens(http, clock);
  std::atomic<int> good = 0;
  std::vector<std::jthread> threads;
  threads.reserve(6);
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      if (tokens.token(anonymous(), "", {}).value_or("") == "t") ++good;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  {
    const std::scoped_lock lock(http.mutex);
    http.open = true;
  }
  http.changed.notify_all();
  threads.clear();
  EXPECT_EQ(good, 6);
  EXPECT_EQ(http.requests, 1);
}

TEST(TokenSource, ReturnsAfterStopWhileAnotherThreadAsks) {
  SlowHttp http;
  fakes::FakeClock clock;
  TokenSource tokens(http, clock);
  std::stop_source first, second;
  std::jthread asking([&] { (void)tokens.token(anonymous(), "", first.get_token()); });
  while (http.requests == 0) std::this_thread::yield();
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    second.request_stop();
  });
  EXPECT_EQ(tokens.token(anonymous(), "", second.get_token()).error().code, Errc::cancelled);
  first.request_stop();
}

TokenRequest with_identity_token(std::string service = "s") {
  TokenRequest request = anonymous();
  request.service = std::move(service);
  request.scopes = {"repository:a:pull", "repository:b:pull,push"};
  request.identity_token = "S3cret+/=";
  return request;
}

constexpr const char* kPost = "POST https://auth.example/token";

TEST(TokenSource, ExchangesAnIdentityTokenByPost) {
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  http.answer(kPost, {{.headers = {}, .body = R"({"access_token":"a"})", .broken = {}}});
  TokenSource tokens(http, clock);
  const auto token = tokens.token(with_identity_token(), "", {});
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_EQ(*token, "a");
  EXPECT_EQ(http.sent_header(0, "Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(http.sent_header(0, "Authorization"), "");
  EXPECT_EQ(http.requests()[0].body,
            "grant_type=refresh_token&client_id=nodeproof&service=s&"
            "scope=repository%3Aa%3Apull%20repository%3Ab%3Apull%2Cpush&"
            "refresh_token=S3cret%2B%2F%3D");
}

TEST(TokenSource, KeepsTheIdentityTokenThatReplacesTheFirst) {
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  http.answer(
      kPost,
      {{.headers = {}, .body = R"({"access_token":"1","refresh_token":"second"})", .broken = {}},
       {.headers = {}, .body = R"({"access_token":"2"})", .broken = {}}});
  TokenSource tokens(http, clock);
  ASSERT_TRUE(tokens.token(with_identity_token(), "", {}));
  EXPECT_EQ(tokens.token(with_identity_token(), "1", {}), "2");
  EXPECT_TRUE(http.requests()[1].body.ends_with("&refresh_token=second"));
  ASSERT_TRUE(tokens.token(with_identity_token("another"), "", {}));
  EXPECT_TRUE(http.requests()[2].body.ends_with("&refresh_token=S3cret%2B%2F%3D"));
}

TEST(TokenSource, SaysThatAnIdentityTokenIsNotTakenWithoutShowingIt) {
  for (const int status : {400, 401, 404, 405, 501}) {
    fakes::ScriptedHttp http;
    fakes::FakeClock clock;
    http.answer(kPost, {{.status = status, .headers = {}, .body = "{}", .broken = {}}});
    TokenSource tokens(http, clock);
    const auto token = tokens.token(with_identity_token(), "", {});
    ASSERT_FALSE(token) << status;
    EXPECT_EQ(token.error().code, Errc::unauthorized) << status;
    EXPECT_TRUE(token.error().message.starts_with("the token service auth.example:443: "));
    EXPECT_EQ(token.error().message.find("S3cret"), std::string::npos) << token.error().message;
    EXPECT_EQ(http.requests().size(), 1U) << "no second try by GET";
  }
}

TEST(TokenSource, SaysNothingAboutTheImageWhenTheServiceFails) {
  const std::pair<int, Errc> cases[] = {{404, Errc::server_error}, {416, Errc::server_error},
                                        {500, Errc::server_error}, {401, Errc::unauthorized},
                                        {403, Errc::unauthorized}, {429, Errc::throttled}};
  for (const auto& [status, code] : cases) {
    fakes::ScriptedHttp http;
    fakes::FakeClock clock;
    http.answer(kUrl, {{.status = status, .headers = {}, .body = "<html>", .broken = {}}});
    TokenSource tokens(http, clock);
    EXPECT_EQ(tokens.token(anonymous(), "", {}).error().code, code) << status;
  }
}

TEST(TokenSource, DoesNotMixTheTokensOfTwoLogins) {
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  http.answer(kUrl, {{.headers = {}, .body = R"({"token":"anonymous"})", .broken = {}}});
  http.answer(kPost, {{.headers = {}, .body = R"({"token":"mine"})", .broken = {}}});
  TokenSource tokens(http, clock);
  TokenRequest request = anonymous();
  EXPECT_EQ(tokens.token(request, "", {}), "anonymous");
  request.identity_token = "i";
  EXPECT_EQ(tokens.token(request, "", {}), "mine");
}

}  // namespace
}  // namespace nodeproof::registry
