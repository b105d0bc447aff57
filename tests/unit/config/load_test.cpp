#include <gtest/gtest.h>

#include <cstdlib>

#include "agent/config/config.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::config {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Load : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view text) const {
    ASSERT_TRUE(write_file_atomically(dir_ / name, text));
  }
  [[nodiscard]] Result<Config> load() const {
    return config::load(dir_ / "main.json", dir_ / "conf.d");
  }
  Config loaded(std::string_view text) const {
    write("main.json", text);
    auto config = load();
    EXPECT_TRUE(config) << config.error().message;
    return config ? *std::move(config) : Config{};
  }
  // The message behind the directory's name.
  std::string refused(std::string_view text) const {
    write("main.json", text);
    return refused();
  }
  [[nodiscard]] std::string refused() const {
    const auto config = load();
    EXPECT_FALSE(config);
    if (config) return "";
    EXPECT_EQ(config.error().code, Errc::invalid_config);
    std::string message = config.error().message;
    for (std::size_t at; (at = message.find(dir_.string() + "/")) != std::string::npos;) {
      message.erase(at, dir_.string().size() + 1);
    }
    return message;
  }
  const fakes::TempFolder folder_;
  const fs::path& dir_ = folder_.path();
};

TEST_F(Load, KernelFeaturesAreNames) {
  const std::string message =
      refused(R"({ "host": { "kernel": { "require": ["vxlan", "a b"] } } })");
  EXPECT_NE(message.find("$.host.kernel.require"), std::string::npos) << message;
  EXPECT_NE(refused(R"({ "host": { "kernel": { "demand": [] } } })").find("unknown key"),
            std::string::npos);
  EXPECT_NE(config_digest(loaded(R"({ "host": { "kernel": { "require": ["btf"] } } })")),
            config_digest(loaded("{}")));
}

TEST_F(Load, EnforceIsAModeOfItsOwn) {
  EXPECT_EQ(loaded("{}").mode, Mode::observe);
  const Config enforced = loaded(R"({ "mode": "enforce" })");
  EXPECT_EQ(enforced.mode, Mode::enforce);
  EXPECT_NE(config_digest(enforced), config_digest(Config{}));
}

TEST_F(Load, ImagesComeFromOtherPlacesOnlyWhereItSaysSo) {
  const Config config = loaded(R"({ "images_from": { "static_pods": ["/a"], "directories": ["/b"],
                                    "pods": true, "daemonsets": true, "kubeconfig": "/c" } })");
  EXPECT_EQ(config.images_from, (ImagesFrom{{"/a"}, {"/b"}, true, true, "/c"}));
  EXPECT_NE(config_digest(config), config_digest(Config{}));
  EXPECT_EQ(refused(R"({ "images_from": { "static_pods": ["manifests"] } })"),
            "main.json:1: $.images_from.static_pods[0]: a path must start with /");
  EXPECT_EQ(refused(R"({ "images_from": { "directories": [""] } })"),
            "main.json:1: $.images_from.directories[0]: the path of a folder");
}

TEST_F(Load, AnEmptyObjectIsAllDefaults) { EXPECT_EQ(loaded("{}"), Config{}); }

