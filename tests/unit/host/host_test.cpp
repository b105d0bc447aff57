#include "agent/host/host.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "agent/codes.hpp"
#include "common/file.hpp"
#include "tests/fakes/fixtures.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::host {
namespace {

const std::filesystem::path kHosts = fakes::fixtures() / "hosts";

HostFacts pi4() {
  HostFacts facts;
  facts.platform = {"linux", "arm64", "v8", "", {}};
  facts.machine = "aarch64";
  facts.kernel_bits = 64;
  facts.userland_bits = 64;
  facts.page_size = 4096;
  facts.va_bits = 39;
  facts.hwcaps = {"fp", "asimd", "evtstrm", "crc32", "cpuid"};
  facts.kernel_release = "6.1.0-rpi8-rpi-v8";
  facts.board = "Raspberry Pi 4 Model B Rev 1.4";
  facts.name = "pi4";
  facts.boot_id = "11111111-2222-4333-8444-555555555555";
  facts.binfmt = {{"python3.11", "/usr/bin/python3.11", "", 0, true},
                  {"qemu-x86_64", "/usr/libexec/qemu-binfmt/x86_64-binfmt-P", "POCF", 62, true}};
  facts.cgroup_controllers = {"cpu", "cpuset", "io", "pids"};
  facts.cgroup_v2 = true;
  facts.findings = {
      {std::string(code::kMemoryCgroupMissing), Severity::warn, "memory", "",
       "the kernel runs without the memory cgroup: memory limits of containers are not enforced",
       "no \"memory\" in /sys/fs/cgroup/cgroup.controllers; cgroup_disable=memory in /proc/cmdline",
       "append \"cgroup_enable=memory cgroup_memory=1\" to the one line of "
       "/boot/firmware/cmdline.txt "
       "(/boot/cmdline.txt before bookworm) and reboot"},
      {std::string(code::kEmulatorRegistered), Severity::info, "qemu-x86_64", "",
       "this host runs programs that are built for other processors, by an emulator: an image of "
       "the wrong architecture would start, and be slow",
       "qemu-x86_64 runs e_machine 62 by /usr/libexec/qemu-binfmt/x86_64-binfmt-P (flags POCF)",
       "if nobody here means that: apt-get purge qemu-user-static binfmt-support, or echo -1 > "
       "/proc/sys/fs/binfmt_misc/NAME until the next start; images are refused all the same unless "
       "their \"emulation\" allows it"}};
  return facts;
}

HostFacts pi5() {
  HostFacts facts;
  facts.platform = {"linux", "arm64", "v8", "", {}};
  facts.machine = "aarch64";
  facts.kernel_bits = 64;
  facts.userland_bits = 64;
  facts.page_size = 16384;
  facts.va_bits = 47;
  facts.hwcaps = {"fp",      "asimd", "evtstrm", "aes",   "pmull",    "sha1",  "sha2",  "crc32",
                  "atomics", "fphp",  "asimdhp", "cpuid", "asimdrdm", "lrcpc", "dcpop", "asimddp"};
  facts.kernel_release = "6.6.31+rpt-rpi-2712";
  facts.board = "Raspberry Pi 5 Model B Rev 1.0";
  facts.name = "pi5";
  facts.boot_id = "66666666-7777-4888-8999-aaaaaaaaaaaa";
  facts.cgroup_controllers = {"cpu", "cpuset", "io", "memory", "pids"};
  facts.cgroup_v2 = true;
  return facts;
}

HostFacts amd64() {
  HostFacts facts;
  facts.platform = {"linux", "amd64", "", "", {}};
  facts.machine = "x86_64";
  facts.kernel_bits = 64;
  facts.userland_bits = 64;
  facts.page_size = 4096;
  facts.va_bits = 47;
  facts.isa_level = "x86-64-v4";
  facts.hwcaps = {"cmov",      "cx8",      "fpu",         "fxsr",       "mmx",        "syscall",
                  "sse",       "sse2",     "cx16",        "lahf_lm",    "popcnt",     "pni",
                  "ssse3",     "sse4_1",   "sse4_2",      "avx",        "avx2",       "bmi1",
                  "bmi2",      "f16c",     "fma",         "abm",        "movbe",      "xsave",
                  "avx512f",   "avx512bw", "avx512cd",    "avx512dq",   "avx512vl",   "aes",
                  "pclmulqdq", "sha_ni",   "vaes",        "gfni",       "vpclmulqdq", "adx",
                  "rdrand",    "avx_vnni", "avx512_vnni", "avx512vbmi", "avx512_bf16"};
  facts.kernel_release = "6.18.44-fc-v657";
  facts.board = "QEMU Standard PC (Q35 + ICH9, 2009)";
  facts.name = "builder";
  facts.boot_id = "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff";
  facts.cgroup_controllers = {"blkio",   "cpu",    "cpuacct", "cpuset",   "devices",    "freezer",
                              "hugetlb", "memory", "net_cls", "net_prio", "perf_event", "pids"};
  return facts;
}

HostFacts orin() {
  HostFacts facts;
  facts.platform = {"linux", "arm64", "v8", "", {}};
  facts.machine = "aarch64";
  facts.kernel_bits = 64;
  facts.userland_bits = 64;
  facts.page_size = 4096;
  facts.va_bits = 48;
  facts.hwcaps = {"fp",    "asimd",   "evtstrm", "aes",     "pmull", "sha1",     "sha2",
                  "crc32", "atomics", "fphp",    "asimdhp", "cpuid", "asimdrdm", "lrcpc",
                  "dcpop", "asimddp", "uscat",   "ilrcpc",  "flagm", "paca",     "pacg"};
  facts.kernel_release = "5.15.136-tegra";
  facts.board = "NVIDIA Jetson AGX Orin Developer Kit";
  facts.l4t = "36.3.0";
  facts.jetpack = "6.0";
  facts.name = "orin";
  facts.boot_id = "12121212-3434-4565-8787-909090909090";
  facts.cgroup_controllers = {"cpu", "cpuset", "hugetlb", "io", "memory", "pids", "rdma"};
  facts.cgroup_v2 = true;
  return facts;
}

// What differs is readable in the documents; the facts themselves have no printer.
void expect_same(const HostFacts& found, const HostFacts& expected) {
  EXPECT_EQ(to_json(found), to_json(expected));
  EXPECT_TRUE(found == expected);
}

TEST(ReadHost, KnowsARaspberryPi4) { expect_same(read_host(kHosts / "pi4"), pi4()); }

TEST(ReadHost, KnowsARaspberryPi5) { expect_same(read_host(kHosts / "pi5"), pi5()); }

TEST(ReadHost, KnowsAnAmd64Machine) { expect_same(read_host(kHosts / "amd64"), amd64()); }

TEST(ReadHost, KnowsAJetsonOrin) { expect_same(read_host(kHosts / "orin"), orin()); }

TEST(ReadHost, GuessesNothingFromAnEmptyDirectory) {
  HostFacts nothing;
  nothing.platform.os = "linux";
  expect_same(read_host(kHosts / "there-is-no-such-board"), nothing);
}

TEST(ReadHost, ReadsThisMachine) {
  const HostFacts facts = read_host("/");
  EXPECT_FALSE(facts.kernel_release.empty());
  EXPECT_GE(facts.page_size, 4096U);
}

// A copy of a fixture that a test may change.
class ChangedBoard : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::copy(kHosts / "pi4", root_, std::filesystem::copy_options::recursive);
  }
  void write(const std::string& path, std::string_view content) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << content;
  }
  void make_userland_32_bit(const std::string& path) const {
    auto head = read_file(kHosts / "pi4/proc/1/exe").value();
    head[4] = 1;    // ELFCLASS32
    head[18] = 40;  // EM_ARM
    write(path, head);
  }
  const fakes::TempFolder folder_;
  const std::filesystem::path& root_ = folder_.path();
};

