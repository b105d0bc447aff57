// The chain over a machine of its own: files in a temporary folder and real helper programs there.
#include "agent/registry/credential_chain.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::registry {
namespace {

constexpr const char* kResponse =
    R"('{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1",)";

class Machine : public testing::Test {
 protected:
  Machine() {
    around.root = folder.path();
    around.is_root = geteuid() == 0;
    around.environment = {{"HOME", (folder.path() / "home").string()},
                          {"PATH", (folder.path() / "bin").string()},
                          {"AWS_REGION", "eu"},
                          {"OTHER", "x"}};
  }

  std::string write(const std::string& name, const std::string& text, unsigned mode = 0600) {
    const auto path = folder.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path.string();
  }
  std::string program(const std::string& name, const std::string& script) {
    return write(name, "#!/bin/sh\n" + script, 0755);
  }
  // A helper that notes each question.
  std::string helper(const std::string& name, const std::string& script) {
    return program("bin/docker-credential-" + name,
                   "read -r server; echo \"$1 $server\" >> " + asked_file() + "\n" + script);
  }
  [[nodiscard]] std::string asked_file() const { return (folder.path() / "asked").string(); }
  [[nodiscard]] std::string asked() const {
    std::ifstream file(asked_file());
    return {std::istreambuf_iterator<char>(file), {}};
  }

  [[nodiscard]] long questions() const {
    const std::string all = asked();
    return std::count(all.begin(), all.end(), '\n');
  }

  void config_json(const std::string& text) { write("home/.docker/config.json", text); }
  void plugin_config(const std::string& more = {}, const std::string& images = "[\"*.lan\"]") {
    write("var/lib/rancher/credentialprovider/config.yaml",
          "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n"
          "- name: one\n  matchImages: " +
              images +
              "\n  defaultCacheDuration: 10m\n"
              "  apiVersion: credentialprovider.kubelet.k8s.io/v1\n" +
              more);
  }
  std::string plugin(const std::string& name, const std::string& script) {
    return program("var/lib/rancher/credentialprovider/bin/" + name,
                   "cat >> " + asked_file() + "; echo \" $*\" >> " + asked_file() + "\n" + script);
  }

  [[nodiscard]] std::unique_ptr<CredentialChain> chain(const CredentialFiles& files = {}) const {
    Credentials own;
    own.username = "own";
    own.source = "the configuration";
    return make_credential_chain({{"own.lan", own}}, files, around, clock);
  }
  Result<Credentials> find(const std::string& host, const CredentialFiles& files = {}) const {
    return chain(files)->find({host, "team/app"}, {});
  }
  [[nodiscard]] std::string user(const std::string& host, const CredentialFiles& files = {}) const {
    const auto found = find(host, files);
    EXPECT_TRUE(found) << found.error().message;
    return found ? found->username : "?";
  }
  [[nodiscard]] bool fails_with(const std::string& words, const CredentialFiles& files = {}) const {
    const Error problem = error("reg.lan", files);
    return problem.message.find(words) != std::string::npos;
  }
  [[nodiscard]] Error error(const std::string& host, const CredentialFiles& files = {}) const {
    const auto found = find(host, files);
    EXPECT_FALSE(found);
    if (found) return {};
    // Whatever it is, it says nothing about the image.
    EXPECT_EQ(found.error().code, Errc::unauthorized) << found.error().message;
    return found.error();
  }

  fakes::TempFolder folder;
  fakes::FakeClock clock;
  Surroundings around;
};

TEST_F(Machine, WithNothingWrittenIsAnonymous) {
  EXPECT_EQ(find("reg.lan").value(), Credentials{});
  EXPECT_EQ(chain()->describe({"reg.lan", "x"}), "");
}

