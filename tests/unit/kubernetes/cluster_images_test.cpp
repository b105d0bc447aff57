#include "agent/kubernetes/cluster_images.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/scripted_http.hpp"

namespace nodeproof::kubernetes {
namespace {

const std::string kServer = "https://10.0.0.1:6443";
const std::string kPods =
    kServer + "/api/v1/pods?fieldSelector=spec.nodeName%3Dpi-17&resourceVersion=0";
const std::string kNode = kServer + "/api/v1/nodes/pi-17?resourceVersion=0";
const std::string kSets = kServer + "/apis/apps/v1/daemonsets?resourceVersion=0";
// {"auths":{}}
const std::string kSecret =
    R"({"kind":"Secret","type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"eyJhdXRocyI6e319"}})";

std::string pod(const std::string& name, const std::string& image, const std::string& secret = "") {
  return R"({"metadata":{"name":")" + name +
         R"(","namespace":"shop"},"spec":{"containers":[{"image":")" + image + "\"}]" +
         (secret.empty() ? "" : R"(,"imagePullSecrets":[{"name":")" + secret + "\"}]") + "}}";
}

std::string set(const std::string& name, const std::string& image, const std::string& more = "") {
  return R"({"metadata":{"name":")" + name +
         R"(","namespace":"shop"},"spec":{"template":{"spec":{"containers":[{"image":")" + image +
         "\"}]" + more + "}}}}";
}

std::string list_of(const std::string& kind, const std::string& items) {
  return R"({"kind":")" + kind + R"(List","metadata":{"resourceVersion":"7"},"items":[)" + items +
         "]}";
}
std::string pods(const std::string& items) { return list_of("Pod", items); }

class ClusterImagesTest : public ::testing::Test {
 protected:
  ClusterImagesTest() { serve(kNode, R"({"kind":"Node","metadata":{"name":"pi-17"}})"); }
  void serve(const std::string& url, std::string body, int status = 200) {
    http_.answer(url, {{.status = status, .headers = {}, .body = std::move(body), .broken = {}}});
  }
  void serve_secret(const std::string& name, const std::string& body, int status = 200) {
    serve(kServer + "/api/v1/namespaces/shop/secrets/" + name, body, status);
  }
  ClusterReader reader(ClusterWish wish = {}) { return {client_, wish, {}}; }
  [[nodiscard]] long asked_for(std::string_view part) const {
    return std::ranges::count_if(http_.urls(),
                                 [&](const std::string& url) { return url.contains(part); });
  }

  fakes::ScriptedHttp http_;
  const fakes::FakeClock clock_;
  Client client_{http_, clock_, [] {
                   Credentials found;
                   found.server = kServer;
                   found.token = "abc";
                   found.source = "the kubeconfig";
                   return Result<Credentials>(found);
                 }};
};

TEST_F(ClusterImagesTest, PodsBringTheirImagesAndTheLoginsForThem) {
  serve(kPods, pods(pod("web", "web:1", "r") + "," + pod("api", "api:1", "r")));
  serve_secret("r", kSecret);
  const auto found = reader().pods("pi-17");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->images,
            (std::vector<ClusterImage>{{"web:1", "pod shop/web"}, {"api:1", "pod shop/api"}}));
  ASSERT_EQ(found->logins.size(), 2U);
  EXPECT_EQ(found->logins[1].reference, "api:1");
  EXPECT_EQ(found->logins[1].docker_config, R"({"auths":{}})");
  EXPECT_EQ(found->logins[1].source, "the pull secret shop/r");
  EXPECT_EQ(asked_for("/secrets/"), 1) << "once for all pods";
}

TEST_F(ClusterImagesTest, AWrongNameIsNoNodeWithoutPods) {
  serve(kServer + "/api/v1/nodes/pi-71?resourceVersion=0",
        R"({"kind":"Status","reason":"NotFound","message":"nodes \"pi-71\" not found"})", 404);
  serve(kServer + "/api/v1/pods?fieldSelector=spec.nodeName%3Dpi-71&resourceVersion=0", pods(""));
  const auto found = reader().pods("pi-71");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::not_found);
  EXPECT_EQ(found.error().remedy,
            "set report.kubernetes.node to the name that kubectl get nodes shows");
}

TEST_F(ClusterImagesTest, TheNodeIsAskedForOnce) {
  serve(kPods, pods(""));
  serve(kSets, list_of("DaemonSet", ""));
  ClusterReader one = reader();
  EXPECT_TRUE(one.pods("pi-17"));
  EXPECT_TRUE(one.daemonsets("pi-17"));
  EXPECT_EQ(asked_for("/nodes/"), 1);
}

TEST_F(ClusterImagesTest, WhatIsNoWholeListIsNoEmptyOne) {
  for (const std::string body :
       {R"({})", R"({"kind":"Status","items":[]})", R"({"kind":"PodList"})",
        R"({"kind":"PodList","metadata":{"continue":"abc"},"items":[]})",
        R"({"kind":"DaemonSetList","items":[]})"}) {
    serve(kPods, body);
    const auto found = reader().pods("pi-17");
    ASSERT_FALSE(found) << body;
    EXPECT_EQ(found.error().code, Errc::server_error) << body;
  }
  for (const std::string body : {"[]", R"("items")", R"({"kind":"PodList","items":{}})"}) {
    serve(kPods, body);
    EXPECT_FALSE(reader().pods("pi-17")) << body;
  }
  serve(kPods, R"({"kind":"PodList","items":null})");
  EXPECT_TRUE(reader().pods("pi-17"));
}

TEST_F(ClusterImagesTest, AListMayBeLargerThanAnObjectAndHasAnEnd) {
  const auto padded = [](std::size_t mib) {
    return pods(R"({"metadata":{"name":"big","annotations":{"a":")" + std::string(mib << 20, 'x') +
                R"("}},"spec":{"containers":[{"image":"big:1"}]}})");
  };
  serve(kPods, padded(5));
  EXPECT_TRUE(reader().pods("pi-17"));
  serve(kPods, padded(13));
  const auto found = reader().pods("pi-17");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::too_large);
  serve(kSets, list_of("DaemonSet", ""));
  ClusterReader one = reader();
  EXPECT_FALSE(one.pods("pi-17"));
  EXPECT_TRUE(one.daemonsets("pi-17")) << "the server is there";
}

