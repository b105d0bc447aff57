// What an image's tests, sandbox and golden report may be, and what is said of what they may not.
#include <gtest/gtest.h>

#include "agent/config/sections.hpp"
#include "common/json.hpp"

namespace nodeproof::config {
namespace {

using std::chrono::seconds;

Result<RequiredImage> read(const std::string& keys) {
  static const std::string kFile = "f";
  const auto root = json::parse(R"({"reference": "x", )" + keys + "}", {.comments = true});
  if (!root) return std::unexpected(root.error());
  return read_image(Entry(kFile, *root));
}

RequiredImage taken(const std::string& keys) {
  auto image = read(keys);
  EXPECT_TRUE(image) << image.error().message;
  return image ? *std::move(image) : RequiredImage{};
}

// Behind file and line.
std::string refused(const std::string& keys) {
  const auto image = read(keys);
  EXPECT_FALSE(image) << keys;
  return image ? "" : image.error().message.substr(std::string("f:1: $.").size());
}

std::string refused_test(const std::string& keys) {
  return refused(R"("smoke": [{"name": "a", )" + keys + "}]");
}

TEST(SmokeTests, AreCommandsWithAllThatGoesWithThem) {
  const RequiredImage image = taken(R"("smoke": [{ "name": "stress", "args": ["/s"],
    "cwd": "/srv", "stdin": "a\nb", "repeat": 1000, "cpus": 2, "timeout": "1m",
    "before": [["/prepare", "-v"], ["true"]], "after": [["/clean"]],
    "expect": { "stdout": ["a", "b"], "stdout_excludes": "c", "stderr_excludes": ["d"],
      "stdout_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" } }])");
  SmokeTest test;
  test.name = "stress";
  test.args = {"/s"};
  test.cwd = "/srv";
  test.input = "a\nb";
  test.repeat = 1000;
  test.cpus = 2;
  test.timeout = seconds(60);
  test.before = {{"/prepare", "-v"}, {"true"}};
  test.after = {{"/clean"}};
  test.expect.stdout_matches = {"a", "b"};
  test.expect.stdout_excludes = {"c"};
  test.expect.stderr_excludes = {"d"};
  test.expect.stdout_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  EXPECT_EQ(image.smoke, std::vector<SmokeTest>{test});
}

TEST(SmokeTests, AreServices) {
  const RequiredImage image = taken(R"("smoke": [{ "name": "up", "service": { "port": 80 } },
    { "name": "ok", "args": ["/s", "-p", "81"],
      "service": { "port": 81, "http": "/healthz", "status": 204, "body": "^ok" } }])");
  ASSERT_EQ(image.smoke.size(), 2U);
  ServiceCheck up;
  up.port = 80;
  EXPECT_EQ(image.smoke[0].service, up);
  ServiceCheck ok;
  ok.port = 81;
  ok.http_path = "/healthz";
  ok.http_status = 204;
  ok.http_body = "^ok";
  EXPECT_EQ(image.smoke[1].service, ok);
}

TEST(SmokeTests, AreFiles) {
  const RequiredImage image =
      taken(R"("smoke": [{ "name": "f", "file": { "path": "/etc/x", "mode": "-rwsr-xr-t",
    "uid": 0, "gid": 4294967294, "executable_by": "any", "contains": "a", "excludes": ["b", "c"] } },
    { "name": "g", "file": { "path": "/devices", "exists": false } }])");
  ASSERT_EQ(image.smoke.size(), 2U);
  FileCheck file;
  file.path = "/etc/x";
  file.mode = "-rwsr-xr-t";
  file.uid = 0;
  file.gid = 4294967294;
  file.executable_by = "any";
  file.contains = {"a"};
  file.excludes = {"b", "c"};
  EXPECT_EQ(image.smoke[0].file, file);
  EXPECT_FALSE(image.smoke[1].file->exists);
}

struct Wrong {
  std::string keys, message;
};