TEST_F(Machine, TakesTheFirstSourceThatHasAnEntry) {
  const auto all = [](const std::string& user) {
    return R"({"auths": {"reg.lan": {"username": ")" + user +
           R"("}, "own.lan": {"username": "x"}}})";
  };
  plugin_config();
  plugin("one",
         std::string("echo ") + kResponse +
             R"("cacheKeyType":"Global","auth":{"*.lan":{"username":"plugin","password":"p"}}}')");
  EXPECT_EQ(user("reg.lan"), "plugin");
  write("etc/rancher/rke2/registries.yaml", "configs: {reg.lan: {auth: {username: rke2}}}");
  EXPECT_EQ(user("reg.lan"), "rke2");
  write("etc/rancher/k3s/registries.yaml", "configs: {reg.lan: {auth: {username: k3s}}}");
  EXPECT_EQ(user("reg.lan"), "k3s");
  if (around.is_root) {
    write("var/lib/kubelet/config.json", all("kubelet"));
    EXPECT_EQ(user("reg.lan"), "kubelet");
  }
  around.environment["XDG_RUNTIME_DIR"] = (folder.path() / "run").string();
  write("run/containers/auth.json", all("podman"));
  EXPECT_EQ(user("reg.lan"), "podman");
  config_json(all("docker"));
  EXPECT_EQ(user("reg.lan"), "docker");
  around.environment["DOCKER_CONFIG"] = (folder.path() / "other").string();
  EXPECT_EQ(user("reg.lan"), "podman") << "$DOCKER_CONFIG replaces the home";
  write("other/config.json", all("other"));
  EXPECT_EQ(user("reg.lan"), "other");
  around.environment["REGISTRY_AUTH_FILE"] = write("auth.json", all("file"));
  EXPECT_EQ(user("reg.lan"), "file");
  EXPECT_EQ(user("reg.lan", {.docker_config = write("named.json", all("named"))}), "named");
  EXPECT_EQ(user("own.lan"), "own");
  const CredentialFiles none{"none", "none", "none", ""};
  EXPECT_EQ(user("reg.lan", none), "");
}

TEST_F(Machine, TellsWhatTheKubeletAndContainerdUseForAllPods) {
  const auto node_wide = [&] { return find("reg.lan")->node_wide; };
  plugin_config();
  plugin("one",
         std::string("echo ") + kResponse +
             R"("cacheKeyType":"Global","auth":{"*.lan":{"username":"plugin","password":"p"}}}')");
  EXPECT_TRUE(node_wide()) << "a kubelet's plugin";
  write("etc/rancher/k3s/registries.yaml", "configs: {reg.lan: {auth: {username: k3s}}}");
  EXPECT_TRUE(node_wide()) << "containerd's own";
  const std::string auths = R"({"auths": {"reg.lan": {"username": "x"}}})";
  if (around.is_root) {
    write("var/lib/kubelet/config.json", auths);
    EXPECT_TRUE(node_wide()) << "the kubelet's own";
  }
  config_json(auths);
  EXPECT_FALSE(node_wide()) << "somebody's docker login";
  EXPECT_FALSE(find("own.lan")->node_wide) << "of nodeproof's configuration";
}

TEST_F(Machine, NamesTheSourceOfACredential) {
  config_json(R"({"auths": {"reg.lan": {"auth": "dTpw"}}, "credHelpers": {"help.lan": "one"}})");
  const std::string file = (folder.path() / "home/.docker/config.json").string();
  EXPECT_EQ(find("reg.lan")->source, file);
  EXPECT_EQ(chain()->describe({"reg.lan", "x"}), file);
  EXPECT_EQ(chain()->describe({"help.lan", "x"}), file + " (docker-credential-one)");
  EXPECT_EQ(chain()->describe({"own.lan", "x"}), "the configuration");
  plugin_config({}, "[plug.lan]");
  EXPECT_EQ(chain()->describe({"plug.lan", "x"}),
            "the credential provider " +
                (folder.path() / "var/lib/rancher/credentialprovider/bin/one").string());
}

TEST_F(Machine, AFileThatWasNamedHasToBeThere) {
  const std::string missing = (folder.path() / "missing").string();
  EXPECT_TRUE(fails_with(missing, {.docker_config = missing}));
  EXPECT_TRUE(fails_with(missing, {.k3s_registries = missing}));
  EXPECT_TRUE(fails_with(missing, {.credential_provider_config = missing}));
}

TEST_F(Machine, AnEntryThatCannotBeReadIsAnErrorThatNamesIt) {
  config_json(R"({"auths": {"reg.lan": {"auth": "S3cret"}}})");
  const Error problem = error("reg.lan");
  EXPECT_TRUE(problem.message.starts_with("credentials for reg.lan: " + folder.path().string()))
      << problem.message;
  EXPECT_EQ(problem.message.find("S3cret"), std::string::npos);
  EXPECT_EQ(user("other.lan"), "") << "no business of another registry";
}

