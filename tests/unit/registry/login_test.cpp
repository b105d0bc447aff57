#include "tests/unit/registry/fixture.hpp"

namespace nodeproof::registry {
namespace {

constexpr const char* kBearer =
    R"(Bearer realm="https://auth.example/token",service="r.example",scope="repository:team/app:pull")";
constexpr const char* kTokenUrl =
    "https://auth.example/token?service=r.example&scope=repository%3Ateam%2Fapp%3Apull";

class LoginTest : public HttpRegistryTest {
 protected:
  static fakes::Logins account() { return {{"r.example", fakes::login("u", "p")}}; }
  static fakes::ScriptedAnswer granted(std::string token, std::string rest = {}) {
    return {.headers = {},
            .body = R"({"token":")" + std::move(token) + "\"" + std::move(rest) + "}",
            .broken = {}};
  }
};

TEST_F(LoginTest, BasicIsSentOnlyWhenAskedForAndThenAtOnce) {
  http.answer(kTagUrl, {challenged("Basic realm=\"x\""), index_answer()});
  auto registry = make(account());
  ASSERT_TRUE(registry.manifest(app, {}));
  ASSERT_TRUE(registry.manifest(app, {}));
  EXPECT_EQ(http.sent_header(0, "Authorization"), "");
  EXPECT_EQ(http.sent_header(1, "Authorization"), "Basic dTpw");
  EXPECT_EQ(http.sent_header(2, "Authorization"), "Basic dTpw");
  EXPECT_EQ(http.requests().size(), 3U);
}

TEST_F(LoginTest, RefusedBasicCredentialsAreFinal) {
  http.answer(kTagUrl, {challenged("Basic realm=\"x\"")});
  const auto found = make(account()).manifest(app, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::unauthorized);
  EXPECT_NE(found.error().message.find("credentials were refused"), std::string::npos)
      << found.error().message;
  EXPECT_EQ(http.requests().size(), 2U);
}

TEST_F(LoginTest, ARefusalNamesWhereTheCredentialsComeFrom) {
  fakes::Logins logins = account();
  logins.at("r.example").source = "/root/.docker/config.json";
  http.answer(kTagUrl, {challenged("Basic realm=\"x\"")});
  const auto basic = make(logins).manifest(app, {});
  EXPECT_NE(basic.error().remedy.find("/root/.docker/config.json"), std::string::npos)
      << basic.error().remedy;
  http.answer(kTagUrl, {challenged(kBearer)});
  http.answer(kTokenUrl, {status(401)});
  const auto bearer = make(logins).manifest(app, {});
  EXPECT_NE(bearer.error().remedy.find("/root/.docker/config.json"), std::string::npos)
      << bearer.error().remedy;
  http.answer(kTagUrl, {status(403)});
  const auto anonymous = make().manifest(app, {});
  EXPECT_EQ(anonymous.error().remedy.find("comes from"), std::string::npos);
}

TEST_F(LoginTest, RemembersWhoseCredentialsAPullNeeded) {
  const auto asked_with = [&](const fakes::Logins& logins) {
    auto registry = make(logins);
    EXPECT_EQ(registry.personal_credentials(app), "") << "nobody has asked for them yet";
    EXPECT_TRUE(registry.manifest(app, {}));
    return registry.personal_credentials(app);
  };
  http.answer(kTagUrl, {challenged("Basic realm=\"x\""), index_answer()});
  EXPECT_EQ(asked_with(account()), "the configuration");
  fakes::Logins of_the_kubelet = account();
  of_the_kubelet.at("r.example").node_wide = true;
  http.answer(kTagUrl, {challenged("Basic realm=\"x\""), index_answer()});
  EXPECT_EQ(asked_with(of_the_kubelet), "");
  http.answer(kTagUrl, {challenged(kBearer), index_answer()});
  http.answer(kTokenUrl, {granted("t1")});
  EXPECT_EQ(asked_with(account()), "the configuration");
  http.answer(kTagUrl, {challenged(kBearer), index_answer()});
  http.answer(kTokenUrl, {granted("t1")});
  EXPECT_EQ(asked_with({}), "") << "an anonymous token is nobody's";
  http.answer(kTagUrl, {index_answer()});
  EXPECT_EQ(asked_with(account()), "") << "nothing was demanded";
}

TEST_F(LoginTest, AnonymousTokensAreAskedForWithoutCredentials) {
  http.answer(kTagUrl, {challenged(kBearer), index_answer()});
  http.answer(kTokenUrl, {granted("t1")});
  const auto found = make().manifest(app, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(http.urls(), (std::vector<std::string>{kTagUrl, kTokenUrl, kTagUrl}));
  EXPECT_EQ(http.sent_header(1, "Authorization"), "");
  EXPECT_EQ(http.sent_header(2, "Authorization"), "Bearer t1");
}

TEST_F(LoginTest, TokensAreAskedForWithCredentialsAndKept) {
  http.answer(kTagUrl, {challenged(kBearer), index_answer()});
  http.answer(kTokenUrl, {granted("t1", R"(,"expires_in":300)")});
  auto registry = make(account());
  ASSERT_TRUE(registry.manifest(app, {}));
  ASSERT_TRUE(registry.manifest(app, {}));
  EXPECT_EQ(http.sent_header(1, "Authorization"), "Basic dTpw");
  EXPECT_EQ(http.requests().size(), 4U);
  EXPECT_EQ(http.sent_header(3, "Authorization"), "Bearer t1");
}

TEST_F(LoginTest, BearerIsPreferredToBasic) {
  http.answer(kTagUrl, {challenged("Basic realm=\"x\", " + std::string(kBearer)), index_answer()});
  http.answer(kTokenUrl, {granted("t1")});
  ASSERT_TRUE(make(account()).manifest(app, {}));
  EXPECT_EQ(http.sent_header(2, "Authorization"), "Bearer t1");
}

TEST_F(LoginTest, ATokenThatExpiredEarlyIsRenewedOnce) {
  http.answer(kTagUrl, {challenged(kBearer), index_answer(), challenged(kBearer), index_answer()});
  http.answer(kTokenUrl, {granted("t1"), granted("t2")});
  auto registry = make(account());
  ASSERT_TRUE(registry.manifest(app, {}));
  ASSERT_TRUE(registry.manifest(app, {}));
  EXPECT_EQ(http.sent_header(5, "Authorization"), "Bearer t2");
}

TEST_F(LoginTest, ATokenNearItsEndIsRenewedBeforeItIsRefused) {
  http.answer(kTagUrl, {challenged(kBearer), index_answer()});
  http.answer(kTokenUrl, {granted("t1", R"(,"expires_in":100)"), granted("t2")});
  auto registry = make();
  ASSERT_TRUE(registry.manifest(app, {}));
  clock.advance(std::chrono::seconds(81));
  ASSERT_TRUE(registry.manifest(app, {}));
  EXPECT_EQ(http.sent_header(4, "Authorization"), "Bearer t2");
}

TEST_F(LoginTest, ASecondRefusalIsFinal) {
  http.answer(kTagUrl, {challenged(kBearer)});
  http.answer(kTokenUrl, {granted("t1"), granted("t2")});
  const auto found = make(account()).manifest(app, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::unauthorized);
  EXPECT_EQ(http.requests().size(), 3U);
}

TEST_F(LoginTest, HarborsBasicAnswerToAnOldTokenBringsTheBearerChallengeBack) {
  http.answer(kTagUrl, {challenged(kBearer), index_answer(), challenged("Basic realm=\"harbor\""),
                        challenged(kBearer), index_answer()});
  http.answer(kTokenUrl, {granted("t1")});
  auto registry = make(account());
  ASSERT_TRUE(registry.manifest(app, {}));
  const auto again = registry.manifest(app, {});
  ASSERT_TRUE(again) << again.error().message;
}

TEST_F(LoginTest, AnotherScopeThanOursIsAskedForFirst) {
  http.answer(
      kTagUrl,
      {challenged(R"(Bearer realm="https://auth.example/token?a=1",scope="repository:x/y:pull")"),
       index_answer()});
  http.answer(
      "https://auth.example/"
      "token?a=1&scope=repository%3Ax%2Fy%3Apull&scope=repository%3Ateam%2Fapp%3Apull",
      {granted("t1")});
  const auto found = make().manifest(app, {});
  EXPECT_TRUE(found) << found.error().message;
}

// distribution's registry names them in the order of a hash table.
TEST_F(LoginTest, TheOrderOfAScopesActionsMeansNothing) {
  http.answer(
      kTagUrl,
      {challenged(R"(Bearer realm="https://auth.example/token",scope="repository:x/y:push,pull")"),
       index_answer()});
  http.answer(
      "https://auth.example/"
      "token?scope=repository%3Ax%2Fy%3Apull%2Cpush&scope=repository%3Ateam%2Fapp%3Apull",
      {granted("t1")});
  const auto found = make().manifest(app, {});
  EXPECT_TRUE(found) << found.error().message;
}

TEST_F(LoginTest, ARelativeRealmIsTheRegistrysOwn) {
  http.answer(kTagUrl, {challenged(R"(Bearer realm="/token")"), index_answer()});
  http.answer("https://r.example/token?scope=repository%3Ateam%2Fapp%3Apull", {granted("t1")});
  EXPECT_TRUE(make().manifest(app, {}));
}

TEST_F(LoginTest, CredentialsGoToNoRealmThatMayNotHaveThem) {
  for (const char* realm :
       {"http://auth.example/token", "https://127.0.0.1/token", "https://169.254.169.254/t",
        "https://x:y@auth.example/", "ftp://auth.example/"}) {
    fakes::ScriptedHttp server;
    server.answer(kTagUrl, {challenged("Bearer realm=\"" + std::string(realm) + "\"")});
    fakes::DirectRegistry registry(server, clock, {.retry = {.attempts = 1}, .logins = account()});
    EXPECT_FALSE(registry.manifest(app, {})) << realm;
    EXPECT_EQ(server.requests().size(), 1U) << realm;
  }
}

TEST_F(LoginTest, ARedirectedHostMayNotAskForCredentials) {
  http.answer(kTagUrl, {redirect("https://cdn.example/x")});
  http.answer("https://cdn.example/x", {challenged("Basic realm=\"give me\"")});
  const auto found = make(account()).manifest(app, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::unauthorized);
  for (std::size_t n = 0; n < http.requests().size(); ++n)
    EXPECT_EQ(http.sent_header(n, "Authorization"), "");
}

TEST_F(LoginTest, NoPasswordGoesToAnotherHostWithoutTls) {
  const std::string tag_url = "http://r.example/v2/team/app/manifests/1";
  const std::string bearer = R"(Bearer realm="http://auth.example/token",service="r.example")";
  http.answer(tag_url, {challenged(bearer)});
  HostSettings plain;
  plain.plain_http = true;
  fakes::DirectRegistry registry(http, clock,
                                 {.settings = {{"r.example", plain}}, .logins = account()});
  const auto found = registry.manifest(app, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::untrusted);
  EXPECT_EQ(http.urls(), std::vector<std::string>{tag_url});
}

TEST_F(LoginTest, UnknownSchemesAloneAreARefusal) {
  http.answer(kTagUrl, {challenged("Negotiate")});
  EXPECT_EQ(make(account()).manifest(app, {}).error().code, Errc::unauthorized);
  EXPECT_EQ(http.requests().size(), 1U);
}

TEST_F(LoginTest, NoSecretIsInAnyMessage) {
  http.answer(kTagUrl, {challenged(kBearer)});
  http.answer(kTokenUrl, {granted("tokentoken"), status(401, "denied")});
  auto registry = make({{"r.example", fakes::login("u", "hunter2hunter2")}});
  for (int i = 0; i < 2; ++i) {
    const auto found = registry.manifest(app, {});
    ASSERT_FALSE(found);
    for (const char* secret : {"hunter2", "tokentoken", "dTpodW50"}) {
      EXPECT_EQ(found.error().message.find(secret), std::string::npos) << found.error().message;
    }
  }
}

}  // namespace
}  // namespace nodeproof::registry
