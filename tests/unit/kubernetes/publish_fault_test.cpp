#include <gtest/gtest.h>

#include "agent/kubernetes/publish.hpp"
#include "tests/unit/kubernetes/rig.hpp"

namespace nodeproof::kubernetes {
namespace {

using fakes::ScriptedAnswer;
using fakes::status_answer;

class PublishFault : public testing::Test {
 protected:
  void answer(const std::string& request, const ScriptedAnswer& answer, int times = 1) {
    for (int i = 0; i < times; ++i) rig_.api.answer_next(request, answer);
  }
  // What another writer does between our look at the taints and our patch.
  void push_taint_before_patch(const std::string& key) {
    rig_.api.before_next(kPatchNode, [this, key] {
      auto& taints = rig_.api.nodes["pi-17"].taints;
      taints.insert(taints.begin(), {.key = key});
    });
  }
  void taint() {
    rig_.api.nodes["pi-17"].taints = {{.key = kOurTaint}};
    rig_.options.taint = kOurTaint;
  }
  Rig rig_;
};

TEST_F(PublishFault, AConflictIsTriedAgainAtOnce) {
  answer(kPatchStatus, status_answer(409, "Conflict", "the object has been modified"), 2);
  EXPECT_TRUE(rig_.publish(ready()).failed.empty());
  EXPECT_EQ(rig_.condition("status"), "True");
}

TEST_F(PublishFault, AConflictThatLastsIsAnErrorAndTheNextCallWrites) {
  answer(kPatchStatus, status_answer(409, "Conflict", "the object has been modified"), 5);
  EXPECT_EQ(rig_.failure(ready()).code, Errc::busy);
  rig_.publish(ready());
  EXPECT_EQ(rig_.condition("status"), "True");
}

TEST_F(PublishFault, AForbiddenVerbNamesTheRightThatIsMissing) {
  answer(kPatchStatus,
         status_answer(403, "Forbidden", "nodes \"pi-17\" is forbidden: User \"x\" cannot patch"));
  const Error error = rig_.failure(ready());
  EXPECT_EQ(error.code, Errc::permission_denied);
  EXPECT_TRUE(error.message.contains("patch nodes/status")) << error.message;
  EXPECT_TRUE(error.message.contains("403 Forbidden")) << error.message;
  EXPECT_EQ(error.remedy,
            "allow this user to patch nodes/status, as systemd/kubernetes/rbac.yaml does");
}

TEST_F(PublishFault, EachRightIsInAManifestOfItsOwn) {
  taint();
  rig_.options.labels = true;
  answer(kPatchNode, status_answer(403, "Forbidden", "no"), 2);
  const Published done = rig_.publish(ready());
  ASSERT_EQ(done.failed.size(), 2U);
  EXPECT_TRUE(done.failed[0].remedy.contains("rbac-labels.yaml")) << done.failed[0].remedy;
  EXPECT_TRUE(done.failed[1].remedy.contains("untaint.yaml")) << done.failed[1].remedy;
}

TEST_F(PublishFault, NodeRestrictionIsExplained) {
  taint();
  answer(kPatchNode,
         status_answer(403, "Forbidden", "node \"pi-17\" is not allowed to modify taints"));
  const Error error = rig_.failure(ready());
  EXPECT_EQ(error.code, Errc::permission_denied);
  EXPECT_TRUE(error.remedy.contains("NodeRestriction")) << error.remedy;
  EXPECT_EQ(rig_.condition("status"), "True");
  rig_.publish(ready());  // not forgotten, though no heartbeat is due
  EXPECT_TRUE(rig_.api.nodes["pi-17"].taints.empty());
}

TEST_F(PublishFault, ATokenThatWasRotatedMeanwhileIsReadAgain) {
  rig_.api.token = "second";
  rig_.api.before_next(
      kGetNode, [this] { rig_.write("etc/node.kubeconfig", kubeconfig_text("token: second")); });
  EXPECT_TRUE(rig_.publish(ready()).failed.empty());
  EXPECT_EQ(rig_.api.requests(), (Requests{kGetNode, kGetNode, kPatchStatus, kPostEvent}));
}

TEST_F(PublishFault, ATokenThatIsRefusedIsNotSentTwiceNorPrinted) {
  rig_.api.token = "another";
  const Error error = rig_.failure(ready());
  EXPECT_EQ(error.code, Errc::unauthorized);
  EXPECT_EQ(rig_.api.requests(), Requests{kGetNode});
  EXPECT_TRUE(error.remedy.contains("node.kubeconfig")) << error.remedy;
  EXPECT_FALSE((error.message + error.remedy).contains("first"));
}

TEST_F(PublishFault, AServerThatIsBusySaysWhenToComeBackAndIsAskedNothingMore) {
  rig_.options.labels = true;
  auto busy = status_answer(429, "TooManyRequests", "too many requests");
  busy.headers = {{"retry-after", "17"}};
  answer(kPatchStatus, busy);
  const Published done = rig_.publish(ready());
  ASSERT_EQ(done.failed.size(), 1U);
  EXPECT_EQ(done.failed[0].code, Errc::throttled);
  EXPECT_EQ(done.retry_after, std::chrono::seconds(17));
  EXPECT_EQ(rig_.api.requests(), (Requests{kGetNode, kPatchStatus}));
}

TEST_F(PublishFault, AServerThatIsStartingIsLeftAloneToo) {
  auto starting = status_answer(503, "ServiceUnavailable", "starting");
  starting.headers = {{"retry-after", "3"}};
  rig_.publish(wrong());
  rig_.api.forget_requests();
  answer(kPatchStatus, starting);
  rig_.options.labels = true;
  EXPECT_EQ(rig_.publish(ready()).retry_after, std::chrono::seconds(3));
  EXPECT_EQ(rig_.api.requests(), Requests{kPatchStatus});
}

TEST_F(PublishFault, ARetryAfterMayBeADateAndIsNeverForEver) {
  auto away = status_answer(503, "ServiceUnavailable", "starting");
  away.headers = {{"retry-after", "Sat, 21 Nov 2026 00:02:00 GMT"}};
  answer(kGetNode, away);
  EXPECT_EQ(rig_.publish(ready()).retry_after, std::chrono::minutes(2));
  away.headers = {{"retry-after", "99999999"}};
  answer(kGetNode, away);
  EXPECT_EQ(rig_.publish(ready()).retry_after, std::chrono::hours(1));
  away.headers = {{"retry-after", "soon"}};
  answer(kGetNode, away);
  EXPECT_EQ(rig_.publish(ready()).retry_after, std::nullopt);
}

TEST_F(PublishFault, ANodeThatIsGoneIsLookedForAgain) {
  rig_.publish(ready());
  rig_.api.nodes.erase("pi-17");
  const Error error = rig_.failure(wrong());
  EXPECT_EQ(error.code, Errc::not_found);
  EXPECT_TRUE(error.remedy.contains("report.kubernetes.node"));
  rig_.api.nodes["pi-17"] = {.uid = "uid-2"};
  EXPECT_TRUE(rig_.publish(wrong()).failed.empty());
  EXPECT_EQ(rig_.condition("status"), "False");
}

TEST_F(PublishFault, ANodeThatOnlyTheLabelsMissedIsReadAnewToo) {
  rig_.options.labels = true;
  rig_.publish(ready());
  rig_.api.nodes.erase("pi-17");
  NodeReport other = ready();
  other.host.page_size = 4096;
  EXPECT_EQ(rig_.failure(other).code, Errc::not_found);
  rig_.api.nodes["pi-17"] = {.uid = "uid-2"};
  EXPECT_TRUE(rig_.publish(other).failed.empty());
  EXPECT_EQ(rig_.condition("status"), "True");
  EXPECT_EQ(rig_.api.nodes["pi-17"].labels["nodeproof.dev/page-size"], "4096");
}

TEST_F(PublishFault, ANodeThatWasMadeAnewBetweenTwoHeartbeatsGetsAnEventOfItsOwn) {
  rig_.publish(ready());
  rig_.api.nodes["pi-17"] = {.uid = "uid-2"};
  rig_.clock.advance(std::chrono::minutes(5));
  rig_.publish(ready());
  EXPECT_EQ(rig_.condition("status"), "True");
  ASSERT_EQ(rig_.api.events.size(), 2U);
  EXPECT_EQ(rig_.api.events.rbegin()->second["uid"], "uid-2");
}

TEST_F(PublishFault, AServersErrorKeepsWhatWasKnown) {
  rig_.publish(ready());
  answer(kPatchStatus, {.status = 500, .headers = {}, .body = "<html>\x1B[31mno", .broken = {}});
  const Error error = rig_.failure(wrong());
  EXPECT_EQ(error.code, Errc::server_error);
  EXPECT_FALSE(error.message.contains('\x1B'));
  rig_.publish(wrong());
  EXPECT_EQ(rig_.condition("status"), "False");
}

TEST_F(PublishFault, WhatAnswersWithoutJsonIsNoApiServer) {
  for (const char* body :
       {"", "<html>login</html>", "[]", R"({"kind":"Node"})", "\xFF",
        R"({"kind":"Pod","metadata":{"uid":"u"}})", R"({"kind":"Node","metadata":{"uid":7}})"}) {
    rig_.memory.clear();
    answer(kGetNode, {.status = 200, .headers = {}, .body = body, .broken = {}});
    EXPECT_EQ(rig_.failure(ready()).code, Errc::server_error) << body;
  }
}

TEST_F(PublishFault, ARedirectIsNotFollowed) {
  answer(kGetNode, {.status = 302,
                    .headers = {{"location", "https://api.test:6443/x"}},
                    .body = "",
                    .broken = {}});
  EXPECT_EQ(rig_.failure(ready()).code, Errc::server_error);
  EXPECT_EQ(rig_.api.requests(), Requests{kGetNode});
}

TEST_F(PublishFault, AHugeAnswerIsGivenUp) {
  answer(kGetNode, {.status = 200, .headers = {}, .body = std::string(5 << 20, ' '), .broken = {}});
  EXPECT_EQ(rig_.failure(ready()).code, Errc::too_large);
}

TEST_F(PublishFault, AServerThatIsAwayEndsTheAttemptAtOnce) {
  rig_.options.labels = true;
  rig_.publish(ready());
  rig_.api.forget_requests();
  answer(
      kPatchStatus,
      {.status = 0, .headers = {}, .body = {}, .broken = Error{Errc::unreachable, "refused", ""}});
  const Error error = rig_.failure(wrong());
  EXPECT_EQ(error.code, Errc::unreachable);
  EXPECT_TRUE(error.message.contains("patch nodes/status at https://api.test:6443"))
      << error.message;
  EXPECT_EQ(rig_.api.requests(), Requests{kPatchStatus});
}

TEST_F(PublishFault, AnEventThatCouldNotBeSentIsOwed) {
  answer(kPostEvent, status_answer(500, "InternalError", "etcd"));
  EXPECT_EQ(rig_.failure(wrong()).code, Errc::server_error);
  EXPECT_TRUE(rig_.api.events.empty());
  rig_.publish(wrong());
  EXPECT_EQ(rig_.events(), (std::vector<std::string>{"ArchMismatch/Warning/1"}));
}

TEST_F(PublishFault, AnEventsNameThatIsTakenIsNotUsed) {
  answer(kPostEvent, status_answer(409, "AlreadyExists", "taken"));
  EXPECT_TRUE(rig_.publish(wrong()).failed.empty());
  EXPECT_EQ(rig_.api.events.size(), 1U);
}

TEST_F(PublishFault, AnEventThatTheServerForgotIsSentAnew) {
  rig_.publish(wrong());
  rig_.api.events.clear();
  rig_.clock.advance(std::chrono::seconds(1));
  rig_.publish(ready());
  rig_.clock.advance(std::chrono::seconds(1));
  rig_.publish(wrong());
  EXPECT_EQ(rig_.events(),
            (std::vector<std::string>{"AllImagesReady/Normal/1", "ArchMismatch/Warning/1"}));
}

TEST_F(PublishFault, AnotherWriterOfTaintsIsNotHarmed) {
  taint();
  push_taint_before_patch("a");
  push_taint_before_patch("b");
  EXPECT_TRUE(rig_.publish(ready()).failed.empty());
  EXPECT_EQ(rig_.api.nodes["pi-17"].taints,
            (std::vector<fakes::FakeTaint>{{.key = "b"}, {.key = "a"}}));
}

TEST_F(PublishFault, ATaintThatSomebodyElseHasLiftedIsNoError) {
  taint();
  rig_.api.before_next(kPatchNode, [this] { rig_.api.nodes["pi-17"].taints.clear(); });
  EXPECT_TRUE(rig_.publish(ready()).failed.empty());
  EXPECT_EQ(rig_.events(), (std::vector<std::string>{"AllImagesReady/Normal/1"}));
}

TEST_F(PublishFault, ANodeOfTheSameNameThatIsAnotherIsNotUntainted) {
  taint();
  rig_.api.before_next(kPatchNode, [this] { rig_.api.nodes["pi-17"].uid = "uid-2"; });
  rig_.publish(ready());
  EXPECT_TRUE(rig_.api.nodes["pi-17"].taints.empty());  // seen again, then lifted from that one
  EXPECT_EQ(rig_.api.requests(), (Requests{kGetNode, kPatchStatus, kPostEvent, kPatchNode, kGetNode,
                                           kPatchNode, kPostEvent}));
}

TEST_F(PublishFault, AWriterThatIsAlwaysFirstIsGivenWayAndTheTaintIsNotForgotten) {
  taint();
  for (const char* key : {"a", "b", "c", "d", "e"}) push_taint_before_patch(key);
  EXPECT_EQ(rig_.failure(ready()).code, Errc::invalid_document);
  EXPECT_EQ(rig_.api.nodes["pi-17"].taints.size(), 6U);
  EXPECT_TRUE(rig_.publish(ready()).failed.empty());
  EXPECT_EQ(rig_.api.nodes["pi-17"].taints.size(), 5U);
}

TEST_F(PublishFault, ATaintsCredentialThatIsGoneHoldsUpNothingElse) {
  taint();
  rig_.options.taint_kubeconfig = "/etc/gone.kubeconfig";
  const Error error = rig_.failure(ready());
  EXPECT_TRUE(error.message.contains("gone.kubeconfig")) << error.message;
  EXPECT_EQ(rig_.condition("status"), "True");
  EXPECT_EQ(rig_.events(), (std::vector<std::string>{"AllImagesReady/Normal/1"}));
  rig_.api.forget_requests();
  EXPECT_EQ(rig_.publish(ready()).failed.size(), 1U);
  EXPECT_EQ(rig_.api.requests(), Requests{});  // what was done is known to be done
  rig_.options.taint_kubeconfig.clear();
  rig_.publish(ready());
  EXPECT_TRUE(rig_.api.nodes["pi-17"].taints.empty());
}

TEST_F(PublishFault, LabelsThatAreRefusedHoldUpNothingElse) {
  taint();
  rig_.options.labels = true;
  answer(kPatchNode, status_answer(403, "Forbidden", "no"));
  EXPECT_EQ(rig_.failure(ready()).code, Errc::permission_denied);
  EXPECT_TRUE(rig_.api.nodes["pi-17"].taints.empty());
  EXPECT_TRUE(rig_.publish(ready()).failed.empty());
  EXPECT_FALSE(rig_.api.nodes["pi-17"].labels.empty());
}

TEST_F(PublishFault, AStopEndsIt) {
  std::stop_source stop;
  stop.request_stop();
  const auto done = publish(ready(), rig_.options, {rig_.api, rig_.clock, stop.get_token()}, "");
  ASSERT_TRUE(done);
  ASSERT_EQ(done->failed.size(), 1U);
  EXPECT_EQ(done->failed[0].code, Errc::cancelled);
}

TEST_F(PublishFault, ACredentialThatCannotBeReadIsTheOnlyError) {
  rig_.options.kubeconfig = "/etc/gone";
  const auto done = publish(ready(), rig_.options, {rig_.api, rig_.clock}, "");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::not_found);
}

}  // namespace
}  // namespace nodeproof::kubernetes
