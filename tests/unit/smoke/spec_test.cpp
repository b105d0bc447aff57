#include "agent/smoke/spec.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/file.hpp"
#include "common/json.hpp"
#include "tests/fakes/fixtures.hpp"

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
  const std::string path = (fakes::fixtures() / "smoke/spec-arm64.json").string();
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

TEST(Spec, LetsEveryUserListenOnEveryPortWhereTheKernelCan) {
  const auto said = [](std::string release) {
    HostFacts host = pi4();
    host.kernel_release = std::move(release);
    return spec_for(host).find(R"("sysctl":{"net.ipv4.ip_unprivileged_port_start":"0"})") !=
           std::string::npos;
  };
  EXPECT_TRUE(said("6.1.0-21-arm64"));
  EXPECT_TRUE(said("4.11.0"));
  EXPECT_FALSE(said("4.9.337-tegra"));
  EXPECT_FALSE(said(""));
  EXPECT_FALSE(said("4"));
}

TEST(Spec, RefusesAnArchitectureWithoutAProfile) {
  HostFacts host = pi4();
  host.platform.architecture = "riscv64";
  EXPECT_EQ(container_spec(input_for(host)).error().code, Errc::unsupported);
}

const json::Value* mount_at(const json::Value& spec, std::string_view destination) {
  for (const json::Value& mount : at(spec, "mounts").items()) {
    if (at(mount, "destination").string() == destination) return &mount;
  }
  return nullptr;
}

TEST(Spec, MountsWhatIsAllowedReadOnlyAndParentsFirst) {
  const HostFacts host = pi4();
  SpecInput input = input_for(host);
  input.allowed.mounts = {{"/srv/b", "/opt/app/data"}, {"/srv/a", "/opt"}};
  input.allowed.tmpfs = {"/opt/app"};
  input.allowed.volumes = {"/var/lib/app"};
  const json::Value spec = *json::parse(*container_spec(input));
  const json::Value* const mount = mount_at(spec, "/opt");
  ASSERT_NE(mount, nullptr);
  EXPECT_EQ(at(*mount, "source").string(), "/srv/a");
  EXPECT_EQ(at(*mount, "options").strings(),
            (std::vector<std::string>{"bind", "ro", "nosuid", "nodev"}));
  ASSERT_NE(mount_at(spec, "/opt/app"), nullptr);
  EXPECT_EQ(at(*mount_at(spec, "/opt/app"), "type").string(), "tmpfs");
  EXPECT_EQ(at(*mount_at(spec, "/var/lib/app"), "options").strings().value()[2], "tmpcopyup");
  EXPECT_LT(mount, mount_at(spec, "/opt/app"));
  EXPECT_LT(mount_at(spec, "/opt/app"), mount_at(spec, "/opt/app/data"));
  // Nothing allowed may hide what is ours.
  EXPECT_EQ(at(at(spec, "mounts").items().back(), "destination").string(), kPlanInside);
}

TEST(Spec, GivesADeviceAsNodeAndToTheCgroupAndNothingMore) {
  const HostFacts host = pi4();
  SpecInput input = input_for(host);
  const json::Value bare = *json::parse(*container_spec(input));
  EXPECT_EQ(at(bare, "linux").find("devices"), nullptr);
  input.allowed.devices = {{.path = "/dev/nvhost-ctrl",
                            .type = 'c',
                            .major = 506,
                            .minor = 1,
                            .mode = 0660,
                            .uid = 0,
                            .gid = 44}};
  const json::Value spec = *json::parse(*container_spec(input));
  const json::Value& device = at(at(spec, "linux"), "devices").items().at(0);
  EXPECT_EQ(at(device, "path").string(), "/dev/nvhost-ctrl");
  EXPECT_EQ(at(device, "type").string(), "c");
  EXPECT_EQ(at(device, "major").integer(), 506);
  EXPECT_EQ(at(device, "minor").integer(), 1);
  EXPECT_EQ(at(device, "fileMode").integer(), 0660);
  EXPECT_EQ(at(device, "gid").integer(), 44);
  const auto& rules = at(at(at(spec, "linux"), "resources"), "devices").items();
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(at(rules[0], "allow").boolean(), false);
  EXPECT_EQ(at(rules[1], "allow").boolean(), true);
  EXPECT_EQ(at(rules[1], "major").integer(), 506);
  EXPECT_EQ(at(rules[1], "access").string(), "rw");
}

}  // namespace
}  // namespace nodeproof::smoke
