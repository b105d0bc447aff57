// Where the pods of a DaemonSet land: vectors after the scheduler's own rules.
#include <gtest/gtest.h>

#include "agent/kubernetes/daemonset.hpp"

namespace nodeproof::kubernetes {
namespace {

json::Value parsed(const std::string& text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value) << value.error().message << text;
  return value ? *value : json::Value();
}

Landing node() { return {"pi-17", {{"arch", "arm64"}, {"rank", "7"}, {"zone", ""}}, {}}; }

Result<std::optional<PodImages>> daemonset(const std::string& spec, const Landing& on = node()) {
  return daemonset_on(
      parsed(
          R"({ "metadata": { "name": "log", "namespace": "ops" }, "spec": { "template": { "spec": {
             "containers": [{"image": "log:1"}])" +
          (spec.empty() ? "" : ", " + spec) + "} } } }"),
      on);
}

bool lands(const std::string& spec, const Landing& on = node()) {
  const auto found = daemonset(spec, on);
  EXPECT_TRUE(found) << found.error().message;
  return found && found->has_value();
}

bool fits(const std::string& requirement) {
  return lands(R"("affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
               {"nodeSelectorTerms": [{"matchExpressions": [{)" +
               requirement + "}]}]}}}");
}

TEST(DaemonSet, GivesTheImagesOfItsTemplate) {
  const auto found = daemonset("");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(**found, (PodImages{"ops", "log", {"log:1"}, "default", {}}));
}

TEST(DaemonSet, GoesWhereItsNodeSelectorSays) {
  EXPECT_TRUE(lands(R"("nodeSelector": {"arch": "arm64", "zone": ""})"));
  EXPECT_FALSE(lands(R"("nodeSelector": {"arch": "amd64"})"));
  EXPECT_FALSE(lands(R"("nodeSelector": {"arch": "arm64", "gpu": "yes"})"));
  EXPECT_TRUE(lands(R"("nodeName": "pi-17")"));
  EXPECT_FALSE(lands(R"("nodeName": "pi-18")"));
  EXPECT_FALSE(lands(R"("os": {"name": "windows"})"));
}

TEST(DaemonSet, GoesWhereItsRequiredAffinitySays) {
  EXPECT_TRUE(fits(R"("key": "arch", "operator": "In", "values": ["amd64", "arm64"])"));
  EXPECT_FALSE(fits(R"("key": "arch", "operator": "In", "values": ["amd64"])"));
  EXPECT_FALSE(fits(R"("key": "gpu", "operator": "In", "values": [""])"));
  EXPECT_FALSE(fits(R"("key": "arch", "operator": "NotIn", "values": ["arm64"])"));
  EXPECT_TRUE(fits(R"("key": "gpu", "operator": "NotIn", "values": ["yes"])")) << "absent";
  EXPECT_TRUE(fits(R"("key": "zone", "operator": "Exists")"));
  EXPECT_FALSE(fits(R"("key": "gpu", "operator": "Exists")"));
  EXPECT_TRUE(fits(R"("key": "gpu", "operator": "DoesNotExist")"));
  EXPECT_FALSE(fits(R"("key": "zone", "operator": "DoesNotExist")"));
  EXPECT_TRUE(fits(R"("key": "rank", "operator": "Gt", "values": ["6"])"));
  EXPECT_FALSE(fits(R"("key": "rank", "operator": "Gt", "values": ["7"])"));
  EXPECT_TRUE(fits(R"("key": "rank", "operator": "Lt", "values": ["8"])"));
  EXPECT_FALSE(fits(R"("key": "arch", "operator": "Lt", "values": ["8"])")) << "no number";
  EXPECT_FALSE(fits(R"("key": "gpu", "operator": "Lt", "values": ["8"])"));
}

TEST(DaemonSet, NeedsOneOfTheTermsWhole) {
  const auto terms = [](const std::string& list) {
    return lands(R"("affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                 {"nodeSelectorTerms": [)" +
                 list + "]}}}");
  };
  const std::string yes = R"({"key": "arch", "operator": "Exists"})";
  const std::string no = R"({"key": "gpu", "operator": "Exists"})";
  EXPECT_TRUE(
      terms(R"({"matchExpressions": [)" + no + R"(]}, {"matchExpressions": [)" + yes + "]}"));
  EXPECT_FALSE(terms(R"({"matchExpressions": [)" + yes + "," + no + "]}"));
  EXPECT_FALSE(terms("{}")) << "an empty term";
  EXPECT_FALSE(terms("")) << "no term";
  const std::string name =
      R"({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [")";
  EXPECT_TRUE(terms(name + R"(pi-17"]}]})"));
  EXPECT_FALSE(terms(name + R"(pi-18"]}]})"));
}