TEST_F(Machine, SaysWhichFileToMend) {
  config_json("{ not json");
  const std::string file = (folder.path() / "home/.docker/config.json").string();
  EXPECT_NE(error("reg.lan").remedy.find("mend " + file), std::string::npos)
      << error("reg.lan").remedy;
  config_json(R"({"auths": {"reg.lan": {"auth": "%%%"}}})");
  EXPECT_NE(error("reg.lan").remedy.find(file), std::string::npos) << error("reg.lan").remedy;
  config_json("{}");
  const std::string yaml = write("etc/rancher/k3s/registries.yaml", "configs: 7");
  EXPECT_EQ(error("reg.lan").remedy, "mend " + yaml);
}

TEST_F(Machine, AsksAHelperOnceAndKeepsWhatItSaid) {
  config_json(R"({"credHelpers": {"reg.lan": "one"}})");
  helper("one", R"(echo '{"ServerURL":"reg.lan","Username":"u","Secret":"p"}')");
  const auto chain = this->chain();
  EXPECT_EQ(asked(), "") << "nobody demanded a login yet";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(chain->find({"reg.lan", "a"}, {})->password, "p");
  EXPECT_EQ(asked(), "get reg.lan\n");
  clock.advance(std::chrono::minutes(6));
  EXPECT_EQ(chain->find({"reg.lan", "a"}, {})->username, "u");
  EXPECT_EQ(asked(), "get reg.lan\nget reg.lan\n");
}

TEST_F(Machine, GivesAHelperNoMoreEnvironmentThanItNeeds) {
  config_json(R"({"credsStore": "one"})");
  helper("one", R"(echo "{\"Username\":\"u\",\"Secret\":\"$AWS_REGION $HOME $OTHER.\"}")");
  EXPECT_EQ(find("reg.lan")->password, "eu " + (folder.path() / "home").string() + " .");
}

TEST_F(Machine, TakesAHelpersTokenForAnIdentityToken) {
  config_json(R"({"credsStore": "one"})");
  helper("one", R"(echo '{"Username":"<token>","Secret":"refresh"}')");
  const auto found = find("reg.lan");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->identity_token, "refresh");
  EXPECT_EQ(found->username, "");
}

TEST_F(Machine, AHelperThatKnowsNothingLeavesItToTheNext) {
  config_json(R"({"credsStore": "one", "auths": {"reg.lan": {"username": "auths"}}})");
  helper("one", "echo 'credentials not found in native keychain'; exit 1");
  EXPECT_EQ(user("reg.lan"), "auths");
  EXPECT_EQ(user("other.lan"), "");
}

TEST_F(Machine, AHelperThatFailsIsAnErrorAndNotAnonymous) {
  struct Failing {
    const char* script;
    const char* expected;
  };
  const Failing cases[] = {
      {R"(printf 'no \033[31mbus\n' >&2; exit 2)", "failed for reg.lan with status 2: no "},
      {"echo 'pass store is uninitialized'; exit 1", "status 1: pass store is uninitialized"},
      {R"(echo '{"Username":"u","Secret":"S3cret"}'; exit 1)", "with status 1"},
      {"echo 'S3cret'", "did not answer with Username and Secret"},
      {R"(echo '{"Username":"u","Secret":""}')", "did not answer with Username and Secret"},
      {R"(echo '{"Username":"","Secret":"S3cret"}')", "did not answer with Username and Secret"},
      {R"(echo '{"Username":"u","Secret":["S3cret"]}')", "did not answer with"},
      {"head -c 70000 /dev/zero", "more than 65536 bytes"},
      {"kill -9 $$", "with status 137"},
  };
  config_json(R"({"credsStore": "one", "auths": {"reg.lan": {"username": "auths"}}})");
  for (const auto& [script, expected] : cases) {
    helper("one", script);
    const Error problem = error("reg.lan");
    EXPECT_NE(problem.message.find(expected), std::string::npos) << problem.message;
    EXPECT_EQ(problem.message.find("S3cret"), std::string::npos) << problem.message;
    EXPECT_EQ(problem.message.find('\033'), std::string::npos) << problem.message;
    EXPECT_NE(problem.message.find("config.json"), std::string::npos) << problem.message;
  }
}

TEST_F(Machine, AHelperThatIsNotThereIsAnError) {
  config_json(R"({"credsStore": "nowhere-to-be-found"})");
  EXPECT_TRUE(fails_with("there is no program docker-credential-nowhere-to-be-found"));
}