TEST_F(ClusterImagesTest, AnotherNodeIsNotThisOne) {
  serve(kPods, pods(""));
  for (const std::string body : {R"({"kind":"Node","metadata":{"name":"pi-18"}})",
                                 R"({"kind":"Status","metadata":{"name":"pi-17"}})"}) {
    serve(kNode, body);
    const auto found = reader().pods("pi-17");
    ASSERT_FALSE(found) << body;
    EXPECT_EQ(found.error().code, Errc::server_error) << body;
  }
}

TEST_F(ClusterImagesTest, AGlanceAsksForNoSecret) {
  serve(kPods, pods(pod("web", "web:1", "r")));
  EXPECT_EQ(reader({.logins = false}).pods("pi-17")->images.size(), 1U);
  EXPECT_EQ(asked_for("/secrets/"), 0);
}

TEST_F(ClusterImagesTest, MirrorsCountForNobodyMayReadTheirManifests) {
  serve(kPods, pods(R"({"metadata":{"name":"etcd-pi-17","namespace":"kube-system","annotations":
      {"kubernetes.io/config.mirror":"x"}},"spec":{"containers":[{"image":"etcd:1"}]}})"));
  EXPECT_EQ(reader().pods("pi-17")->images,
            (std::vector<ClusterImage>{{"etcd:1", "pod kube-system/etcd-pi-17"}}));
}

TEST_F(ClusterImagesTest, AClosedSecretIsAProblemOfTheLoginAlone) {
  serve(kPods, pods(pod("web", "web:1", "r") + "," + pod("x", "x:1", "../nodes/a")));
  serve_secret("r", R"({"reason":"Forbidden","message":"secrets \"r\" is forbidden"})", 403);
  const auto found = reader().pods("pi-17");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->images.size(), 2U);
  EXPECT_TRUE(found->logins.empty());
  ASSERT_EQ(found->problems.size(), 2U);
  EXPECT_TRUE(found->problems[0].message.starts_with("the pull secret shop/r: get secrets "))
      << found->problems[0].message;
  EXPECT_TRUE(found->problems[0].remedy.contains("rbac-images.yaml"));
  EXPECT_EQ(asked_for(".."), 0) << "a name is a part of a path";
}

TEST_F(ClusterImagesTest, OnePodThatCannotBeReadLeavesTheSetUnknown) {
  serve(kPods, pods(pod("web", "web:1") + R"(,{"metadata":{},"spec":{}})"));
  EXPECT_FALSE(reader().pods("pi-17"));
}