TEST(DaemonSet, PreferencesHoldNothingUp) {
  EXPECT_TRUE(
      lands(R"("affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
      [{"weight": 1, "preference": {"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}}]},
      "podAntiAffinity": {}})"));
}

TEST(DaemonSet, AnOperatorThatIsNotKnownIsAnError) {
  EXPECT_FALSE(
      daemonset(R"("affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
      {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Near"}]}]}}})"));
}

TEST(DaemonSet, TaintsNeedTolerations) {
  Landing tainted = node();
  tainted.taints = {{"gpu", "yes", "NoSchedule"}};
  const auto tolerated = [&](const std::string& toleration) {
    return lands("\"tolerations\": [{" + toleration + "}]", tainted);
  };
  EXPECT_FALSE(lands("", tainted));
  EXPECT_TRUE(tolerated(R"("key": "gpu", "value": "yes", "effect": "NoSchedule")"));
  EXPECT_TRUE(tolerated(R"("key": "gpu", "operator": "Equal", "value": "yes")"));
  EXPECT_TRUE(tolerated(R"("key": "gpu", "operator": "Exists")"));
  EXPECT_TRUE(tolerated(R"("operator": "Exists")"));
  EXPECT_FALSE(tolerated(R"("key": "gpu", "value": "no")"));
  EXPECT_FALSE(tolerated(R"("key": "gpu", "operator": "Exists", "effect": "NoExecute")"));
  EXPECT_FALSE(tolerated(R"("key": "cpu", "operator": "Exists")"));
  tainted.taints[0].effect = "PreferNoSchedule";
  EXPECT_TRUE(lands("", tainted));
  tainted.taints[0].effect = "NoExecute";
  EXPECT_FALSE(lands("", tainted));
}

TEST(DaemonSet, ATolerationThatIsNotUnderstoodIsAnErrorWhereItCounts) {
  const std::string near = R"({"key": "gpu", "operator": "Near", "value": "yes"})";
  Landing tainted = node();
  EXPECT_TRUE(lands("\"tolerations\": [" + near + "]", tainted)) << "there is no such taint";
  tainted.taints = {{"gpu", "yes", "NoSchedule"}};
  const auto found = daemonset("\"tolerations\": [" + near + "]", tainted);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::unsupported);
  EXPECT_TRUE(found.error().message.starts_with("the DaemonSet log: ")) << found.error().message;
  EXPECT_TRUE(lands("\"tolerations\": [" + near + R"(, {"operator": "Exists"}])", tainted));
}

TEST(DaemonSet, OneThatIsBeingDeletedMakesNoPods) {
  const auto gone =
      daemonset_on(parsed(R"({"metadata": {"deletionTimestamp": "2026-11-22T00:00:00Z"},
      "spec": {"template": {"spec": {"containers": [{"image": "a"}]}}}})"),
                   node());
  ASSERT_TRUE(gone);
  EXPECT_FALSE(*gone);
}

TEST(Landing, LeavesOutTheTaintsThatPass) {
  const auto found = read_landing(parsed(R"({"metadata": {"name": "pi-17", "labels": {"a": "b"}},
      "spec": {"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"},
                          {"key": "readiness.k8s.io/nodeproof", "effect": "NoSchedule"},
                          {"key": "startup-taint.cluster-autoscaler.kubernetes.io/disk",
                           "effect": "NoSchedule"},
                          {"key": "node.cilium.io/agent-not-ready", "effect": "NoExecute"},
                          {"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}})"));
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (Landing{"pi-17", {{"a", "b"}}, {{"gpu", "yes", "NoSchedule"}}}));
}

TEST(Landing, LeavesOutTheTaintThatNodeproofLifts) {
  const json::Value tainted = parsed(R"({"metadata": {"name": "pi-17"}, "spec": {"taints": [
      {"key": "example.com/unproven", "effect": "NoSchedule"},
      {"key": "example.com/unproven-too", "effect": "NoSchedule"}]}})");
  EXPECT_EQ(read_landing(tainted)->taints.size(), 2U);
  EXPECT_EQ(read_landing(tainted, "example.com/unproven")->taints,
            (std::vector<NodeTaint>{{"example.com/unproven-too", "", "NoSchedule"}}));
}

}  // namespace
}  // namespace nodeproof::kubernetes
