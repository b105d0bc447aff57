// A runtime handler by its name, out of what the CRI plugin says of its configuration.
#include <gtest/gtest.h>

#include "agent/containerd/handlers_grpc.hpp"

namespace nodeproof::containerd {
namespace {

// As containerd 1.6 to 2.x write it, without what is not looked at.
constexpr std::string_view kConfig = R"({"containerd": {"defaultRuntimeName": "runc", "runtimes": {
  "runc": {"runtimeType": "io.containerd.runc.v2", "runtimePath": "", "options": {"SystemdCgroup": true}},
  "nvidia": {"runtimeType": "io.containerd.runc.v2",
             "options": {"BinaryName": "/usr/bin/nvidia-container-runtime", "Root": "/run/nv",
                         "NoPivotRoot": true, "NoNewKeyring": true}},
  "kata": {"runtimeType": "io.containerd.kata.v2", "options": {"BinaryName": "/not/runc"}},
  "bare": {"options": null}}}})";

TEST(RuntimeHandlers, AreFoundByName) {
  EXPECT_EQ(find_handler(kConfig, "runc").value(), RuntimeHandler{});
  EXPECT_EQ(find_handler(kConfig, "bare").value(), RuntimeHandler{});
  const RuntimeHandler nvidia = find_handler(kConfig, "nvidia").value();
  EXPECT_EQ(nvidia.type, "io.containerd.runc.v2");
  EXPECT_EQ(nvidia.binary, "/usr/bin/nvidia-container-runtime");
  EXPECT_EQ(nvidia.root, "/run/nv");
  EXPECT_TRUE(nvidia.no_pivot_root && nvidia.no_new_keyring);
  const RuntimeHandler kata = find_handler(kConfig, "kata").value();
  EXPECT_EQ(kata.type, "io.containerd.kata.v2");
  EXPECT_EQ(kata.binary, "");
}

TEST(RuntimeHandlers, AnUnknownNameIsAnsweredWithThoseThatAre) {
  const auto absent = find_handler(kConfig, "nvida");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Errc::invalid_config);
  EXPECT_EQ(absent.error().message,
            "containerd's configuration has no runtime \"nvida\"; it has runc, nvidia, kata, bare");
  EXPECT_NE(find_handler("{}", "x").error().message.find("it has none"), std::string::npos);
  EXPECT_EQ(find_handler("no JSON", "x").error().code, Errc::invalid_document);
}

}  // namespace
}  // namespace nodeproof::containerd
