#include "agent/prepull/pull_secrets.hpp"

#include <gtest/gtest.h>

#include "agent/codes.hpp"

namespace nodeproof::prepull {
namespace {

const Reference& app() {
  static const Reference reference = Reference::parse("registry.lan/team/app:1").value();
  return reference;
}

bool is_bypassed(const std::string& policy, std::vector<std::string> allowlist = {}) {
  KubeletFacts kubelet;
  kubelet.pull_credentials_policy = policy;
  kubelet.preloaded_images_allowlist = std::move(allowlist);
  return bypassed_pull_secret(app(), "/root/.docker/config.json", kubelet).has_value();
}

TEST(PullSecrets, AreBypassedWhereTheKubeletTrustsPreloadedImages) {
  EXPECT_TRUE(is_bypassed("NeverVerifyPreloadedImages"));
  EXPECT_TRUE(is_bypassed("")) << "its default";
}

TEST(PullSecrets, AreNotWhereTheKubeletVerifiesAllOrNothing) {
  EXPECT_FALSE(is_bypassed("AlwaysVerify"));
  EXPECT_FALSE(is_bypassed("NeverVerify"));
}

TEST(PullSecrets, AreBypassedByTheImagesOnTheAllowlist) {
  const auto listed = [](const std::string& entry) {
    return is_bypassed("NeverVerifyAllowlistedImages", {"registry.lan/other", entry});
  };
  EXPECT_TRUE(listed("registry.lan/team/app"));
  EXPECT_TRUE(listed("registry.lan/team/*"));
  EXPECT_TRUE(listed("registry.lan/*"));
  EXPECT_FALSE(listed("registry.lan/team"));
  EXPECT_FALSE(listed("registry.lan/te*"));
  EXPECT_FALSE(listed("*"));
}

TEST(PullSecrets, OfAnImageThatAnybodyCouldPullAreNone) {
  EXPECT_EQ(bypassed_pull_secret(app(), "", {}), std::nullopt);
}

TEST(PullSecrets, FindingSaysWhoseLoginAndByWhichPolicy) {
  KubeletFacts kubelet;
  kubelet.pull_credentials_policy = "NeverVerifyPreloadedImages";
  const auto found = bypassed_pull_secret(app(), "/root/.docker/config.json", kubelet);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->code, code::kPreloadBypassesPullSecrets);
  EXPECT_EQ(found->severity, Severity::info);
  EXPECT_EQ(found->subject, "registry.lan/team/app:1");
  EXPECT_EQ(found->message,
            "fetched with the login from /root/.docker/config.json; the kubelet, by its policy "
            "NeverVerifyPreloadedImages, lets every pod on this node use it, without a pull secret "
            "of its own");
}

}  // namespace
}  // namespace nodeproof::prepull