TEST_F(Load, TakesEveryKey) {
  const Config config = loaded(R"({
    "mode": "observe", // a comment
    "node": { "name": "pi-17", "labels": { "site": "hall" } },
    "host": { "kernel": { "require": ["vxlan", "btf", "CONFIG_BPF_SYSCALL"] } },
    "containerd": { "address": "unix:///run/c.sock", "namespace": "k8s.io", "snapshotter": "native" },
    "registries": {
      "r.example:5000": { "plain_http": true, "proxy": "http://u:p@proxy.lan:3128",
                          "mirrors": ["https://a.lan", "http://b.lan:5000/hub"] },
      "[::1]:5000": { "ca": "/ca.pem", "client_certificate": "/c.pem", "client_key": "/k.pem",
                      "username": "u", "password_file": "/absent" } },
    "registry_sources": { "hosts_dir": "/h", "k3s_registries": "none", "docker_config": "/d",
                          "credential_provider_config": "/p", "credential_provider_bin_dir": "/b" },
    "images": [ { "reference": "r.example:5000/app:1", "required": false,
      "when": { "architecture": "aarch64", "board": "Raspberry Pi 5", "page_size": 16384 },
      "emulation": "allow", "on_tag_moved": "follow",
      "smoke": [ { "name": "starts", "args": ["/a", "-v"], "env": ["A=b", "C="], "user": "1000", "timeout": "1500ms",
                   "expect": { "exit": 3, "stdout": "^v2\\.", "stderr": "x" } } ] } ],
    "sources": ["/mnt/usb/images", "/srv/app.tar"],
    "pull": { "parallel": 5, "keep_free": "15%", "unpack": "containerd" }, "check_every": "6h", "resolve_every": "1d",
    "scrub": { "every": "1d", "rate": "1MB/s" },
    "require_smoke": true })");
  EXPECT_EQ(config.node, (Node{"pi-17", {{"site", "hall"}}}));
  EXPECT_EQ(config.host.kernel.require,
            (std::vector<std::string>{"vxlan", "btf", "CONFIG_BPF_SYSCALL"}));
  EXPECT_EQ(config.containerd, (Containerd{"/run/c.sock", "k8s.io", "native"}));
  const Registry& plain = config.registries.at("r.example:5000");
  EXPECT_TRUE(plain.plain_http);
  EXPECT_EQ(plain.proxy, "http://u:p@proxy.lan:3128");
  EXPECT_EQ(plain.mirrors, (std::vector<std::string>{"https://a.lan", "http://b.lan:5000/hub"}));
  EXPECT_EQ(config.registry_sources.hosts_dir, "/h");
  EXPECT_EQ(config.registry_sources.k3s_registries, "none");
  EXPECT_EQ(config.registries.at("[::1]:5000"),
            (Registry{false, "/ca.pem", "/c.pem", "/k.pem", "u", "/absent"}));
  ASSERT_EQ(config.images.size(), 1U);
  const RequiredImage& image = config.images[0];
  EXPECT_EQ(image.reference, "r.example:5000/app:1");
  EXPECT_FALSE(image.required);
  EXPECT_EQ(image.when, (HostCondition{"arm64", "Raspberry Pi 5", 16384}));
  EXPECT_EQ(image.emulation, Emulation::allow);
  EXPECT_EQ(image.on_tag_moved, OnTagMoved::follow);
  SmokeTest test;
  test.name = "starts";
  test.args = {"/a", "-v"};
  test.env = {"A=b", "C="};
  test.user = "1000";
  test.timeout = milliseconds(1500);
  test.expect.exit = 3;
  test.expect.stdout_matches = {"^v2\\."};
  test.expect.stderr_matches = {"x"};
  EXPECT_EQ(image.smoke, std::vector<SmokeTest>{test});
  EXPECT_EQ(config.sources, (std::vector<std::string>{"/mnt/usb/images", "/srv/app.tar"}));
  EXPECT_EQ(config.pull.parallel, 5U);
  EXPECT_EQ(config.pull.unpack, Unpack::containerd);
  EXPECT_EQ(config.pull.keep_free, (Amount{.units = 0, .percent = 15}));
  EXPECT_EQ(config.check_every, seconds(6 * 3600));
  EXPECT_EQ(config.resolve_every, seconds(24 * 3600));
  EXPECT_EQ(config.scrub, (Scrub{seconds(24 * 3600), 1'000'000}));
  EXPECT_TRUE(config.require_smoke);
}

TEST_F(Load, TakesAScrubThatNeverComesAndNoneWithoutARate) {
  EXPECT_EQ(loaded("{}").scrub, (Scrub{seconds(7 * 24 * 3600), 5'000'000}));
  EXPECT_EQ(loaded(R"({"scrub": {"every": ""}})").scrub.every, seconds(0));
  EXPECT_NE(refused(R"({"scrub": {"every": "1s"}})").find("at least \"1m\""), std::string::npos);
  EXPECT_NE(refused(R"({"scrub": {"rate": ""}})").find("a rate such as"), std::string::npos);
}

