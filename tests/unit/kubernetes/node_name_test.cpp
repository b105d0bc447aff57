#include "agent/kubernetes/node_name.hpp"

#include <gtest/gtest.h>

namespace nodeproof::kubernetes {
namespace {

Surroundings with(const std::string& variable) {
  Surroundings around;
  if (!variable.empty()) around.environment["NODE_NAME"] = variable;
  return around;
}

TEST(NameOfThisNode, IsWhatTheConfigurationSaysThenTheEnvironmentThenTheHost) {
  EXPECT_EQ(node_name("by-config", with("by-pod"), "By-Host").value_or(""), "by-config");
  EXPECT_EQ(node_name("", with("by-pod"), "By-Host").value_or(""), "by-pod");
  EXPECT_EQ(node_name("", with(""), "By-Host").value_or(""), "by-host") << "as kubelets register";
}

TEST(NameOfThisNode, OneThatIsNoneIsRefused) {
  for (const char* name : {"", "a/b", "..", "b\xc3\xa4r"}) {
    const auto found = node_name("", with(""), name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, Errc::invalid_config);
  }
}

}  // namespace
}  // namespace nodeproof::kubernetes