TEST_F(Machine, RunsNoProgramThatOthersCanChange) {
  if (!around.is_root) GTEST_SKIP() << "only root has somebody else";
  config_json(R"({"credsStore": "one"})");
  const std::string path = helper("one", R"(echo '{"Username":"u","Secret":"p"}')");
  EXPECT_EQ(user("reg.lan"), "u");
  chmod(path.c_str(), 0757);
  EXPECT_TRUE(fails_with("others than root can write " + path));
  chmod(path.c_str(), 0755);
  ASSERT_EQ(chown(path.c_str(), 65534, 0), 0);
  EXPECT_TRUE(fails_with("others than root can write " + path));
  ASSERT_EQ(chown(path.c_str(), 0, 0), 0);
  chmod((folder.path() / "bin").c_str(), 0777);
  EXPECT_TRUE(fails_with("others than root can write")) << "they could put another one there";
  chmod((folder.path() / "bin").c_str(), 0775);
  ASSERT_EQ(chown((folder.path() / "bin").c_str(), 0, 50), 0);
  EXPECT_EQ(user("reg.lan"), "u") << "Debian's staff in /usr/local";
  ASSERT_EQ(chown((folder.path() / "bin").c_str(), 0, 1000), 0);
  EXPECT_TRUE(fails_with("others than root can write"));
}

TEST_F(Machine, AsksAPluginAsTheKubeletDoes) {
  plugin_config("  args: [get, --x]\n  env: [{name: WHO, value: me}, {name: HOME, value: /h}]\n");
  plugin("one", std::string("echo ") + kResponse +
                    R"("cacheKeyType":"Registry","cacheDuration":"5m","auth":{)"
                    R"("reg.lan":{"username":"wide","password":"'"$WHO$HOME"'"},)"
                    R"("reg.lan/team":{"username":"team","password":"'"$WHO$HOME"'"},)"
                    R"("*.lan":{"username":"glob","password":"x"}}}')");
  const auto chain = this->chain();
  const auto found = chain->find({"reg.lan", "team/app"}, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->username, "team");
  EXPECT_EQ(found->password, "me/h");
  EXPECT_EQ(found->source, "the credential provider one");
  EXPECT_EQ(
      asked(),
      R"({"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1",)"
      R"("image":"reg.lan/team/app"} get --x)"
      "\n");
  EXPECT_EQ(chain->find({"reg.lan", "other"}, {})->username, "wide") << "kept for the registry";
  EXPECT_EQ(chain->find({"hub.example", "x"}, {})->username, "") << "not its business";
  EXPECT_EQ(questions(), 1);
  EXPECT_EQ(chain->find({"two.lan", "other"}, {})->username, "glob");
  EXPECT_EQ(questions(), 2);
  clock.advance(std::chrono::minutes(6));
  EXPECT_EQ(chain->find({"reg.lan", "other"}, {})->username, "wide");
  EXPECT_EQ(questions(), 3);
}

TEST_F(Machine, KeepsAPluginsAnswerAsLongAndWideAsItSays) {
  struct Keeping {
    const char* type;
    const char* duration;
    int asked;  // how often for a, a, b of one registry and c of another
  };
  for (const auto& [type, duration, expected] :
       {Keeping{"Image", R"("cacheDuration":"1h",)", 3}, Keeping{"Registry", "", 2},
        Keeping{"Global", R"("cacheDuration":null,)", 1},
        Keeping{"Global", R"("cacheDuration":"0s",)", 4}}) {
    std::filesystem::remove(asked_file());
    plugin_config();
    plugin("one", std::string("echo ") + kResponse + duration + R"("cacheKeyType":")" + type +
                      R"(","auth":{"*.lan":{"username":"u","password":"p"}}}')");
    const auto chain = this->chain();
    for (const Place& place :
         {Place{"r.lan", "a"}, Place{"r.lan", "a"}, Place{"r.lan", "b"}, Place{"s.lan", "c"}}) {
      EXPECT_EQ(chain->find(place, {})->username, "u");
    }
    EXPECT_EQ(questions(), expected) << type << duration;
  }
}