TEST_F(Load, NamesFileLineAndPathOfAnUnknownKeyAndWhatWasMeant) {
  EXPECT_EQ(refused("{\n\n \"image\": []}"),
            "main.json:3: $.image: unknown key; did you mean \"images\"?");
  EXPECT_EQ(refused("{\"images\":[{\"reference\":\"x\",\n\"when\":{\"arch\":\"arm64\"}}]}"),
            "main.json:2: $.images[0].when.arch: unknown key");
  EXPECT_EQ(refused(R"({"images":[{"reference":"x","smoke":[{"name":"a","arg":["x"]}]}]})"),
            "main.json:1: $.images[0].smoke[0].arg: unknown key; did you mean \"args\"?");
  EXPECT_EQ(refused(R"({"Mode":"observe"})"),
            "main.json:1: $.Mode: unknown key; did you mean \"mode\"?");
}

TEST_F(Load, AProofThatGoesStaleBetweenTwoQuestionsIsAMistake) {
  EXPECT_EQ(refused(R"({"stale_after": "1h"})"),
            "main.json:1: $.stale_after must be at least twice resolve_every, here \"43200s\"");
}

struct Wrong {
  std::string text, message;
};

TEST_F(Load, SaysWhatIsWrongWithAValue) {
  const Wrong cases[] = {
      {R"({"mode": 1})", "$.mode: expected a string, found a number"},
      {R"({"images": [{"reference": "x", "when": {"architecture": "adm64"}}]})",
       R"($.images[0].when.architecture: "adm64" is no architecture such as "arm64" or "amd64")"},
      {R"({"sources": "/mnt/usb"})", "$.sources: expected an array, found a string"},
      {R"({"sources": ["/a", "mnt/usb"]})", "$.sources[1]: a path must start with /"},
      {R"({"sources": [""]})", "$.sources[0]: the path of a folder or an archive"},
      {R"({"mode": "off"})", R"($.mode: "off" is none of "observe", "enforce")"},
      {R"({"node": []})", "$.node: expected an object, found an array"},
      {R"({"node": {"labels": {"a": 1}}})", "$.node.labels.a: expected a string, found a number"},
      {R"({"containerd": {"address": "run/c.sock"}})",
       "$.containerd.address: the address must be the absolute path of containerd's socket"},
      {R"({"registries": {"https://r.io": {}}})",
       "$.registries[\"https://r.io\"]: the key must be a registry's host with an optional port"},
      {R"({"registries": {"r.io": {"ca": "ca.pem"}}})",
       "$.registries[\"r.io\"].ca: a path must start with /"},
      {R"({"registries": {"r.io": {"username": "u"}}})",
       "$.registries[\"r.io\"]: username and password_file belong together"},
      {R"({"registries": {"r.io": {"client_key": "/k"}}})",
       "$.registries[\"r.io\"]: client_certificate and client_key belong together"},
      {R"({"registries": {"r.io": {"plain_http": true, "ca": "/ca"}}})",
       "$.registries[\"r.io\"]: plain_http and certificates exclude each other"},
      {R"({"registries": {"r.io": {"mirrors": ["https://u:secret@a.lan"]}}})",
       "$.registries[\"r.io\"].mirrors: a mirror is a URL such as \"https://cache.lan:5000\", "
       "without a login"},
      {R"({"registries": {"r.io": {"proxy": "u:secret@proxy:1"}}})",
       "$.registries[\"r.io\"].proxy: it is no URL such as \"http://proxy.lan:3128\""},
      {R"({"registry_sources": {"credential_provider_config": "/p"}})",
       "$.registry_sources: credential_provider_config and credential_provider_bin_dir go "
       "together"},
      {R"({"registry_sources": {"hosts_dir": "certs.d"}})",
       "$.registry_sources.hosts_dir: a path must start with /; \"none\" = not used"},
      {R"({"images": {}})", "$.images: expected an array, found an object"},
      {R"({"images": [{}]})", "$.images[0]: an image needs a \"reference\""},
      {R"({"images": ["x"]})", "$.images[0]: expected an object, found a string"},
      {R"({"images": [{"reference": "x", "required": "yes"}]})",
       "$.images[0].required: expected true or false, found a string"},
      {R"({"images": [{"reference": "x", "when": {"page_size": 5000}}]})",
       "$.images[0].when.page_size: a page size is a power of two in bytes, such as 16384; 0 = "
       "any"},
      {R"({"images": [{"reference": "x", "when": {"page_size": -1}}]})",
       "$.images[0].when.page_size: the number is not a whole one from 0 of 64 bits"},
      {R"({"images": [{"reference": "x", "smoke": [{"args": ["a"]}]}]})",
       "$.images[0].smoke[0]: a smoke test needs a \"name\""},
      {R"({"images": [{"reference": "x", "smoke": [{"name": "a"}]}]})",
       "$.images[0].smoke[0]: a smoke test needs \"args\", a \"service\" or a \"file\""},
      {R"({"images": [{"reference": "x", "smoke": [{"name": "a", "args": [""]}]}]})",
       "$.images[0].smoke[0].args: the first argument is the program and must not be empty"},
      {R"({"images": [{"reference": "x", "smoke": [{"name": "a", "args": ["a"]}, {"name": "a", "args": ["b"]}]}]})",
       "$.images[0].smoke[1]: two smoke tests of this image are named \"a\""},
      {R"({"images": [{"reference": "x", "smoke": [{"name": "a", "args": ["a"], "env": ["A"]}]}]})",
       "$.images[0].smoke[0].env: write each as NAME=value"},
      {R"({"images": [{"reference": "x", "smoke": [{"name": "a", "args": ["a"], "timeout": 20}]}]})",
       "$.images[0].smoke[0].timeout: expected a string, found a number"},
      {R"({"images": [{"reference": "x", "smoke": [{"name": "a", "args": ["a"], "timeout": "2h"}]}]})",
       "$.images[0].smoke[0].timeout: at most \"1h\""},
      {R"({"images": [{"reference": "x", "smoke": [{"name": "a", "args": ["a"], "expect": {"stdout": "(?=a)b"}}]}]})",
       "$.images[0].smoke[0].expect.stdout: the regular expression is not understood: invalid perl "
       "operator: (?=; write it in RE2's syntax, which has neither backreferences nor look-around"},
      {R"({"images": [{"reference": "x", "smoke": [{"name": "a", "args": ["a"], "expect": {"exit": 256}}]}]})",
       "$.images[0].smoke[0].expect.exit: the number must be from 0 to 255"},
      {R"({"accept": [{"code": "ArchMismatch", "until": "2027-01-31"}]})",
       "$.accept[0]: it needs a reason: \"why\""},
      {R"({"accept": [{"code": "ArchMismatch", "why": "x"}]})",
       "$.accept[0]: it needs an end: \"until\""},
      {R"({"accept": [{"until": "2027-01-31", "why": "x"}]})",
       "$.accept[0]: what is accepted needs a \"code\""},
      {R"({"accept": [{"code": "ArchMismatch", "until": "2027-02-31", "why": "x"}]})",
       "$.accept[0].until: \"2027-02-31\" is no day such as \"2027-01-31\""},
      {R"({"pull": {"keep_free": "10"}})",
       R"($.pull.keep_free: "10" has no unit: write "10GB" or "10%")"},
      {R"({"pull": {"keep_free": "100%"}})",
       "$.pull.keep_free: nothing could be fetched: keep less free"},
      {R"({"pull": {"keep_free": "2 GB"}})",
       R"($.pull.keep_free: "2 GB" is not an amount such as "2GB", "500Mi" or "15%")"},
      {R"({"pull": {"parallel": 0}})", "$.pull.parallel: the number must be from 1 to 16"},
      {R"({"pull": {"unpack": "ctr"}})",
       "$.pull.unpack: \"ctr\" is none of \"nodeproof\", \"containerd\""},
      {R"({"pull": {"parallel": "3"}})",
       "$.pull.parallel: expected a whole number from 0, found a string"},
      {R"({"check_every": "15"})",
       R"($.check_every: "15" is not a duration such as "20s", "15m", "6h" or "7d")"},
      {R"({"check_every": "0s"})",
       "$.check_every: a duration must be larger than 0 and at most 366d"},
      {R"({"check_every": "999999999999999d"})",
       "$.check_every: a duration must be larger than 0 and at most 366d"},
      {R"({"check_every": "5ms"})", "$.check_every: at least \"1s\""},
      {R"([])", "$: expected an object, found an array"},
  };
  for (const Wrong& c : cases) EXPECT_EQ(refused(c.text), "main.json:1: " + c.message) << c.text;
}