TEST_F(ChangedBoard, With32BitUserlandIsAnArmPlatformAndSaysSo) {
  make_userland_32_bit("proc/1/exe");
  const HostFacts facts = read_host(root_);
  EXPECT_EQ(to_string(facts.platform), "linux/arm/v8");
  EXPECT_EQ(facts.kernel_bits, 64U);
  EXPECT_EQ(facts.userland_bits, 32U);
  ASSERT_EQ(facts.findings.size(), 3U);
  EXPECT_EQ(facts.findings[0].code, code::kUserlandBitness);
  EXPECT_EQ(facts.findings[0].severity, Severity::warn);
}

TEST_F(ChangedBoard, AsksTheShellWherePid1IsNotReadable) {
  std::filesystem::remove(root_ / "proc/1/exe");
  make_userland_32_bit("bin/sh");
  EXPECT_EQ(read_host(root_).userland_bits, 32U);
}

TEST_F(ChangedBoard, AsksDpkgWhereNoProgramIsReadable) {
  std::filesystem::remove(root_ / "proc/1/exe");
  write("var/lib/dpkg/arch", "armhf\narm64\n");
  EXPECT_EQ(read_host(root_).userland_bits, 32U);
}

TEST_F(ChangedBoard, IsTheRunningProgramsMachineOnAKernelBefore61) {
  std::filesystem::remove(root_ / "proc/sys/kernel/arch");
  EXPECT_EQ(read_host(root_).machine, "aarch64");
}