TEST(SmokeTests, AreRefusedWithWhatToWriteInstead) {
  const Wrong cases[] = {
      {R"("repeat": 0)", "smoke[0].repeat: the number must be from 1 to 1000"},
      {R"("cpus": 1025)", "smoke[0].cpus: the number must be from 0 to 1024"},
      {R"("cwd": "srv")", "smoke[0].cwd: a path must start with /"},
      {R"("before": ["true"])", "smoke[0].before[0]: expected an array of strings, found a string"},
      {R"("after": [[]])",
       R"(smoke[0].after[0]: a command starts with its program: ["/bin/prepare", "-v"])"},
      {R"("service": {})", R"(smoke[0].service: a service needs a "port")"},
      {R"("service": {"port": 65536})",
       "smoke[0].service.port: the number must be from 1 to 65535"},
      {R"("service": {"port": 1, "http": "healthz"})",
       R"(smoke[0].service.http: write the path of a GET, such as "/healthz")"},
      {R"("service": {"port": 1, "http": "/a b"})",
       R"(smoke[0].service.http: write the path of a GET, such as "/healthz")"},
      {R"("service": {"port": 1, "http": "/", "status": 99})",
       "smoke[0].service.status: an HTTP status such as 204; 0 = any of 200 to 399"},
      {R"("service": {"port": 1, "status": 200})",
       R"(smoke[0].service: "status" and "body" are those of an answer: say "http", too)"},
      {R"("service": {"port": 1, "check": []})", "smoke[0].service.check: unknown key"},
      {R"("file": {})", R"(smoke[0].file: which file? It needs a "path")"},
      {R"("file": {"path": "etc"})", "smoke[0].file.path: a path must start with /"},
      {R"("file": {"path": "/proc/version"})",
       "smoke[0].file.path: /proc is the container's own: write a path of the image"},
      {R"("file": {"path": "/a", "mode": "0644"})",
       R"(smoke[0].file.mode: "0644" is not a mode as ls writes it, such as "-rw-r--r--")"},
      {R"("file": {"path": "/a", "executable_by": "me"})",
       R"(smoke[0].file.executable_by: "me" is none of "", "owner", "group", "other", "any")"},
      {R"("file": {"path": "/a", "exists": false, "uid": 0})",
       "smoke[0].file: of a file that must not exist nothing else can be asked"},
      {R"("file": {"path": "/a"}, "args": ["a"])",
       R"(smoke[0]: a "file" is only looked at: next to it goes nothing but "name")"},
      {R"("file": {"path": "/a"}, "service": {"port": 1})",
       R"(smoke[0]: a "file" is only looked at: next to it goes nothing but "name")"},
      {R"("args": ["a"], "expect": {"stdout_sha256": "sha256:00"})",
       R"(smoke[0].expect.stdout_sha256: write the 64 digits that a report has as "normalisedSha256")"},
  };
  for (const Wrong& c : cases) EXPECT_EQ(refused_test(c.keys), c.message) << c.keys;
}

TEST(OtherSources, AreHealthcheckAndStructureTests) {
  EXPECT_FALSE(taken(R"("required": true)").healthcheck);
  EXPECT_FALSE(taken(R"("healthcheck": "ignore")").healthcheck);
  EXPECT_TRUE(taken(R"("healthcheck": "run")").healthcheck);
  EXPECT_EQ(refused(R"("healthcheck": "yes")"), R"(healthcheck: "yes" is none of "ignore", "run")");
  EXPECT_EQ(taken(R"("structure_tests": ["/a.yaml", "/b.json"])").structure_tests,
            (std::vector<std::string>{"/a.yaml", "/b.json"}));
  EXPECT_EQ(refused(R"("structure_tests": ["a.yaml"])"),
            "structure_tests[0]: a path must start with /");
  EXPECT_EQ(refused(R"("structure_tests": [""])"),
            "structure_tests[0]: the path of a container-structure-test file");
}