TEST_F(Load, TakesABandwidthInBytesPerSecond) {
  const auto bandwidth = [this](const std::string& text) {
    return loaded(R"({"pull": {"bandwidth": ")" + text + "\"}}").pull.bandwidth;
  };
  EXPECT_EQ(bandwidth(""), 0U);
  EXPECT_EQ(bandwidth("64KB/s"), 64'000U);
  EXPECT_EQ(bandwidth("50MB/s"), 50'000'000U);
  EXPECT_EQ(bandwidth("1GB/s"), 1'000'000'000U);
  for (const char* text : {"63KB/s", "0MB/s", "99999999999999GB/s", "50", "50MB", "50 MB/s",
                           "-1MB/s", "1.5MB/s", "50Mbit/s", "MB/s"}) {
    EXPECT_NE(refused(R"({"pull": {"bandwidth": ")" + std::string(text) + "\"}}")
                  .find("$.pull.bandwidth: "),
              std::string::npos)
        << text;
  }
}

TEST_F(Load, TakesWindowsAndAJitter) {
  const Pull pull = loaded(R"({"pull": {"windows": ["01:00-05:00", "Sat,Sun 00:00-24:00"],
                                        "start_jitter": "30m"}})")
                        .pull;
  ASSERT_EQ(pull.windows.size(), 2U);
  EXPECT_EQ(to_string(pull.windows[1]), "Sat,Sun 00:00-24:00");
  EXPECT_EQ(pull.start_jitter, seconds(1800));
  EXPECT_EQ(loaded(R"({"pull": {"windows": [], "start_jitter": ""}})").pull, Pull{});
  const std::string bad = refused("{\"pull\": {\n\"windows\": [\"01:00-05:00\",\n\"nightly\"]}}");
  EXPECT_NE(bad.find(":3: $.pull.windows[1]: "), std::string::npos) << bad;
  EXPECT_NE(bad.find("\"01:00-05:00\""), std::string::npos) << bad;
  EXPECT_NE(refused(R"({"pull": {"start_jitter": "30"}})").find("$.pull.start_jitter: "),
            std::string::npos);
}

