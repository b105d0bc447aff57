// What the operator allows a container, as this host has it.
#include "agent/smoke/allowed.hpp"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::smoke {
namespace {

using Texts = std::vector<std::string>;

TEST(Allowed, IsTakenFromTheHost) {
  const fakes::TempFolder folder;
  Sandbox sandbox;
  sandbox.mounts = {{folder.path().string(), "/fixtures"}};
  sandbox.tmpfs = {"/var/cache"};
  sandbox.devices = {"/dev/null"};
  const auto allowed = allowed_by(sandbox);
  ASSERT_TRUE(allowed) << allowed.error().message;
  EXPECT_EQ(allowed->mounts, sandbox.mounts);
  EXPECT_EQ(allowed->tmpfs, sandbox.tmpfs);
  ASSERT_EQ(allowed->devices.size(), 1U);
  EXPECT_EQ(allowed->devices[0].path, "/dev/null");
  EXPECT_EQ(allowed->devices[0].type, 'c');
  EXPECT_EQ(allowed->devices[0].major, 1U);
  EXPECT_EQ(allowed->devices[0].minor, 3U);
  EXPECT_EQ(allowed->devices[0].mode & 0600U, 0600U);
}

TEST(Allowed, SaysWhatThisHostDoesNotHave) {
  Sandbox sandbox;
  sandbox.devices = {"/dev/nodeproof-absent"};
  auto allowed = allowed_by(sandbox);
  ASSERT_FALSE(allowed);
  EXPECT_EQ(allowed.error().code, Errc::not_found);
  EXPECT_EQ(allowed.error().message,
            "the device /dev/nodeproof-absent is not there to be given to it: No such file or "
            "directory");
  sandbox.devices = {"/dev/shm"};
  allowed = allowed_by(sandbox);
  ASSERT_FALSE(allowed);
  EXPECT_EQ(allowed.error().message, "/dev/shm is no device");
  sandbox = {};
  sandbox.mounts = {{"/nowhere", "/x"}};
  allowed = allowed_by(sandbox);
  ASSERT_FALSE(allowed);
  EXPECT_EQ(allowed.error().message,
            "the mount /nowhere is not there to be given to it: No such file or directory");
}

TEST(GivenKey, ChangesWithWhatLiesBehindTheMounts) {
  const fakes::TempFolder folder;
  Sandbox sandbox;
  sandbox.mounts = {{folder.path().string(), "/fixtures"}};
  const std::string before = given_key(sandbox, "/");
  ASSERT_TRUE(write_file_atomically(folder.path() / "input", "1"));
  EXPECT_NE(given_key(sandbox, "/"), before);
}

TEST(GivenKey, ChangesWithTheNvidiaDriverWhereOneIsGiven) {
  const fakes::TempFolder folder;
  const auto version = folder.path() / "proc/driver/nvidia/version";
  std::filesystem::create_directories(version.parent_path());
  ASSERT_TRUE(write_file_atomically(version, "NVRM version: 540.4.0"));
  Sandbox with;
  with.runtime = "nvidia";
  const std::string before = given_key(with, folder.path());
  const std::string without = given_key({}, folder.path());
  EXPECT_NE(before, without);
  ASSERT_TRUE(write_file_atomically(version, "NVRM version: 550.1.0"));
  EXPECT_NE(given_key(with, folder.path()), before);
  EXPECT_EQ(given_key({}, folder.path()), without);
}

TEST(Volumes, AreThoseThatNothingElseMountsAndThatArePlainPaths) {
  ImageConfig config;
  config.volumes = {"/data/", "/dev/x", "/etc/../root", "/mounted", "/proc",
                    "/tmp/a", "/tmpfs", "/var/lib",     "",         "/",
                    "rel",    "//x",    "/\xff\xfe"};
  Sandbox sandbox;
  sandbox.mounts = {{"/srv", "/mounted"}};
  sandbox.tmpfs = {"/tmpfs"};
  EXPECT_EQ(volumes_of(config, sandbox), (Texts{"/data", "/var/lib"}));
  config.volumes.assign(100, "/a");
  EXPECT_EQ(volumes_of(config, {}).size(), 1U);
}

TEST(RuntimeEnv, IsForANamedRuntimeOnly) {
  ImageConfig config;
  config.env = {"PATH=/bin", "NVIDIA_VISIBLE_DEVICES=all", "LD_PRELOAD=/x"};
  EXPECT_EQ(runtime_env(config, {}), Texts{});
  Sandbox sandbox;
  sandbox.runtime = "nvidia";
  EXPECT_EQ(runtime_env(config, sandbox), Texts{"NVIDIA_VISIBLE_DEVICES=all"});
}

}  // namespace
}  // namespace nodeproof::smoke
