// Secrets by systemd's LoadCredential=.
#include "agent/config/credential.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::config {
namespace {

class Credential : public ::testing::Test {
 protected:
  Credential() { setenv("CREDENTIALS_DIRECTORY", folder_.path().c_str(), 1); }
  ~Credential() override { unsetenv("CREDENTIALS_DIRECTORY"); }
  Credential(const Credential&) = delete;
  Credential& operator=(const Credential&) = delete;

  [[nodiscard]] Result<Config> load(const std::string& registry) const {
    const auto file = folder_.path() / "nodeproof.json";
    TRY(write_file_atomically(file, R"({"registries": {"r.io": )" + registry + "}}", 0600));
    return config::load(file, folder_.path() / "conf.d");
  }

  const fakes::TempFolder folder_;
};

TEST_F(Credential, IsTheFileThatTheServiceManagerHandsOver) {
  const auto config = load(
      R"({"username": "u", "password_file": "credential:registry-password", "ca": "credential:a.pem"})");
  ASSERT_TRUE(config) << config.error().message;
  const Registry& registry = config->registries.at("r.io");
  EXPECT_EQ(registry.password_file, folder_.path().string() + "/registry-password");
  EXPECT_EQ(registry.ca, folder_.path().string() + "/a.pem");
}

TEST_F(Credential, IsLookedForAtTheServiceByWhoStartsACommandByHand) {
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(credential_file("credential:x").value(), "/run/credentials/nodeproof.service/x");
}

TEST_F(Credential, ThatIsMissingIsNamedWithTheWayToHandItOver) {
  const auto config =
      load(R"({"client_certificate": "/c.pem", "client_key": "credential:client.key"})");
  ASSERT_TRUE(config) << config.error().message;
  const Registry& registry = config->registries.at("r.io");
  const auto checked = check_credentials("r.io", registry);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::invalid_config);
  EXPECT_EQ(
      checked.error().message,
      "registry r.io: client_key: there is no credential client.key in " + folder_.path().string());
  EXPECT_NE(checked.error().remedy.find("LoadCredential=client.key:"), std::string::npos);
  ASSERT_TRUE(write_file_atomically(folder_.path() / "client.key", "x", 0400));
  EXPECT_TRUE(check_credentials("r.io", registry));
}

TEST_F(Credential, HasTheNameOfAFile) {
  for (const char* wrong :
       {"credential:", "credential:../key", "credential:..", "credential:a b"}) {
    const auto config = load(R"({"ca": ")" + std::string(wrong) + "\"}");
    ASSERT_FALSE(config) << wrong;
    EXPECT_NE(config.error().message.find("$.registries[\"r.io\"].ca: a credential is named as"),
              std::string::npos)
        << config.error().message;
  }
}

}  // namespace
}  // namespace nodeproof::config
