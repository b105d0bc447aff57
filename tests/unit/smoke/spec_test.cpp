#include "agent/smoke/spec.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof::smoke {
namespace {

HostFacts pi4() {
  HostFacts host;
  host.platform = {"linux", "arm64", "v8", "", {}};
  host.cgroup_controllers = {"cpuset", "cpu", "io", "pids"};  // no memory: Raspberry Pi OS
  host.cgroup_v2 = true;
  host.containerd = ContainerdFacts{};
  host.containerd->systemd_cgroup = true;
  return host;
}

SpecInput input_for(const HostFacts& host) {
  return {.id = "nodeproof-smoke-1",
          .binary = "/usr/bin/nodeproof",
          .plan = "/run/nodeproof/1.plan",
          .working_dir = "/srv",
          .host = host,
          .limits = {}};
}

std::string spec_for(const HostFacts& host) {
  auto spec = container_spec(input_for(host));
  EXPECT_TRUE(spec);
  return spec ? *spec : "";
}

const json::Value& at(const json::Value& value, std::string_view key) { return **value.at(key); }

// The whole document, so that every change of it is seen in review. Written anew with
// UPDATE_GOLDEN=1.
TEST(Spec, IsTheRecordedOne) {
  const HostFacts host = pi4();
  const std::string path = std::string(NODEPROOF_FIXTURES) + "/smoke/spec-arm64.json";
  const std::string text = spec_for(host);
  if (std::getenv("UPDATE_GOLDEN") != nullptr)
    ASSERT_TRUE(write_file_atomically(path, text + "\n"));
  const auto golden = read_file(path);
  ASSERT_TRUE(golden) << golden.error().message;
  EXPECT_EQ(text + "\n", *golden);
}

TEST(Spec, LimitsOnlyWhatThisHostCanLimit) {
  HostFacts host = pi4();
  const json::Value without = *json::parse(spec_for(host));
  EXPECT_EQ(at(at(without, "linux"), "resources").find("memory"), nullptr);
  EXPECT_NE(at(at(without, "linux"), "resources").find("pids"), nullptr);
  host.cgroup_controllers = {"memory"};
  const json::Value with = *json::parse(spec_for(host));
  EXPECT_NE(at(at(with, "linux"), "resources").find("memory"), nullptr);
  EXPECT_EQ(at(at(with, "linux"), "resources").find("pids"), nullptr);
  EXPECT_EQ(at(at(with, "linux"), "resources").find("cpu"), nullptr);
}

TEST(Spec, FollowsTheCgroupDriver) {
  HostFacts host = pi4();
  EXPECT_EQ(*at(at(*json::parse(spec_for(host)), "linux"), "cgroupsPath").string(),
            "nodeproof.slice:nodeproof:nodeproof-smoke-1");
  host.containerd->systemd_cgroup = false;
  host.cgroup_v2 = false;
  const json::Value spec = *json::parse(spec_for(host));
  EXPECT_EQ(*at(at(spec, "linux"), "cgroupsPath").string(), "/nodeproof.slice/nodeproof-smoke-1");
  EXPECT_EQ(at(at(spec, "linux"), "namespaces").items().size(), 5U);
}

TEST(Spec, GivesTheSupervisorFiveCapabilitiesAndNoMore) {
  const HostFacts host = pi4();
  const json::Value spec = *json::parse(spec_for(host));
  const json::Value& capabilities = at(at(spec, "process"), "capabilities");
  for (const char* set : {"bounding", "effective", "permitted"}) {
    EXPECT_EQ(at(capabilities, set).items().size(), 5U) << set;
  }
  EXPECT_TRUE(at(capabilities, "ambient").items().empty());
  EXPECT_TRUE(at(capabilities, "inheritable").items().empty());
  EXPECT_TRUE(*at(at(spec, "process"), "noNewPrivileges").boolean());
  EXPECT_TRUE(*at(at(spec, "root"), "readonly").boolean());
}

TEST(Spec, MakesRelativeWorkingDirectoriesTheRoot) {
  const HostFacts host = pi4();
  SpecInput input = input_for(host);
  input.working_dir = "srv";
  EXPECT_EQ(*at(at(*json::parse(*container_spec(input)), "process"), "cwd").string(), "/");
}

TEST(Spec, RefusesAnArchitectureWithoutAProfile) {
  HostFacts host = pi4();
  host.platform.architecture = "riscv64";
  EXPECT_EQ(container_spec(input_for(host)).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace nodeproof::smoke
