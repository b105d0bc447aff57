#include <gtest/gtest.h>

#include "tests/unit/inspect/facts.hpp"

namespace nodeproof::inspect {
namespace {

using Lines = std::vector<std::string>;

FileFacts arm(FileFacts facts, std::optional<unsigned> architecture) {
  facts.elf->header.bits = 32;
  facts.elf->header.machine = elf::kMachineArm;
  if (!facts.elf->interpreter.empty()) facts.elf->interpreter = "/lib/ld-linux-armhf.so.3";
  facts.elf->arm_architecture = architecture;
  return facts;
}

Image arm_image(const Files& files, HostFacts host) {
  Image image = files.image(std::move(host));
  image.resolved.config.platform = linux_on("arm");
  image.resolved.manifest.platform = linux_on("arm");
  return image;
}
Lines on(const std::string& machine, const Files& files) {
  HostFacts host;
  host.platform = linux_on("arm");
  host.machine = machine;
  host.kernel_bits = 32;
  host.page_size = 4096;
  return brief(arm_image(files, host).inspect().findings);
}

Files userland(unsigned architecture) {
  return Files()
      .add("lib/ld-linux-armhf.so.3", arm(library_facts("ld-linux-armhf.so.3"), architecture))
      .add("lib/arm-linux-gnueabihf/libc.so.6", arm(library_facts("libc.so.6"), architecture))
      .add("app", arm(program_facts(), architecture));
}

TEST(Arm, Armv7CodeFailsOnAnArmv6Processor) {
  EXPECT_EQ(on("armv6l", userland(elf::kArmV7)), Lines{"ArchMismatch fail /app"});
  EXPECT_EQ(on("armv6l", userland(elf::kArmV8)), Lines{"ArchMismatch fail /app"});
  EXPECT_EQ(on("armv7l", userland(elf::kArmV7)), Lines{});
  EXPECT_EQ(on("armv8l", userland(elf::kArmV8)), Lines{});
}

TEST(Arm, Armv6CodeRunsOnArmv6AndLater) {
  for (const unsigned architecture : {elf::kArmV5TE, elf::kArmV6, elf::kArmV6KZ, elf::kArmV6K}) {
    EXPECT_EQ(on("armv6l", userland(architecture)), Lines{}) << architecture;
    EXPECT_EQ(on("armv7l", userland(architecture)), Lines{}) << architecture;
  }
  for (const unsigned architecture : {elf::kArmV6, elf::kArmV6KZ, elf::kArmV6K}) {
    EXPECT_EQ(on("armv5tejl", userland(architecture)), Lines{"ArchMismatch fail /app"});
  }
}

TEST(Arm, ALibraryOfVariantsIsAWarning) {
  Files files = userland(elf::kArmV6);
  files.add("app", arm(program_facts({"libav.so", "libc.so.6"}), elf::kArmV6));
  files.add("usr/lib/libav.so", arm(library_facts("libav.so"), elf::kArmV7));
  EXPECT_EQ(on("armv6l", files), Lines{"ArchMismatch warn /usr/lib/libav.so"});
}

TEST(Arm, CodeWithoutATagIsNoClaim) {
  EXPECT_EQ(on("armv6l", Files().add("app", arm(static_facts(), std::nullopt))), Lines{});
}

TEST(Arm, A32BitProgramFailsWhereNoneCouldBeStarted) {
  HostFacts host = pi4_host();
  const Files files = Files().add("app", arm(static_facts(), elf::kArmV7));
  host.aarch32 = false;
  const std::vector<Finding> refused = arm_image(files, host).inspect().findings;
  const auto finding = std::ranges::find(refused, "/app", &Finding::subject);
  ASSERT_NE(finding, refused.end());
  EXPECT_EQ(finding->severity, Severity::fail);
  EXPECT_NE(finding->evidence.find("could not be started there"), std::string::npos);
}

TEST(Arm, A32BitProgramIsToldWhereOneWasStartedOrNoneWasTried) {
  HostFacts host = pi4_host();
  const Files files = Files().add("app", arm(static_facts(), elf::kArmV7));
  for (const std::optional<bool> tried : {std::optional(true), std::optional<bool>()}) {
    host.aarch32 = tried;
    const std::vector<Finding> findings = arm_image(files, host).inspect().findings;
    const auto finding = std::ranges::find(findings, "/app", &Finding::subject);
    ASSERT_NE(finding, findings.end());
    EXPECT_EQ(finding->severity, Severity::info);
    EXPECT_EQ(finding->message.contains("smoke test"), !tried.has_value());
  }
}

TEST(Arm, A32BitProgramIsNotKnownToRunOnAnotherHostThatWasNotTried) {
  HostFacts host = pi4_host();
  host.aarch32.reset();
  const Image image = arm_image(Files().add("app", arm(static_facts(), elf::kArmV7)), host);
  const auto findings =
      inspect({image.resolved, image.layers, image.host, image.emulation, image.tests, false})
          .findings;
  const auto finding = std::ranges::find(findings, "/app", &Finding::subject);
  ASSERT_NE(finding, findings.end());
  EXPECT_EQ(finding->severity, Severity::unknown);
}

TEST(Arm, AnEmulatorTakesWhatTheProcessorDoesNot) {
  HostFacts host = pi4_host();
  host.aarch32 = false;
  host.binfmt = {{.name = "qemu-arm",
                  .interpreter = "/usr/bin/qemu-arm-static",
                  .flags = "F",
                  .elf_machine = elf::kMachineArm,
                  .enabled = true}};
  const Lines lines = brief(
      arm_image(Files().add("app", arm(static_facts(), elf::kArmV7)), host).inspect().findings);
  EXPECT_NE(std::ranges::find(lines, "WouldRunEmulated fail /app"), lines.end())
      << testing::PrintToString(lines);
}

}  // namespace
}  // namespace nodeproof::inspect