TEST_F(Load, RefusesAJitterThatIsNoShorterThanAWindow) {
  EXPECT_NE(refused(R"({"pull": {"windows": ["01:00-02:00"], "start_jitter": "1h"}})")
                .find("$.pull: start_jitter must be shorter"),
            std::string::npos);
  loaded(R"({"pull": {"windows": ["23:30-01:00"], "start_jitter": "1h"}})");
}

TEST_F(Load, TakesDurationsInEveryUnit) {
  EXPECT_EQ(loaded(R"({"check_every":"90s"})").check_every, seconds(90));
  EXPECT_EQ(loaded(R"({"check_every":"2m"})").check_every, seconds(120));
  EXPECT_EQ(loaded(R"({"check_every":"7d"})").check_every, seconds(7 * 86400));
  EXPECT_EQ(loaded(R"({"check_every":"1500ms"})").check_every, seconds(1));
  for (const char* text : {"1.5h", "1h30m", " 1s", "1 s", "1S", "-1s", "s", ""}) {
    refused(R"({"check_every":")" + std::string(text) + "\"}");
  }
}

TEST_F(Load, SaysWhereTheSyntaxBreaks) {
  EXPECT_TRUE(refused("{\n\"mode\": \"observe\",\n}").starts_with("main.json: line 3: "));
  EXPECT_EQ(refused("{\"mode\":\"observe\",\n\"mode\":\"enforce\"}"),
            "main.json: line 2: $: the key \"mode\" appears twice");
}