TEST_F(ChangedBoard, HasNoMemoryFindingWhenNoControllerListIsReadable) {
  std::filesystem::remove(root_ / "sys/fs/cgroup/cgroup.controllers");
  std::filesystem::remove(root_ / "proc/cgroups");
  ASSERT_EQ(read_host(root_).findings.size(), 1U);
  EXPECT_EQ(read_host(root_).findings[0].code, code::kEmulatorRegistered);
}

TEST_F(ChangedBoard, ReadsCgroupV1WhereV2IsNotMounted) {
  std::filesystem::remove(root_ / "sys/fs/cgroup/cgroup.controllers");
  const HostFacts facts = read_host(root_);
  EXPECT_FALSE(facts.cgroup_v2);
  ASSERT_EQ(facts.findings.size(), 2U);
  EXPECT_TRUE(facts.findings[0].evidence.contains("/proc/cgroups"));
}

TEST_F(ChangedBoard, HasNoAddressSpaceOfItsOwnUnderAnEmulator) {
  ASSERT_EQ(read_host(root_).va_bits, 39U);
  auto head = read_file(kHosts / "amd64/proc/self/exe").value();
  write("proc/thread-self/exe", head);
  EXPECT_EQ(read_host(root_).va_bits, 0U);
}

TEST_F(ChangedBoard, WithoutAStackHasAnUnknownAddressSpace) {
  write("proc/self/maps", "5571e6d000-5571e79000 r-xp 00000000 b3:02 131 /usr/bin/x\n");
  EXPECT_EQ(read_host(root_).va_bits, 0U);
  write("proc/self/maps", "garbage [stack]\n");
  EXPECT_EQ(read_host(root_).va_bits, 0U);
}

TEST(HostJson, ComesBackAsItWas) {
  HostFacts facts = orin();
  facts.findings = pi4().findings;
  facts.aarch32 = false;
  facts.containerd = ContainerdFacts{
      "/run/containerd/containerd.sock", "1.6.20", "k8s.io", "overlayfs", true, true};
  const auto back = from_json(to_json(facts));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  expect_same(*back, facts);
}

TEST(HostJson, RefusesAnotherDocument) {
  EXPECT_FALSE(
      from_json(R"({"apiVersion": "nodeproof.dev/v1", "kind": "NodeReport"})").has_value());
  EXPECT_FALSE(
      from_json(R"({"apiVersion": "nodeproof.dev/v1", "kind": "HostFacts", "pageSize": "4K"})")
          .has_value());
}

TEST(HostTable, ShowsFactsAndFindings) {
  const std::string table = to_table(pi4());
  EXPECT_TRUE(table.contains("platform     linux/arm64/v8\n"));
  EXPECT_TRUE(table.contains("page size    4K\n"));
  EXPECT_TRUE(table.contains("addresses    39 bits of address per process\n"));
  EXPECT_TRUE(table.contains("32-bit Arm   not known\n"));
  EXPECT_TRUE(to_table(orin()).contains("Jetson       L4T 36.3.0, JetPack 6.0\n"));
  EXPECT_TRUE(table.contains("warn         MemoryCgroupMissing: "));
}

TEST(HostTable, MakesAHostileBoardNameInert) {
  HostFacts facts;
  facts.board = "evil\x1b[2Jboard";
  EXPECT_FALSE(to_table(facts).contains('\x1b'));
}

}  // namespace
}  // namespace nodeproof::host
