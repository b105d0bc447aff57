#include <gtest/gtest.h>

#include "agent/host/auxv.hpp"
#include "agent/host/binfmt.hpp"
#include "agent/host/cpuinfo.hpp"
#include "agent/host/program.hpp"

namespace nodeproof::host {
namespace {

struct VariantCase {
  const char* name;
  const char* cpuinfo;
  const char* machine;
  const char* architecture;
  const char* variant;
};

class CpuVariant : public testing::TestWithParam<VariantCase> {};

TEST_P(CpuVariant, IsContainerds) {
  const VariantCase& c = GetParam();
  EXPECT_EQ(cpu_variant(c.cpuinfo, c.machine, c.architecture), c.variant);
}

INSTANTIATE_TEST_SUITE_P(
    Table, CpuVariant,
    testing::Values(
        VariantCase{"Arm64", "CPU architecture: 8\n", "aarch64", "arm64", "v8"},
        VariantCase{"OldArm64Spelling", "CPU architecture: AArch64\n", "aarch64", "arm64", "v8"},
        VariantCase{"ArmUserlandOnArm64", "CPU architecture: 8\n", "aarch64", "arm", "v8"},
        VariantCase{"Armv7", "CPU architecture: 7\n", "armv7l", "arm", "v7"},
        VariantCase{"RaspberryPi1SaysSeven",
                    "model name\t: ARMv6-compatible processor rev 7 (v6l)\nCPU architecture: 7\n",
                    "armv6l", "arm", "v6"},
        VariantCase{"Armv5", "CPU architecture: 5TEJ\n", "armv5tejl", "arm", "v5"},
        VariantCase{"NoSuchLineUsesTheMachine", "processor : 0\n", "aarch64", "arm64", "v8"},
        VariantCase{"NoSuchLineOnArmv7", "", "armv7l", "arm", "v7"},
        VariantCase{"Nonsense", "CPU architecture: potato\n", "aarch64", "arm64", "unknown"},
        VariantCase{"NeverOnAmd64", "CPU architecture: 8\n", "x86_64", "amd64", ""}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(GoArchitecture, FollowsTheUserlandNotTheKernel) {
  EXPECT_EQ(go_architecture("aarch64", 64), "arm64");
  EXPECT_EQ(go_architecture("aarch64", 32), "arm");
  EXPECT_EQ(go_architecture("x86_64", 32), "386");
  EXPECT_EQ(go_architecture("i686", 0), "386");
  EXPECT_EQ(go_architecture("armv7l", 32), "arm");
  EXPECT_EQ(go_architecture("riscv64", 64), "riscv64");
  EXPECT_EQ(go_architecture("pdp11", 0), "");
}

TEST(X86Features, GiveTheLevelWhoseFlagsAreAllThere) {
  const std::string v1 = "flags\t: cmov cx8 fpu fxsr mmx syscall sse sse2";
  const std::string v2 = v1 + " cx16 lahf_lm popcnt pni ssse3 sse4_1 sse4_2";
  const std::string v3 = v2 + " avx avx2 bmi1 bmi2 f16c fma abm movbe xsave";
  const std::string v4 = v3 + " avx512f avx512bw avx512cd avx512dq avx512vl";
  EXPECT_EQ(x86_features(v1).level, "x86-64-v1");
  EXPECT_EQ(x86_features(v2).level, "x86-64-v2");
  EXPECT_EQ(x86_features(v3).level, "x86-64-v3");
  EXPECT_EQ(x86_features(v4).level, "x86-64-v4");
  EXPECT_EQ(x86_features(v2 + " avx512f").level, "x86-64-v2");
  EXPECT_EQ(x86_features("").level, "");
}

std::string entry(std::uint64_t type, std::uint64_t value) {
  std::string bytes;
  for (const std::uint64_t number : {type, value}) {
    for (unsigned i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(number >> 8 * i & 0xFF));
  }
  return bytes;
}

TEST(ParseAuxv, TakesPageSizeAndFeatures) {
  const std::string bytes = entry(16, 0x887) + entry(26, 0x2000) + entry(6, 65536) + entry(0, 0);
  EXPECT_EQ(parse_auxv(bytes), (Auxv{65536, 0x887, 0x2000}));
}

TEST(ParseAuxv, TrustsNoVectorWithoutItsEnd) {
  EXPECT_EQ(parse_auxv(entry(6, 4096)), Auxv{});
  EXPECT_EQ(parse_auxv(entry(6, 4096).substr(0, 11)), Auxv{});
  EXPECT_EQ(parse_auxv(""), Auxv{});
}

TEST(Arm64Hwcaps, NamesBitsAndKeepsTheUnnamed) {
  const auto names = arm64_hwcaps(1U << 8U | 1ULL << 50U, 1ULL << 13U | 1ULL << 63U);
  EXPECT_EQ(names, (std::vector<std::string>{"atomics", "hwcap:50", "i8mm", "poe"}));
}

TEST(ParseBinfmt, ReadsWhoseProgramsAHandlerTakes) {
  const auto handler =
      parse_binfmt("qemu-aarch64",
                   "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\n"
                   "magic 7f454c460201010000000000000000000200b700\nmask "
                   "ffffffffffffff00fffffffffffffffffeffffff\n");
  EXPECT_EQ(handler,
            (BinfmtHandler{"qemu-aarch64", "/usr/bin/qemu-aarch64-static", "OCF", 183, true}));
}

TEST(ParseBinfmt, IsBigEndianWhereTheMagicIs) {
  const auto handler = parse_binfmt(
      "qemu-s390x", "enabled\noffset 0\nmagic 7f454c4602020100000000000000000000020016\n");
  EXPECT_EQ(handler.elf_machine, 22);
}

TEST(ParseBinfmt, ClaimsNoMachineForOtherHandlers) {
  EXPECT_EQ(parse_binfmt("py", "disabled\ninterpreter /p\noffset 0\nmagic a70d0d0a\n").elf_machine,
            0);
  EXPECT_FALSE(parse_binfmt("py", "disabled\n").enabled);
  EXPECT_EQ(parse_binfmt("jar", "enabled\ninterpreter /j\nextension .jar\n").elf_machine, 0);
  EXPECT_EQ(parse_binfmt("bad", "enabled\noffset 0\nmagic 7f454c4g\n").elf_machine, 0);
  EXPECT_EQ(
      parse_binfmt("later", "enabled\noffset 4\nmagic 7f454c460201010000000000000000000200b700\n")
          .elf_machine,
      0);
}

TEST(ProgramIdent, IsEmptyForWhatIsNoProgram) {
  EXPECT_EQ(program_ident(std::string_view("#!/bin/sh\n............")).bits, 0U);
  EXPECT_EQ(program_ident(std::string_view("\x7f"
                                           "ELF"))
                .bits,
            0U);
}

}  // namespace
}  // namespace nodeproof::host
