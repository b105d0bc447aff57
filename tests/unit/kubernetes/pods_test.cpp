#include <gtest/gtest.h>

#include "agent/kubernetes/pod.hpp"
#include "agent/kubernetes/pull_secret.hpp"

namespace nodeproof::kubernetes {
namespace {

json::Value parsed(std::string_view text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value) << value.error().message;
  return value ? *value : json::Value();
}

std::optional<PodImages> pod(std::string_view text) {
  const auto found = read_pod(parsed(text));
  EXPECT_TRUE(found) << found.error().message;
  return found ? *found : std::nullopt;
}

TEST(Pod, NamesTheImagesOfItsContainersAndHowTheyArePulled) {
  const auto found = pod(R"({ "metadata": { "name": "web-1", "namespace": "shop" }, "spec": {
      "serviceAccountName": "web", "imagePullSecrets": [{"name": "a"}, {}, {"name": "b"}],
      "initContainers": [{"image": "init:1"}], "containers": [{"image": "web:1"}, {"image": "init:1"}],
      "ephemeralContainers": [{"image": "debug:1"}] }, "status": {"phase": "Running"} })");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (PodImages{"shop", "web-1", {"init:1", "web:1"}, "web", {"a", "b"}}));
}

TEST(Pod, NeedsTheImagesOfItsVolumesToo) {
  const auto found = pod(R"({ "metadata": { "name": "x" }, "spec": {
      "containers": [{"image": "web:1"}], "volumes": [
      {"name": "a", "emptyDir": {}}, {"name": "m", "image": {"reference": "model:1"}},
      {"name": "w", "image": {"reference": "web:1"}}, {"name": "n", "image": {}}] } })");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->images, (std::vector<std::string>{"web:1", "model:1"}));
}

TEST(Pod, IsNotCountedWhenItRunsNoMore) {
  const auto with = [](std::string_view more) {
    return pod(R"({ "metadata": { "name": "x" }, "spec": { "containers": [{"image": "a:1"}])" +
               std::string(more) + " }");
  };
  EXPECT_TRUE(with("}"));
  EXPECT_TRUE(with(R"(}, "status": {"phase": "Pending"})"));
  EXPECT_FALSE(with(R"(}, "status": {"phase": "Succeeded"})"));
  EXPECT_FALSE(with(R"(}, "status": {"phase": "Failed"})"));
  EXPECT_FALSE(with(R"(, "os": {"name": "windows"}})"));
}

TEST(Pod, WhatIsNoneIsAnErrorThatNamesThePlace) {
  const auto wrong = [](std::string_view text) {
    const auto found = read_pod(parsed(text));
    return found ? std::string("read") : found.error().message;
  };
  EXPECT_EQ(wrong("{}"), "$: a pod has metadata and a spec");
  EXPECT_EQ(wrong("[]"), "$: a pod has metadata and a spec");
  EXPECT_EQ(wrong(R"({"metadata": {}, "spec": {"containers": 1}})"),
            "$.spec.containers: expected a list, found a number");
  EXPECT_EQ(wrong(R"({"metadata": {}, "spec": {"containers": [{"image": 1}]}})"),
            "$.spec.containers[0].image: expected a string, found a number");
}

TEST(PullSecret, IsADockerConfigInEitherOfItsTypes) {
  const auto of = [](std::string_view type, std::string_view key, std::string_view data) {
    return docker_config_of(parsed(R"({"type": ")" + std::string(type) + R"(", "data": {")" +
                                   std::string(key) + R"(": ")" + std::string(data) + "\"}}"));
  };
  // {"auths":{}} and {"r":{}}
  EXPECT_EQ(
      of("kubernetes.io/dockerconfigjson", ".dockerconfigjson", "eyJhdXRocyI6e319").value_or(""),
      R"({"auths":{}})");
  EXPECT_EQ(of("kubernetes.io/dockercfg", ".dockercfg", "eyJyIjp7fX0=").value_or(""),
            R"({"auths":{"r":{}}})");
  EXPECT_FALSE(of("Opaque", ".dockerconfigjson", "eyJhdXRocyI6e319"));
  EXPECT_FALSE(of("kubernetes.io/dockerconfigjson", "other", "eyJhdXRocyI6e319"));
  EXPECT_FALSE(of("kubernetes.io/dockercfg", ".dockercfg", "c2VjcmV0")) << "no JSON";
  const auto broken = of("kubernetes.io/dockerconfigjson", ".dockerconfigjson", "se%cret");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message, "the Secret's .dockerconfigjson cannot be read");
}

}  // namespace
}  // namespace nodeproof::kubernetes