TEST_F(Load, AnAbsentMainFileIsAnErrorAndAnAbsentDirectoryIsNot) {
  EXPECT_NE(refused().find("main.json"), std::string::npos);
  EXPECT_EQ(loaded("{}"), Config{});
}

TEST_F(Load, FragmentsNeedNoMainFile) {
  write("conf.d/a.json", R"({"images": [{"reference": "a"}]})");
  EXPECT_EQ(config::load({}, dir_ / "conf.d")->images.size(), 1U);
}

TEST_F(Load, MergesFragmentsInTheOrderOfTheirNames) {
  write("conf.d/20-b.json",
        R"({"check_every": "2m", "images": [{"reference": "b"}], "sources": ["/b"],
    "registries": {"r.io": {"username": "u", "password_file": "/absent"}}, "node": {"labels": {"ring": "2"}}})");
  write("conf.d/10-a.json",
        R"({"check_every": "1m", "images": [{"reference": "a"}], "sources": ["/a"],
    "registries": {"r.io": {"ca": "/ca"}, "s.io": {}}, "node": {"labels": {"ring": "1"}}})");
  write("conf.d/ignored.txt", "no JSON");
  write("conf.d/.hidden.json", "no JSON");
  const Config config = loaded(
      R"({"images": [{"reference": "main"}], "node": {"name": "n", "labels": {"site": "s"}}})");
  ASSERT_EQ(config.images.size(), 3U);
  EXPECT_EQ(config.images[1].reference, "a");
  EXPECT_EQ(config.images[2].reference, "b");
  EXPECT_EQ(config.sources, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(config.check_every, seconds(120));
  EXPECT_EQ(config.registries.at("r.io"), (Registry{false, "/ca", "", "", "u", "/absent"}));
  EXPECT_TRUE(config.registries.contains("s.io"));
  EXPECT_EQ(config.node, (Node{"n", {{"ring", "2"}, {"site", "s"}}}));
}

TEST_F(Load, RefusesTheSameImageTwiceNamingBothFiles) {
  write("conf.d/a.json", "{\n\"images\": [{\"reference\": \"docker.io/library/debian:latest\"}]}");
  EXPECT_EQ(refused(R"({"images": [{"reference": "debian"}]})"),
            "conf.d/a.json:2: $.images[0]: the image docker.io/library/debian:latest stands in "
            "main.json:1 already");
  write("conf.d/a.json", "{}");
  EXPECT_EQ(refused("{\"images\": [{\"reference\": \"x\"},\n{\"reference\": \"x\"}]}"),
            "main.json:2: $.images[1]: the image x stands in main.json:1 already");
}

TEST_F(Load, ABadReferenceCostsOneImageNotTheConfiguration) {
  EXPECT_EQ(loaded(R"({"images": [{"reference": "Not A Reference"}]})").images.size(), 1U);
}

TEST_F(Load, AnErrorInAFragmentNamesTheFragment) {
  write("conf.d/a.json", R"({"mode": "x"})");
  EXPECT_TRUE(refused("{}").starts_with("conf.d/a.json:1: $.mode: "));
}