TEST(SandboxSettings, AreTaken) {
  const Sandbox sandbox = taken(R"("sandbox": { "mounts": [{"source": "/srv/a", "target": "/a"}],
    "tmpfs": ["/var/lib/app"], "devices": ["/dev/nvhost-ctrl", "/dev/dri/card0"],
    "runtime": "nvidia", "memory": "512MB", "pids": 64 })")
                              .sandbox;
  Sandbox expected;
  expected.mounts = {{"/srv/a", "/a"}};
  expected.tmpfs = {"/var/lib/app"};
  expected.devices = {"/dev/nvhost-ctrl", "/dev/dri/card0"};
  expected.runtime = "nvidia";
  expected.memory = 512'000'000;
  expected.pids = 64;
  EXPECT_EQ(sandbox, expected);
}

TEST(SandboxSettings, AreRefusedWithWhatToWriteInstead) {
  const std::string canonical =
      "write an absolute path without \"..\", \".\" and a slash at its end";
  const std::string memory = " is not an amount of memory such as \"512MB\" or \"1GiB\", from 16MB";
  const Wrong cases[] = {
      {R"("mounts": [{}])", R"(mounts[0]: a mount needs a "source" on this host)"},
      {R"("mounts": [{"source": "/a"}])", R"(mounts[0]: a mount needs a "target" inside)"},
      {R"("mounts": [{"source": "a", "target": "/a"}])", "mounts[0].source: " + canonical},
      {R"("mounts": [{"source": "/a/../b", "target": "/a"}])", "mounts[0].source: " + canonical},
      {R"("mounts": [{"source": "/a", "target": "/"}])", "mounts[0].target: " + canonical},
      {R"("mounts": [{"source": "/a", "target": "/dev/a"}])",
       "mounts[0].target: /dev is the container's own: write a path of the image"},
      {R"("mounts": [{"source": "/a", "target": "/x/../dev"}])", "mounts[0].target: " + canonical},
      {R"("mounts": [{"source": "/a", "target": "/x"}, {"source": "/b", "target": "/x"}])",
       "mounts[1]: two mounts have the target /x"},
      {R"("mounts": [{"source": "/a", "target": "/x"}], "tmpfs": ["/x"])",
       " /x is a mount and a tmpfs at once"},
      {R"("tmpfs": ["var"])", "tmpfs[0]: a path must start with /"},
      {R"("tmpfs": ["/var/"])", "tmpfs[0]: " + canonical},
      {R"("devices": ["/etc/passwd"])",
       R"(devices[0]: write a device of this host, such as "/dev/nvhost-ctrl")"},
      {R"("devices": ["/dev/../etc"])",
       R"(devices[0]: write a device of this host, such as "/dev/nvhost-ctrl")"},
      {R"("memory": "15MB")", "memory: \"15MB\"" + memory},
      {R"("memory": "50%")", "memory: \"50%\"" + memory},
      {R"("pids": 15)", "pids: the number must be from 16 to 4194304"},
      {R"("privileged": true)", "privileged: unknown key"},
  };
  for (const Wrong& c : cases) {
    const std::string dot = c.message.starts_with(' ') ? ":" : ".";
    EXPECT_EQ(refused(R"("sandbox": {)" + c.keys + "}"), "sandbox" + dot + c.message) << c.keys;
  }
}

TEST(GoldenReport, IsAFileOrBesideTheImage) {
  const Golden golden = taken(R"("golden": {"report": "registry", "keys": ["/k.pem"]})").golden;
  EXPECT_EQ(golden, (Golden{"registry", {"/k.pem"}}));
  EXPECT_EQ(taken(R"("golden": {"report": "/r.json"})").golden.report, "/r.json");
  EXPECT_EQ(refused(R"("golden": {"report": "r.json"})"),
            R"(golden.report: write the absolute path of a report, or "registry")");
  EXPECT_EQ(refused(R"("golden": {"keys": ["/k.pem"]})"), R"(golden: "keys" without a "report")");
  EXPECT_EQ(refused(R"("golden": {"report": "registry", "keys": [""]})"),
            "golden.keys[0]: the path of a PEM file with a public key");
}

}  // namespace
}  // namespace nodeproof::config
