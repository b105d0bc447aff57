#include "agent/kubernetes/taint.hpp"

#include <gtest/gtest.h>

namespace nodeproof::kubernetes {
namespace {

Taint taint(const std::string& key, const std::string& effect = "NoSchedule") {
  return {.key = key, .effect = effect, .source = R"({"key":")" + key + R"("})"};
}

TEST(TaintKey, IsOneThatMayBeOurs) {
  for (const char* key : {"readiness.k8s.io/nodeproof", "example.org/not-ready", "mine"}) {
    EXPECT_TRUE(check_taint_key(key)) << key;
  }
  for (const char* key :
       {"a=b:NoSchedule", "/x", "x/", "a b", "a/b/c", "node.kubernetes.io/not-ready",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node-role.kubernetes.io/control-plane"}) {
    const auto checked = check_taint_key(key);
    ASSERT_FALSE(checked) << key;
    EXPECT_EQ(checked.error().code, Errc::invalid_config);
  }
}

TEST(UntaintPatch, TakesOursFromBehindEachBoundToWhatStandsThere) {
  const Node node{.uid = "u",
                  .condition = {},
                  .labels = {},
                  .taints = {taint("ours"), taint("ours-not"), taint("ours", "NoExecute")}};
  EXPECT_EQ(untaint_patch(node, "ours"),
            R"([{"op":"test","path":"/metadata/uid","value":"u"},)"
            R"({"op":"test","path":"/spec/taints/2","value":{"key":"ours"}},)"
            R"({"op":"remove","path":"/spec/taints/2"},)"
            R"({"op":"test","path":"/spec/taints/0","value":{"key":"ours"}},)"
            R"({"op":"remove","path":"/spec/taints/0"}])");
  EXPECT_EQ(untaint_patch(node, "our"), "");
}

TEST(UntaintPatch, GivesBackATaintExactlyAsTheServerGaveIt) {
  const std::string body =
      R"({"kind":"Node","metadata":{"uid":"u"},"spec":{"taints":[)"
      R"({"key":"ours","effect":"NoSchedule", "timeAdded":"2026-11-21T00:00:00Z","newer":{"a":[1]}}]}})";
  const auto object = json::parse(body);
  ASSERT_TRUE(object);
  const auto node = read_node(*object, body);
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_TRUE(untaint_patch(*node, "ours").contains(R"("newer":{"a":[1]}})"));
}

TEST(NodeName, IsASubdomain) {
  for (const char* name : {"pi-17", "a", "node.lan", "10.0.0.1"}) EXPECT_TRUE(is_node_name(name));
  for (const char* name : {"", "Pi", "-a", "a-", "a..b", "a/b", "a b", "..", "a?x", "\xC3\xA4"}) {
    EXPECT_FALSE(is_node_name(name)) << name;
  }
  EXPECT_FALSE(is_node_name(std::string(254, 'a')));
}

}  // namespace
}  // namespace nodeproof::kubernetes
