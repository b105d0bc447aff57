#include "agent/kubernetes/publish.hpp"

#include <gtest/gtest.h>

#include "common/crypto.hpp"
#include "tests/unit/kubernetes/rig.hpp"

namespace nodeproof::kubernetes {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class Publish : public testing::Test {
 protected:
  Rig rig_;
};

TEST_F(Publish, WritesTheConditionAndAnEventOnce) {
  EXPECT_TRUE(rig_.publish(wrong()).failed.empty());
  EXPECT_EQ(rig_.api.requests(), (Requests{kGetNode, kPatchStatus, kPostEvent}));
  EXPECT_EQ(rig_.condition("status"), "False");
  EXPECT_EQ(rig_.condition("reason"), "ArchMismatch");
  EXPECT_EQ(rig_.condition("lastHeartbeatTime"), "2026-11-21T00:00:00Z");
  EXPECT_EQ(rig_.condition("lastTransitionTime"), "2026-11-21T00:00:00Z");
  rig_.api.forget_requests();
  rig_.publish(wrong());
  EXPECT_EQ(rig_.api.requests(), Requests{});
}

TEST_F(Publish, SaysWhoItIsAndWhatItSends) {
  rig_.publish(wrong());
  ASSERT_EQ(rig_.api.requests(), (Requests{kGetNode, kPatchStatus, kPostEvent}));
  const auto& patch = rig_.api.seen()[1];
  EXPECT_EQ(patch.content_type, "application/strategic-merge-patch+json");
  EXPECT_EQ(patch.authorization, "Bearer first");
  EXPECT_TRUE(patch.whole.url.ends_with("?fieldManager=nodeproof"));
  EXPECT_TRUE(patch.whole.tls.verify);
  EXPECT_GT(patch.whole.whole_timeout.count(), 0);
}

TEST_F(Publish, HoldsCertificatesInMemoryUnderNamesThatOpen) {
  const auto base64 = [](std::string_view text) { return base64_encode(as_bytes(text)); };
  rig_.write("etc/node.kubeconfig",
             kubeconfig_text("client-certificate-data: " + base64("certificate") +
                                 "\n    client-key-data: " + base64("key"),
                             "server: https://api.test:6443\n    certificate-authority-data: " +
                                 base64("authority")));
  rig_.publish(ready());
  ASSERT_FALSE(rig_.api.seen().empty());
  const auto& sent = rig_.api.seen().front();
  EXPECT_EQ(sent.ca, "authority");
  EXPECT_EQ(sent.certificate, "certificate");
  EXPECT_EQ(sent.key, "key");
  EXPECT_TRUE(sent.whole.tls.client_key.starts_with("/proc/self/fd/"));
  EXPECT_EQ(sent.authorization, "");
}

TEST_F(Publish, RenewsTheHeartbeatWhenItIsDueAndKeepsTheTransition) {
  rig_.publish(ready());
  rig_.clock.advance(minutes(3));
  rig_.api.forget_requests();
  rig_.publish(ready());
  EXPECT_EQ(rig_.api.requests(), Requests{});
  rig_.clock.advance(seconds(45));
  rig_.publish(ready());
  EXPECT_EQ(rig_.api.requests(), Requests{kPatchStatus});
  EXPECT_EQ(rig_.condition("lastHeartbeatTime"), "2026-11-21T00:03:45Z");
  EXPECT_EQ(rig_.condition("lastTransitionTime"), "2026-11-21T00:00:00Z");
}

TEST_F(Publish, MovesTheTransitionWithTheStatusOnly) {
  rig_.publish(report_of(Verdict::not_ready, "FileCorrupt", "a"));
  rig_.clock.advance(seconds(10));
  rig_.publish(wrong());
  EXPECT_EQ(rig_.condition("lastTransitionTime"), "2026-11-21T00:00:00Z");
  rig_.publish(ready());
  EXPECT_EQ(rig_.condition("lastTransitionTime"), "2026-11-21T00:00:10Z");
}

TEST_F(Publish, GoesOnWhenTheClockWasSetBack) {
  rig_.publish(ready());
  rig_.clock.advance(-std::chrono::hours(24));
  rig_.publish(ready());
  EXPECT_EQ(rig_.condition("lastHeartbeatTime"), "2026-11-20T00:00:00Z");
}

TEST_F(Publish, TakesUpWhatStandsOnTheNodeAfterARestart) {
  rig_.publish(wrong());
  rig_.memory.clear();
  rig_.clock.advance(minutes(1));
  rig_.api.forget_requests();
  rig_.publish(wrong());
  EXPECT_EQ(rig_.api.requests(), Requests{kGetNode});
  rig_.memory = "{not ours";
  rig_.clock.advance(minutes(4));
  rig_.publish(wrong());
  EXPECT_EQ(rig_.condition("lastTransitionTime"), "2026-11-21T00:00:00Z");
  EXPECT_EQ(rig_.events(), (std::vector<std::string>{"ArchMismatch/Warning/1"}));
}

TEST_F(Publish, LeavesOtherConditionsAlone) {
  rig_.api.nodes["pi-17"].conditions["Ready"] = {{"status", "True"}};
  rig_.publish(ready());
  EXPECT_EQ(rig_.api.nodes["pi-17"].conditions["Ready"].at("status"), "True");
}

TEST_F(Publish, CountsAnEventUpWhileItIsTheSame) {
  for (const NodeReport& report : {wrong(), ready(), wrong(), ready(), wrong()}) {
    rig_.clock.advance(seconds(1));
    rig_.publish(report);
  }
  EXPECT_EQ(rig_.events(),
            (std::vector<std::string>{"ArchMismatch/Warning/3", "AllImagesReady/Normal/2"}));
  for (auto& [name, event] : rig_.api.events) EXPECT_EQ(event["uid"], "uid-1") << name;
}

TEST_F(Publish, RemembersOnlySoManyEvents) {
  for (int i = 0; i < 40; ++i) {
    rig_.clock.advance(seconds(1));
    rig_.publish(report_of(Verdict::not_ready, "Code" + std::to_string(i), std::string(5000, 'x')));
  }
  EXPECT_EQ(rig_.api.events.size(), 40U);
  EXPECT_LT(rig_.memory.size(), 4096U);
}

TEST_F(Publish, TakesTheNodesNameFromTheOptionsTheEnvironmentOrTheReport) {
  rig_.api.nodes["other"] = {.uid = "uid-2"};
  rig_.options.around.environment["NODE_NAME"] = "other";
  rig_.publish(ready());
  rig_.options.node = "pi-17";
  rig_.publish(ready());
  EXPECT_EQ(rig_.api.nodes["other"].conditions.size(), 1U);
  EXPECT_EQ(rig_.condition("status"), "True");
  rig_.options.node = "../secrets";
  const auto refused = publish(ready(), rig_.options, {rig_.api, rig_.clock}, "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_config);
}

TEST_F(Publish, WritesLabelsWhenAskedAndTakesBackItsOwn) {
  rig_.api.nodes["pi-17"].labels = {{"site", "berlin"}, {"nodeproof.dev/l4t", "35"}};
  rig_.options.labels = true;
  EXPECT_TRUE(rig_.publish(ready()).failed.empty());
  using Map = std::map<std::string, std::string>;
  EXPECT_EQ(rig_.api.nodes["pi-17"].labels, (Map{{"site", "berlin"},
                                                 {"nodeproof.dev/page-size", "16384"},
                                                 {"nodeproof.dev/isa-lse", "true"}}));
  NodeReport crashed = report_of(Verdict::unknown);
  crashed.host = {};
  rig_.publish(crashed);
  EXPECT_EQ(rig_.api.nodes["pi-17"].labels.size(), 3U);
  rig_.options.labels = false;
  rig_.publish(ready());
  EXPECT_EQ(rig_.api.nodes["pi-17"].labels, (Map{{"site", "berlin"}}));
}

TEST_F(Publish, LiftsItsTaintWhenReadyAndNoOther) {
  rig_.api.nodes["pi-17"].taints = {
      {.key = "other"}, {.key = kOurTaint}, {.key = kOurTaint, .effect = "NoExecute"}};
  rig_.options.taint = kOurTaint;
  rig_.publish(wrong());
  EXPECT_EQ(rig_.api.nodes["pi-17"].taints.size(), 3U);
  rig_.publish(ready());
  EXPECT_EQ(rig_.api.nodes["pi-17"].taints, std::vector<fakes::FakeTaint>{{.key = "other"}});
  EXPECT_EQ(rig_.events().size(), 3U);
  rig_.publish(wrong());
  EXPECT_EQ(rig_.api.nodes["pi-17"].taints.size(), 1U);
}

TEST_F(Publish, LooksForItsTaintWithEveryHeartbeat) {
  rig_.options.taint = kOurTaint;
  rig_.publish(ready());
  rig_.api.nodes["pi-17"].taints = {{.key = kOurTaint}};
  rig_.publish(ready());  // nothing is due
  EXPECT_EQ(rig_.api.nodes["pi-17"].taints.size(), 1U);
  rig_.clock.advance(minutes(5));
  rig_.publish(ready());
  EXPECT_TRUE(rig_.api.nodes["pi-17"].taints.empty());
}

TEST_F(Publish, LiftsTheTaintWithTheCredentialThatIsNamedForIt) {
  rig_.api.nodes["pi-17"].taints = {{.key = kOurTaint}};
  rig_.options.taint = kOurTaint;
  rig_.options.taint_kubeconfig = "/etc/untaint.kubeconfig";
  rig_.write("etc/untaint.kubeconfig", kubeconfig_text("token: second"));
  rig_.publish(ready());
  for (const auto& seen : rig_.api.seen()) {
    EXPECT_EQ(seen.authorization, seen.request == kPatchNode ? "Bearer second" : "Bearer first");
  }
  EXPECT_TRUE(rig_.api.nodes["pi-17"].taints.empty());
}

TEST_F(Publish, SendsNothingForATaintOfKubernetesOwn) {
  rig_.options.taint = "node.kubernetes.io/not-ready";
  EXPECT_FALSE(publish(ready(), rig_.options, {rig_.api, rig_.clock}, ""));
  EXPECT_EQ(rig_.api.requests(), Requests{});
}

TEST_F(Publish, PublishesAReportThatIsTooOldAsUnknown) {
  rig_.options.stale_after = std::chrono::hours(1);
  rig_.options.taint = kOurTaint;
  rig_.api.nodes["pi-17"].taints = {{.key = kOurTaint}};
  rig_.clock.advance(std::chrono::hours(2));
  rig_.publish(ready());
  EXPECT_EQ(rig_.condition("status"), "Unknown");
  EXPECT_EQ(rig_.api.nodes["pi-17"].taints.size(), 1U);
}

}  // namespace
}  // namespace nodeproof::kubernetes