TEST_F(ClusterImagesTest, DaemonSetsTakeTheirAccountsSecretsWhereTheyNameNone) {
  serve(kNode, R"({"kind":"Node","metadata":{"name":"pi-17","labels":{"board":"pi"}}})");
  serve(kSets,
        list_of("DaemonSet", set("log", "log:1", R"(,"serviceAccountName":"log")") + "," +
                                 set("own", "own:1", R"(,"imagePullSecrets":[{"name":"o"}])") +
                                 "," + set("gpu", "gpu:1", R"(,"nodeSelector":{"board":"orin"})")));
  serve(kServer + "/api/v1/namespaces/shop/serviceaccounts/log",
        R"({"kind":"ServiceAccount","imagePullSecrets":[{"name":"r"}]})");
  serve_secret("r", kSecret);
  serve_secret("o", kSecret);
  const auto found = reader().daemonsets("pi-17");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->images, (std::vector<ClusterImage>{{"log:1", "DaemonSet shop/log"},
                                                      {"own:1", "DaemonSet shop/own"}}));
  ASSERT_EQ(found->logins.size(), 2U);
  EXPECT_EQ(found->logins[0].source, "the pull secret shop/r");
  EXPECT_EQ(found->logins[1].source, "the pull secret shop/o");
  EXPECT_EQ(asked_for("/serviceaccounts/"), 1);
}

TEST_F(ClusterImagesTest, TheTaintThatWaitsForThisVeryProofKeepsNoDaemonSetAway) {
  serve(kNode, R"({"kind":"Node","metadata":{"name":"pi-17"},"spec":{"taints":[
      {"key":"example.com/unproven","effect":"NoSchedule"}]}})");
  serve(kSets, list_of("DaemonSet", set("log", "log:1")));
  EXPECT_TRUE(reader().daemonsets("pi-17")->images.empty());
  EXPECT_EQ(reader({.taint = "example.com/unproven"}).daemonsets("pi-17")->images.size(), 1U);
}

TEST_F(ClusterImagesTest, AnAccountIsReadOnceAndToldOfOnce) {
  serve(kSets, list_of("DaemonSet", set("log", "log:1") + "," + set("net", "net:1")));
  serve(kServer + "/api/v1/namespaces/shop/serviceaccounts/default", R"({"message":"no"})", 403);
  const auto found = reader().daemonsets("pi-17");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->images.size(), 2U);
  EXPECT_EQ(found->problems.size(), 1U);
  EXPECT_EQ(asked_for("/serviceaccounts/"), 1);
}

TEST_F(ClusterImagesTest, NothingMoreIsAskedOfAServerThatIsAwayOrWantsToBeLeftAlone) {
  serve(kPods, pods(pod("web", "web:1", "r") + "," + pod("api", "api:1", "s")));
  serve_secret("r", R"({"message":"slow down"})", 429);
  ClusterReader one = reader();
  const auto found = one.pods("pi-17");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->images.size(), 2U);
  EXPECT_EQ(found->problems.size(), 1U);
  EXPECT_EQ(asked_for("/secrets/"), 1);
  const auto sets = one.daemonsets("pi-17");
  ASSERT_FALSE(sets);
  EXPECT_EQ(sets.error().code, Errc::throttled);
  EXPECT_EQ(asked_for("/daemonsets"), 0);
}

TEST_F(ClusterImagesTest, AClientOfLittlePatienceBeginsNoCallThatMightEndTooLate) {
  using std::chrono::seconds;
  fakes::FakeClock clock;
  Client client(http_, clock,
                [] {
                  Credentials found;
                  found.server = kServer;
                  return Result<Credentials>(found);
                },
                {seconds(5), seconds(10), seconds(30)});
  serve(kPods, pods(""));
  ClusterReader one(client, {}, {});
  EXPECT_TRUE(one.pods("pi-17"));
  EXPECT_EQ(http_.requests().at(0).connect_timeout, seconds(5));
  EXPECT_EQ(http_.requests().at(0).whole_timeout, seconds(10));
  clock.advance(seconds(15));
  EXPECT_TRUE(one.pods("pi-17"));
  clock.advance(seconds(1));
  const auto late = one.pods("pi-17");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::timeout);
}

TEST_F(ClusterImagesTest, WhoMayNotAskIsToldWhatToAllow) {
  serve(kSets, R"({"reason":"Forbidden","message":"no"})", 403);
  const auto found = reader().daemonsets("pi-17");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::permission_denied);
  EXPECT_EQ(found.error().remedy,
            "allow this user to list daemonsets, as systemd/kubernetes/rbac-images.yaml does");
}

}  // namespace
}  // namespace nodeproof::kubernetes
