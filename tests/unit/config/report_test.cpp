// The section "report".
#include <gtest/gtest.h>

#include "agent/config/config.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::config {
namespace {

class ReportSection : public ::testing::Test {
 protected:
  [[nodiscard]] Result<Config> load(const std::string& section) const {
    const auto file = folder_.path() / "main.json";
    EXPECT_TRUE(write_file_atomically(file, R"({"mode": "enforce", "report": )" + section + "}"));
    return config::load(file, folder_.path() / "conf.d");
  }
  [[nodiscard]] std::string refused(const std::string& section) const {
    const auto config = load(section);
    EXPECT_FALSE(config) << section;
    return config ? "" : config.error().message;
  }
  [[nodiscard]] bool refuses(const std::string& section, const std::string& why) const {
    return refused(section).find(why) != std::string::npos;
  }
  const fakes::TempFolder folder_;
};

TEST_F(ReportSection, TakesEveryKey) {
  const auto config = load(R"({
    "file": "/run/out/report.json",
    "webhook": { "url": "https://fleet.example.com/hook", "ca": "/ca.pem", "client_certificate": "/c.pem",
                 "client_key": "/k.pem", "token_file": "/t", "proxy": "http://u:p@proxy.lan:3128",
                 "heartbeat": "2h", "spool": "1MB" },
    "otlp": { "url": "http://collector.lan:4318", "plain_http": true, "every": "30s" },
    "metrics": { "textfile": "/t/nodeproof.prom", "listen": "127.0.0.1:9639" },
    "kubernetes": { "condition": true, "kubeconfig": "/kc", "node": "pi-17", "heartbeat": "10m", "events": false,
                    "labels": true, "taint": "example.com/x", "taint_kubeconfig": "/tk" },
    "signing": { "key": "/signing.pem" } })");
  ASSERT_TRUE(config) << config.error().message;
  Reporting wanted;
  wanted.file = "/run/out/report.json";
  wanted.signing_key = "/signing.pem";
  wanted.webhook.to = {"https://fleet.example.com/hook", false, "/ca.pem", "/c.pem", "/k.pem", "/t",
                       "http://u:p@proxy.lan:3128"};
  wanted.webhook.heartbeat = std::chrono::hours(2);
  wanted.webhook.spool = 1'000'000;
  wanted.otlp.to.url = "http://collector.lan:4318";
  wanted.otlp.to.plain_http = true;
  wanted.otlp.every = std::chrono::seconds(30);
  wanted.metrics = {"/t/nodeproof.prom", "127.0.0.1:9639"};
  wanted.kubernetes = {true,  "/kc", "pi-17",         std::chrono::minutes(10),
                       false, true,  "example.com/x", "/tk"};
  EXPECT_EQ(config->report, wanted);
}

TEST_F(ReportSection, ChangesNoVerdict) {
  EXPECT_EQ(config_digest(*load(R"({"file": "/run/out/report.json"})")),
            config_digest(*load("{}")));
}

TEST_F(ReportSection, NoTaintIsTakenOffInObserve) {
  const auto file = folder_.path() / "main.json";
  ASSERT_TRUE(write_file_atomically(file, R"({"report": {"kubernetes": {"taint": "a.b/c"}}})"));
  const auto config = config::load(file, folder_.path() / "conf.d");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("$.report.kubernetes.taint needs"), std::string::npos)
      << config.error().message;
}

TEST_F(ReportSection, WhatGoesWithTheConditionNeedsIt) {
  for (const std::string key :
       {R"("taint": "a.b/c")", R"("labels": true)", R"("taint_kubeconfig": "/tk")"}) {
    EXPECT_TRUE(refuses(R"({"kubernetes": {)" + key + "}}", R"(without "condition": true)")) << key;
    EXPECT_TRUE(load(R"({"kubernetes": {"condition": true, )" + key + "}}")) << key;
  }
  EXPECT_TRUE(load(R"({"kubernetes": {"node": "pi-17", "labels": false, "taint": ""}})"));
}

TEST_F(ReportSection, SecretsMayBeCredentials) {
  const auto config = load(R"({"signing": {"key": "credential:signing"},
                               "webhook": {"token_file": "credential:token"}})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->report.signing_key.ends_with("/signing"));
  EXPECT_TRUE(config->report.webhook.to.token_file.ends_with("/token"));
}

TEST_F(ReportSection, ReportsGoOverTlsUnlessAskedOtherwise) {
  EXPECT_TRUE(refuses(R"({"webhook": {"url": "http://fleet.example.com/"}})", "plain_http"));
  EXPECT_TRUE(load(R"({"webhook": {"plain_http": true, "url": "http://fleet.example.com/"}})"));
  EXPECT_TRUE(load(R"({"webhook": {"url": "http://127.0.0.1:1/", "plain_http": false}})"));
  EXPECT_TRUE(load(R"({"otlp": {"url": "http://[::1]:4318"}})"));
  EXPECT_TRUE(
      refuses(R"({"otlp": {"ca": "/ca.pem", "url": "http://[::1]:4318"}})", "certificates"));
}

TEST_F(ReportSection, AUrlWithALoginIsRefusedAndNotShown) {
  const std::string message = refused(R"({"webhook": {"url": "https://me:hunter2@example.com/"}})");
  EXPECT_NE(message.find("token_file"), std::string::npos) << message;
  EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
}

TEST_F(ReportSection, NamesWhatIsWrong) {
  EXPECT_TRUE(refuses(R"({"webhook": {"client_key": "/k.pem"}})", "belong together"));
  EXPECT_TRUE(refuses(R"({"webhook": {"spool": "10%"}})", "a size such as"));
  EXPECT_TRUE(refuses(R"({"webhook": {"spool": "1KB"}})", "at least"));
  EXPECT_TRUE(refuses(R"({"webhook": {"heartbeat": "10ms"}})", "at least"));
  EXPECT_TRUE(refuses(R"({"webhook": {"every": "1m"}})", "unknown key"));
  EXPECT_TRUE(refuses(R"({"kubernetes": {"heartbeat": "29s"}})", "at least \"30s\""));
  EXPECT_TRUE(load(R"({"kubernetes": {"heartbeat": "30s"}})"));
  EXPECT_TRUE(refuses(R"({"metrics": {"listen": "9639"}})", "an address and a port"));
  EXPECT_TRUE(refuses(R"({"metrics": {"listen": "127.0.0.1"}})", "an address and a port"));
  EXPECT_TRUE(refuses(R"({"metrics": {"listen": "somewhere.lan:9639"}})", "an address and a port"));
  EXPECT_TRUE(refuses(R"({"metrics": {"listen": "127.0.0.1:9639/metrics"}})", "an address"));
  EXPECT_TRUE(refuses(R"({"metrics": {"textfile": "x.prom"}})", "$.report.metrics.textfile"));
}

}  // namespace
}  // namespace nodeproof::config
