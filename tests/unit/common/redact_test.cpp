#include "common/redact.hpp"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

TEST(Redact, KeysThatMeanSecretsAreToldFromThoseThatNameAFile) {
  for (const char* key : {"password", "API_KEY", "registryToken", "auths", "auth", "header",
                          "clientSecret", "identitytoken", "stdin", "X-Api-Key"}) {
    EXPECT_TRUE(names_secret(key)) << key;
  }
  for (const char* key : {"password_file", "credential_provider_bin_dir", "docker_config",
                          "client_key", "keys", "reference", "author", "message"}) {
    EXPECT_FALSE(names_secret(key)) << key;
  }
}

TEST(Redact, TextLosesWhatLooksLikeASecret) {
  const auto made = Redactor::make();
  ASSERT_TRUE(made) << made.error().message;
  const Redactor& redactor = *made;
  struct Case {
    const char *text, *clean;
  };
  const Case cases[] = {
      {"proxy http://u:p@ss/w@proxy.lan:3128 refused",
       "proxy http://(redacted)@proxy.lan:3128 refused"},
      {"GET https://cdn/x?X-Amz-Signature=ab&y=1 403", "GET https://cdn/x?(redacted) 403"},
      {"Authorization: Negotiate abc def\nnext", "Authorization: (redacted)\nnext"},
      {"sent Bearer abcdef0123456789.x", "sent Bearer (redacted)"},
      {"got eyJhbGciOiJI.eyJzdWIi.sig", "got (redacted)"},
      {"DB_PASSWORD=hunter22 started", "DB_PASSWORD=(redacted) started"},
      {R"({"api_key": "a b", "n": 1})", R"({"api_key": (redacted), "n": 1})"},
      {"app --token s3cr3t run", "app --token (redacted) run"},
      {"auth = \"dXNlcjpwdw==\"", "auth = (redacted)"},
      {"-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\nx", "(redacted)\nx"},
      {"-----BEGIN PRIVATE KEY-----\nMHc", "(redacted)"},
      {"GET /v2/x?X-Amz-Signature=ab 403", "GET /v2/x?(redacted) 403"},
      {"DB_PASS=sh0rt x", "DB_PASS=(redacted) x"},
      {"X-Auth-Key: abcdef x", "X-Auth-Key: (redacted) x"},
      {"Cookie: session=1; b=2\nnext", "Cookie: (redacted)\nnext"},
      {"cloned with ghp_0123456789ab", "cloned with (redacted)"},
      {R"({"password": "a\"bcdef", "n": 1})", R"({"password": (redacted), "n": 1})"},
      {"is /usr/bin/app there? yes", "is /usr/bin/app there? yes"},
      {"registry.lan/app@sha256:00 is ready", "registry.lan/app@sha256:00 is ready"},
  };
  for (const Case& c : cases) EXPECT_EQ(redactor.text(c.text), c.clean);
}

TEST(Redact, WhatADocumentHoldsIsFoundEverywhereElse) {
  Redactor redactor = *Redactor::make();
  // "me:from-base64"
  redactor.learn(*json::parse(R"({"auths": {"r.lan": {"auth": "bWU6ZnJvbS1iYXNlNjQ="}},
    "header": {"X-Any": ["Bearer from-header"]}, "proxy": "http://me:from-url@p:1",
    "env": ["MY_TOKEN=from-env"], "pin": 1, "password": 123456, "name": "kept"})"));
  EXPECT_EQ(redactor.text("a from-base64 b bWU6ZnJvbS1iYXNlNjQ= from-header from-url from-env "
                          "123456 kept"),
            "a (redacted) b (redacted) (redacted) (redacted) (redacted) (redacted) kept");
}

TEST(Redact, ALongerSecretIsTakenBeforeItsBeginning) {
  Redactor redactor = *Redactor::make();
  redactor.learn("hunter");
  redactor.learn("hunter22");
  redactor.learn("abc");  // too short to be looked for
  EXPECT_EQ(redactor.text("hunter22 hunter abc"), "(redacted) (redacted) abc");
}

TEST(Redact, ADocumentKeepsItsShape) {
  const Redactor redactor = *Redactor::make();
  const auto document = json::parse(R"({"images": [{"smoke": [{"args": ["/app", "--pw", "x"],
    "env": ["A=b"], "stdin": "y", "before": [["setup", "z"]], "exit": 0, "repeat": null}],
    "required": true}], "passwords": ["q", {"r": "s"}], "password_file": "/etc/p"})");
  const auto clean = json::parse(redactor.document(*document));
  ASSERT_TRUE(clean);
  const json::Value& test = clean->find("images")->items()[0].find("smoke")->items()[0];
  EXPECT_EQ(*test.find("args")->strings(),
            (std::vector<std::string>{"/app", "(redacted)", "(redacted)"}));
  EXPECT_EQ(*test.find("env")->strings(), std::vector<std::string>{"A=(redacted)"});
  EXPECT_EQ(*test.find("before")->items()[0].strings(),
            (std::vector<std::string>{"setup", "(redacted)"}));
  EXPECT_EQ(*test.find("stdin")->string(), "(redacted)");
  EXPECT_EQ(*test.find("exit")->integer(), 0);
  EXPECT_EQ(*clean->find("passwords")->string(), "(redacted)");
  EXPECT_EQ(*clean->find("password_file")->string(), "/etc/p");
}

}  // namespace
}  // namespace nodeproof
