#include "agent/kubernetes/credentials.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/crypto.hpp"
#include "tests/unit/kubernetes/rig.hpp"

namespace nodeproof::kubernetes {
namespace {

class Found : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(write_file_atomically(folder_.path() / name, text));
  }
  Result<Credentials> find(const std::string& kubeconfig = "") {
    around_.root = folder_.path();
    return find_credentials(kubeconfig, around_);
  }
  // Of a kubeconfig with this user and cluster.
  Result<Credentials> with(const std::string& user,
                           const std::string& cluster = "server: https://api.test:6443") {
    write("etc/a.kubeconfig", kubeconfig_text(user, cluster));
    return find("/etc/a.kubeconfig");
  }
  static std::string base64(std::string_view text) { return base64_encode(as_bytes(text)); }

  fakes::TempFolder folder_;
  Surroundings around_;
};

class OfKubelet : public Found, public testing::WithParamInterface<const char*> {};

TEST_P(OfKubelet, IsFoundWhereThatOneKeepsItWithTheFilesItNames) {
  write(GetParam(), kubeconfig_text("client-certificate: /pki/kubelet.crt\n"
                                    "    client-key: /pki/kubelet.key",
                                    "server: https://127.0.0.1:6443/\n"
                                    "    certificate-authority: /pki/ca.crt"));
  write("pki/kubelet.crt", "a certificate");
  write("pki/kubelet.key", "its key");
  write("pki/ca.crt", "an authority");
  const auto found = find();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, (Credentials{.server = "https://127.0.0.1:6443",
                                 .ca = "an authority",
                                 .certificate = "a certificate",
                                 .key = "its key",
                                 .token = "",
                                 .proxy = "",
                                 .verify = true,
                                 .source = folder_.path() / GetParam()}));
}

INSTANTIATE_TEST_SUITE_P(Everywhere, OfKubelet,
                         testing::Values("var/lib/rancher/k3s/agent/kubelet.kubeconfig",
                                         "var/lib/rancher/rke2/agent/kubelet.kubeconfig",
                                         "etc/kubernetes/kubelet.conf",
                                         "var/lib/kubelet/kubeconfig",
                                         "var/snap/microk8s/current/credentials/kubelet.config"));

TEST_F(Found, SeveralKubeletsAreRefusedAndNamed) {
  write("var/lib/rancher/k3s/agent/kubelet.kubeconfig", kubeconfig_text("token: a"));
  write("etc/kubernetes/kubelet.conf", kubeconfig_text("token: b"));
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::invalid_config);
  EXPECT_TRUE(found.error().message.contains("k3s/agent/kubelet.kubeconfig"));
  EXPECT_TRUE(found.error().message.contains("kubernetes/kubelet.conf"));
}

TEST_F(Found, NoneIsAnErrorThatSaysWhatToName) {
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::not_found);
  EXPECT_TRUE(found.error().remedy.contains("report.kubernetes.kubeconfig"));
}

TEST_F(Found, APodsServiceAccountGoesBeforeAKubeletsFile) {
  const std::string secrets = "var/run/secrets/kubernetes.io/serviceaccount/";
  write("etc/kubernetes/kubelet.conf", kubeconfig_text("token: b"));
  write(secrets + "token", "of.the-pod\n");
  write(secrets + "ca.crt", "an authority");
  around_.environment = {{"KUBERNETES_SERVICE_HOST", "fd00::1"},
                         {"KUBERNETES_SERVICE_PORT", "6443"}};
  const auto found = find();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->server, "https://[fd00::1]:6443");
  EXPECT_EQ(found->token, "of.the-pod");
  EXPECT_EQ(found->ca, "an authority");
  around_.environment.clear();  // not in a pod, whatever lies there
  EXPECT_EQ(find()->token, "b");
}