TEST(ConfigDigest, ChangesWithEverySetting) {
  const Config base;
  std::vector<Config> others(13);
  others[0].require_smoke = true;
  others[1].node.name = "n";
  others[2].node.labels["a"] = "b";
  others[3].containerd.snapshotter = "native";
  others[4].registries["r.io"];
  others[5].registries["r.io"].plain_http = true;
  others[6].images.emplace_back().reference = "x";
  others[7].images.emplace_back().smoke.emplace_back().name = "t";
  others[8].pull.parallel = 4;
  others[9].pull.keep_free = Amount{.units = 1, .percent = 0};
  others[10].pull.keep_free = Amount{.units = 0, .percent = 1};
  others[11].pull.bandwidth = 64000;
  others[12].sources = {"/mnt/usb"};
  others.resize(others.size() + 3, base);
  others[others.size() - 3].pull.unpack = Unpack::containerd;
  others[others.size() - 2].pull.windows = {*parse_time_window("01:00-05:00")};
  others[others.size() - 1].pull.start_jitter = seconds(60);
  others.push_back(base);
  const auto with_image = [&](auto change) {
    RequiredImage& image = others.emplace_back(base).images.emplace_back();
    change(image);
  };
  with_image([](RequiredImage& image) { image.healthcheck = true; });
  with_image([](RequiredImage& image) { image.structure_tests = {"/a.yaml"}; });
  with_image([](RequiredImage& image) { image.golden.report = "registry"; });
  with_image([](RequiredImage& image) { image.golden.keys = {"/k.pem"}; });
  with_image([](RequiredImage& image) { image.sandbox.mounts = {{"/a", "/b"}}; });
  with_image([](RequiredImage& image) { image.sandbox.tmpfs = {"/a"}; });
  with_image([](RequiredImage& image) { image.sandbox.devices = {"/dev/full"}; });
  with_image([](RequiredImage& image) { image.sandbox.runtime = "nvidia"; });
  with_image([](RequiredImage& image) { image.sandbox.memory = 1; });
  with_image([](RequiredImage& image) { image.sandbox.pids = 1; });
  const auto with_test = [&](auto change) {
    SmokeTest& test = others.emplace_back(base).images.emplace_back().smoke.emplace_back();
    change(test);
  };
  with_test([](SmokeTest& test) { test.cwd = "/a"; });
  with_test([](SmokeTest& test) { test.input = "a"; });
  with_test([](SmokeTest& test) { test.repeat = 2; });
  with_test([](SmokeTest& test) { test.cpus = 2; });
  with_test([](SmokeTest& test) { test.before = {{"a", "b"}}; });
  with_test([](SmokeTest& test) { test.before = {{"a"}, {"b"}}; });
  with_test([](SmokeTest& test) { test.after = {{"a"}}; });
  with_test([](SmokeTest& test) { test.expect.stdout_excludes = {"a"}; });
  with_test([](SmokeTest& test) { test.expect.stderr_excludes = {"a"}; });
  with_test([](SmokeTest& test) { test.expect.stdout_sha256 = "a"; });
  with_test([](SmokeTest& test) { test.service.emplace().port = 80; });
  with_test([](SmokeTest& test) { test.service.emplace().http_path = "/"; });
  with_test([](SmokeTest& test) { test.service.emplace().http_status = 200; });
  with_test([](SmokeTest& test) { test.service.emplace().http_body = "a"; });
  with_test([](SmokeTest& test) { test.file.emplace().path = "/a"; });
  with_test([](SmokeTest& test) { test.file.emplace().exists = false; });
  with_test([](SmokeTest& test) { test.file.emplace().mode = "-rw-r--r--"; });
  with_test([](SmokeTest& test) { test.file.emplace().uid = 0; });
  with_test([](SmokeTest& test) { test.file.emplace().gid = 0; });
  with_test([](SmokeTest& test) { test.file.emplace().executable_by = "any"; });
  with_test([](SmokeTest& test) { test.file.emplace().contains = {"a"}; });
  with_test([](SmokeTest& test) { test.file.emplace().excludes = {"a"}; });
  for (std::size_t i = 0; i < others.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_NE(config_digest(others[i]), config_digest(others[j])) << i << " " << j;
    }
  }
  EXPECT_EQ(config_digest(base), config_digest(Config{}));
  EXPECT_TRUE(config_digest(base).starts_with("sha256:"));
}

}  // namespace
}  // namespace nodeproof::config
