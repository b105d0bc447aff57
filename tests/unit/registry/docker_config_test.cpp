#include "agent/registry/docker_config.hpp"

#include <gtest/gtest.h>

#include "common/crypto.hpp"

namespace nodeproof::registry {
namespace {

constexpr const char* kFile = "/root/.docker/config.json";

DockerConfig config(std::string_view text) {
  auto parsed = DockerConfig::parse(text, kFile);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? *std::move(parsed) : DockerConfig();
}

std::string user_for(const DockerConfig& config, const Place& place) {
  const WrittenLogin* const login = config.login_for(place);
  return login == nullptr ? "" : login->username;
}

TEST(DockerConfig, TakesTheMostSpecificEntry) {
  const auto found = config(R"({"auths": {
      "https://reg.lan/v2/team": {"username": "team"}, "reg.lan/team/app": {"username": "app"},
      "reg.lan": {"username": "all"}, "*.corp.lan:5000": {"username": "glob"},
      "https://index.docker.io/v1/": {"username": "hub"}, "empty.lan": {}},
      "HttpHeaders": {"X": "y"}})");
  EXPECT_EQ(user_for(found, {"reg.lan", "team/app"}), "app");
  EXPECT_EQ(user_for(found, {"reg.lan", "team/app2"}), "team");
  EXPECT_EQ(user_for(found, {"reg.lan", "teams/app"}), "all");
  EXPECT_EQ(user_for(found, {"reg.lan:5000", "team/app"}), "");
  EXPECT_EQ(user_for(found, {"a.corp.lan:5000", "x"}), "glob");
  EXPECT_EQ(user_for(found, {"docker.io", "library/debian"}), "hub");
  EXPECT_EQ(user_for(found, {"empty.lan", "x"}), "");
}

TEST(DockerConfig, KnowsHubByItsOtherNames) {
  for (const char* key : {"docker.io", "index.docker.io", "registry-1.docker.io",
                          "https://index.docker.io/v1/", "https://index.docker.io/v2/"}) {
    const auto found = config(std::string(R"({"auths": {")") + key + R"(": {"username": "hub"}}})");
    EXPECT_EQ(user_for(found, {"docker.io", "library/debian"}), "hub") << key;
  }
}

TEST(DockerConfig, AsksTheHelperOfTheKeyBeforeTheStoreOfAll) {
  const auto found = config(R"({"credsStore": "secretservice", "credHelpers":
      {"1.dkr.ecr.eu-central-1.amazonaws.com": "ecr-login", "reg.lan/team": "pass",
       "docker.io": "hub", "none.lan": ""}})");
  const auto ecr = Helper{"ecr-login", "1.dkr.ecr.eu-central-1.amazonaws.com"};
  EXPECT_EQ(found.helper_for({"1.dkr.ecr.eu-central-1.amazonaws.com", "app"}), ecr);
  EXPECT_EQ(found.helper_for({"reg.lan", "team/app"}), (Helper{"pass", "reg.lan/team"}));
  EXPECT_EQ(found.helper_for({"reg.lan", "app"}), (Helper{"secretservice", "reg.lan"}));
  EXPECT_EQ(found.helper_for({"docker.io", "library/x"}),
            (Helper{"hub", "https://index.docker.io/v1/"}));
  EXPECT_EQ(found.helper_for({"none.lan", "x"}), std::nullopt) << "none: the store is switched off";
  EXPECT_EQ(config(R"({"credsStore": "x"})").helper_for({"docker.io", "library/x"}),
            (Helper{"x", "https://index.docker.io/v1/"}));
  EXPECT_EQ(config("{}").helper_for({"reg.lan", "x"}), std::nullopt);
}

TEST(DockerConfig, OfTheWrongShapeIsRefusedWithFileAndPathAndWithoutSecrets) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "line 1"},
      {"[]", "$: expected an object"},
      {R"({"auths": ["S3cret"]})", "$.auths: expected an object, found an array"},
      {R"({"auths": {"r.lan": "S3cret"}})", "$.auths[\"r.lan\"]: expected an object"},
      {R"({"auths": {"r": {"auth": 5}}})", "$.auths.r.auth: expected a string, found a number"},
      {R"({"auths": {"r": {"auth": "S3cret}}})", "line 1"},
      {R"({"credsStore": "../S3cret"})", "$.credsStore: this is no helper's name"},
      {R"({"credHelpers": {"r": "a b"}})", "$.credHelpers.r: this is no helper's name"},
      {R"({"credHelpers": {"r": 1}})", "$.credHelpers.r: expected a string"},
  };
  for (const auto& [text, expected] : cases) {
    const auto found = DockerConfig::parse(text, kFile);
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().code, Errc::invalid_config) << text;
    EXPECT_TRUE(found.error().message.starts_with(std::string(kFile) + ": "));
    EXPECT_NE(found.error().message.find(expected), std::string::npos) << found.error().message;
    EXPECT_EQ(found.error().message.find("S3cret"), std::string::npos) << found.error().message;
  }
}

struct LoginCase {
  const char* name = nullptr;
  WrittenLogin login;
  Credentials expected;
};

WrittenLogin with_auth(std::string_view pair) {
  WrittenLogin login;
  login.auth = base64_encode(as_bytes(pair));
  login.username = "not me";
  return login;
}

Credentials user(std::string name, std::string password) {
  Credentials credentials;
  credentials.username = std::move(name);
  credentials.password = std::move(password);
  credentials.source = "here";
  return credentials;
}

TEST(CredentialsOf, AWrittenLogin) {
  using namespace std::string_view_literals;
  Credentials identity = user("", ""), bearer = identity;
  identity.identity_token = "i";
  bearer.registry_token = "r";
  const LoginCase cases[] = {
      {"auth", with_auth("u:p"), user("u", "p")},
      {"colons belong to the password", with_auth("u:p:q:"), user("u", "p:q:")},
      {"padding is none", with_auth("u:p\0\0\0"sv), user("u", "p")},
      {"empty password", with_auth("u:"), user("u", "")},
      {"username", {"u", "p", "", "", ""}, user("u", "p")},
      {"identity token", {"u", "p", "dTpw", "i", ""}, identity},
      {"registry token", {"u", "p", "dTpw", "i", "r"}, bearer},
      {"nothing", {}, user("", "")},
  };
  for (const auto& [name, login, expected] : cases) {
    const auto found = credentials_of(login, "here");
    ASSERT_TRUE(found) << name << found.error().message;
    EXPECT_EQ(*found, expected) << name;
  }
}

TEST(CredentialsOf, AnAuthThatCannotBeReadAreAnErrorAndNotAnonymous) {
  WrittenLogin login;
  login.auth = "S3cret!";
  EXPECT_EQ(credentials_of(login, "here").error().message, "here: \"auth\" is not base64");
  login.auth = base64_encode(as_bytes("S3cret"));
  const auto found = credentials_of(login, "here");
  EXPECT_EQ(found.error().message, "here: \"auth\" does not hold \"user:password\"");
  EXPECT_EQ(found.error().code, Errc::invalid_config);
}

}  // namespace
}  // namespace nodeproof::registry
