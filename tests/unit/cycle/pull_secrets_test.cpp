#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using testing::Contains;
using testing::Field;
using testing::Not;

constexpr const char* kApp = "registry.test:5000/app:1";

auto bypass() { return Field(&Finding::code, std::string(code::kPreloadBypassesPullSecrets)); }

// A node whose kubelet has the usual policy, and a registry that wants a login.
class PullSecretsTest : public testing::Test {
 protected:
  PullSecretsTest() {
    std::filesystem::copy(rig.config.host_root, root_.path() / "node",
                          std::filesystem::copy_options::recursive);
    rig.config.host_root = root_.path() / "node";
    set_policy("NeverVerifyPreloadedImages");
    rig.push(kApp);
    rig.require(kApp);
    rig.registry.credentials = "the configuration";
  }
  void set_policy(const std::string& policy) const {
    const auto folder = rig.config.host_root / "var/lib/kubelet";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "config.yaml")
        << "imagePullCredentialsVerificationPolicy: " << policy << "\n";
  }
  std::vector<Finding> findings() {
    NodeReport report = rig.run();
    EXPECT_EQ(report.verdict, Verdict::ready);
    return report.images.at(0).findings;
  }

  CycleRig rig;

 private:
  fakes::TempFolder root_;
};

TEST_F(PullSecretsTest, AreSaidToBeBypassedInEveryReport) {
  EXPECT_THAT(findings(), Contains(bypass()).Times(1)) << "when it is proven";
  rig.registry.credentials = "";
  EXPECT_THAT(findings(), Contains(bypass()).Times(1)) << "when nothing was asked with a login";
  rig.config.again = true;
  EXPECT_THAT(findings(), Contains(bypass()).Times(1))
      << "when it is proven anew from what is here";
}

TEST_F(PullSecretsTest, AreNotBypassedOnceTheKubeletVerifiesThem) {
  EXPECT_THAT(findings(), Contains(bypass()));
  set_policy("AlwaysVerify");
  EXPECT_THAT(findings(), Not(Contains(bypass())));
}

TEST_F(PullSecretsTest, AreNotBypassedByWhatAKubeletHasFetched) {
  EXPECT_THAT(findings(), Contains(bypass()));
  std::filesystem::remove_all(rig.config.state_dir);  // now it is somebody else's image
  EXPECT_THAT(findings(), Not(Contains(bypass())));
}

TEST_F(PullSecretsTest, OfAPublicImageAreNone) {
  rig.registry.credentials = "";
  EXPECT_THAT(findings(), Not(Contains(bypass())));
}

}  // namespace
}  // namespace nodeproof