TEST_F(Found, InlineCertificatesGoBeforeFiles) {
  const auto found =
      with("client-certificate: /nowhere\n    client-certificate-data: " + base64("inline") +
               "\n    client-key-data: " + base64("its key"),
           "server: https://api.test\n    certificate-authority-data: " + base64("authority") +
               "\n    proxy-url: http://proxy.lan:3128");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->certificate, "inline");
  EXPECT_EQ(found->key, "its key");
  EXPECT_EQ(found->ca, "authority");
  EXPECT_EQ(found->proxy, "http://proxy.lan:3128");
}

TEST_F(Found, JsonIsReadToo) {
  write(
      "etc/a.json",
      R"({"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],)"
      R"("clusters":[{"name":"k","cluster":{"server":"https://k:1","insecure-skip-tls-verify":true}}],)"
      R"("users":[{"name":"u","user":{"token":"t"}}]})");
  const auto found = find("/etc/a.json");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->verify);
  EXPECT_EQ(found->token, "t");
}

TEST_F(Found, ATokensFileIsReadAnewEveryTimeAndGoesBeforeTheTokenInTheKubeconfig) {
  write("etc/token", "one\n");
  EXPECT_EQ(with("token: old\n    tokenFile: token")->token, "one");  // beside the kubeconfig
  write("etc/token", "two\n");
  EXPECT_EQ(with("token: old\n    tokenFile: /etc/token")->token, "two");
}

TEST_F(Found, ATokenThatWouldBreakTheHeaderIsRefusedUnprinted) {
  write("etc/token", "half\nX-Other: half");
  const auto found = with("tokenFile: token");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::invalid_config);
  EXPECT_FALSE(found.error().message.contains("X-Other"));
}

TEST_F(Found, ProgramsAndPasswordsAreNotUsed) {
  for (const char* user : {"exec: { command: aws }", "auth-provider: { name: gcp }",
                           "username: admin\n    password: secret", "token: t\n    as: admin"}) {
    const auto found = with(user);
    ASSERT_FALSE(found) << user;
    EXPECT_EQ(found.error().code, Errc::unsupported) << user;
    EXPECT_TRUE(found.error().remedy.contains("DaemonSet")) << found.error().remedy;
    EXPECT_FALSE(found.error().message.contains("secret"));
  }
}

TEST_F(Found, WhatCannotBeUsedIsNamedWithItsFile) {
  const std::vector<std::pair<Result<Credentials>, const char*>> cases = {
      {with("token: t", "server: http://api.test"), "https://"},
      {with("token: t", "server: https://me:pw@api.test"), "https://"},
      {with("token: t", "server: https://a\n    tls-server-name: b"), "tls-server-name"},
      {with("token: t", "server: https://a\n    certificate-authority-data: '!'"), "base64"},
      {with("token: t", "server: https://a\n    certificate-authority: gone.crt"), "gone.crt"},
      {with("client-certificate-data: " + base64("c")), "go together"},
      {with("{}"), "neither"},
  };
  for (const auto& [found, words] : cases) {
    ASSERT_FALSE(found) << words;
    EXPECT_TRUE(found.error().message.contains(words)) << found.error().message;
    EXPECT_TRUE(found.error().message.contains("a.kubeconfig")) << found.error().message;
  }
  write("etc/b", "current-context: none\ncontexts: []\n");
  EXPECT_TRUE(find("/etc/b").error().message.contains("no context \"none\""));
  write("etc/b", "{}");
  EXPECT_TRUE(find("/etc/b").error().message.contains("no current-context"));
}

TEST(OfThisProcess, AreTheVariablesOfAPodAndNoOthers) {
  ::setenv("NODE_NAME", "pi=17", 1);
  ::setenv("KUBERNETES_SERVICE_HOST", "10.43.0.1", 1);
  ::setenv("SECRET_OF_SOMEBODY", "x", 1);
  const Surroundings around = Surroundings::of_this_process();
  EXPECT_EQ(around.variable("NODE_NAME"), "pi=17");
  EXPECT_EQ(around.variable("KUBERNETES_SERVICE_HOST"), "10.43.0.1");
  EXPECT_EQ(around.variable("SECRET_OF_SOMEBODY"), "");
  EXPECT_EQ(around.below("/etc/x"), "/etc/x");
}

}  // namespace
}  // namespace nodeproof::kubernetes