TEST_F(Machine, APluginThatFailsIsAnErrorUnlessAnotherOneKnows) {
  plugin_config();
  const std::pair<std::string, const char*> cases[] = {
      {"echo 'no \"S3cret' ; echo no role >&2; exit 3", "with status 3: no role"},
      {"echo S3cret", "answered with no JSON"},
      {R"(echo '{"kind":"CredentialProviderResponse","apiVersion":"v2","S3cret":1}')",
       "answered with no CredentialProviderResponse of credentialprovider.kubelet.k8s.io/v1"},
      {std::string("echo ") + kResponse + R"("cacheKeyType":"S3cret"}')", "valid cacheKeyType"},
      {std::string("echo ") + kResponse + R"("cacheKeyType":"Image","cacheDuration":"S3cret"}')",
       "cacheDuration"},
      {std::string("echo ") + kResponse +
           R"("cacheKeyType":"Image","auth":{"*.lan":{"username":"u","password":["S3cret"]}}}')",
       "login that is none"},
  };
  for (const auto& [script, expected] : cases) {
    plugin("one", script);
    const Error problem = error("reg.lan");
    EXPECT_NE(problem.message.find(expected), std::string::npos) << problem.message;
    EXPECT_EQ(problem.message.find("S3cret"), std::string::npos) << problem.message;
  }
  plugin_config(
      "- name: two\n  matchImages: [reg.lan]\n  defaultCacheDuration: 0s\n"
      "  apiVersion: credentialprovider.kubelet.k8s.io/v1\n");
  plugin("two",
         std::string("echo ") + kResponse +
             R"("cacheKeyType":"Image","auth":{"reg.lan":{"username":"two","password":"p"}}}')");
  EXPECT_EQ(user("reg.lan"), "two");
  plugin("two", std::string("echo ") + kResponse + R"("cacheKeyType":"Image","auth":null}')");
  EXPECT_TRUE(fails_with("login that is none"));
}

TEST_F(Machine, FindsThePluginsOnTheCommandLineOfAKubelet) {
  plugin_config();
  const auto config = folder.path() / "var/lib/rancher/credentialprovider/config.yaml";
  const auto other = folder.path() / "kubelet/config.yaml";
  std::filesystem::create_directories(other.parent_path());
  std::filesystem::copy(config, other);
  program("kubelet/bin/one",
          std::string("echo ") + kResponse +
              R"("cacheKeyType":"Image","auth":{"*.lan":{"username":"k","password":"p"}}}')");
  const std::string flags = std::string("--a=b") + '\0' +
                            "--image-credential-provider-config=" + other.string() + '\0' +
                            "--image-credential-provider-bin-dir" + '\0' +
                            (folder.path() / "kubelet/bin").string() + '\0';
  write("proc/self/cmdline", std::string("kubelet") + '\0' + flags);
  write("proc/17/cmdline", std::string("/bin/sh") + '\0' + flags);
  EXPECT_TRUE(fails_with("rancher")) << "the default's plugin is not there";
  write("proc/42/cmdline", std::string("/usr/bin/kubelet") + '\0' + flags);
  EXPECT_TRUE(fails_with("rancher")) << "nobody knows whose process it is";
  write("proc/42/cgroup", "0::/system.slice/kubelet.service\n");
  write("proc/42/status", "Name:\tkubelet\nUid:\t0\t0\t0\t0\nNSpid:\t42\n");
  EXPECT_EQ(user("reg.lan"), "k");
  write("proc/42/status", "Name:\tkubelet\nUid:\t0\t0\t0\t0\nNSpid:\t42\t1\n");
  EXPECT_TRUE(fails_with("rancher")) << "a container's process";
  write("proc/42/status", "Name:\tkubelet\nUid:\t0\t0\t0\t0\nNSpid:\t42\n");
  write("proc/42/cgroup", "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope\n");
  EXPECT_TRUE(fails_with("rancher")) << "a container's process among the host's";
  if (!around.is_root) return;
  write("proc/42/cgroup", "0::/system.slice/kubelet.service\n");
  write("proc/42/status", "Name:\tkubelet\nUid:\t1000\t0\t0\t0\nNSpid:\t42\n");
  EXPECT_TRUE(fails_with("rancher")) << "somebody's setuid program";
}

TEST_F(Machine, BelievesNoPluginConfigurationThatOthersCanChange) {
  if (!around.is_root) GTEST_SKIP() << "only root has somebody else";
  plugin_config();
  chmod((folder.path() / "var/lib/rancher/credentialprovider/config.yaml").c_str(), 0606);
  EXPECT_TRUE(fails_with("others than root can write"));
}

}  // namespace
}  // namespace nodeproof::registry
