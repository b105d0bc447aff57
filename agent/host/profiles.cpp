#include "agent/host/profiles.hpp"

#include <algorithm>
#include <array>

namespace nodeproof::host {
namespace {

// ---- features, as the kernel names them
constexpr std::string_view kCortexA53 = "fp asimd evtstrm crc32 cpuid";
constexpr std::string_view kCortexA72WithCrypto =
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid";
constexpr std::string_view kCortexA76 =
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
    "asimddp";
constexpr std::string_view kCortexA78ae =
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
    "asimddp uscat ilrcpc flagm paca pacg";
constexpr std::string_view kCarmel =
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm dcpop";
constexpr std::string_view kGraviton2 =
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
    "asimddp ssbs";
constexpr std::string_view kGraviton3 =
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma "
    "lrcpc dcpop sha3 sm3 sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs "
    "paca pacg dcpodp svei8mm svebf16 i8mm bf16 dgh rng";
constexpr std::string_view kX86V1 = "cmov cx8 fpu fxsr mmx syscall sse sse2";
constexpr std::string_view kX86V2 =
    "cmov cx8 fpu fxsr mmx syscall sse sse2 cx16 lahf_lm popcnt pni ssse3 sse4_1 sse4_2";
constexpr std::string_view kX86V3 =
    "cmov cx8 fpu fxsr mmx syscall sse sse2 cx16 lahf_lm popcnt pni ssse3 sse4_1 sse4_2 avx avx2 "
    "bmi1 bmi2 f16c fma abm movbe xsave";
constexpr std::string_view kX86V4 =
    "cmov cx8 fpu fxsr mmx syscall sse sse2 cx16 lahf_lm popcnt pni ssse3 sse4_1 sse4_2 avx avx2 "
    "bmi1 bmi2 f16c fma abm movbe xsave avx512f avx512bw avx512cd avx512dq avx512vl";

// ---- origins
constexpr Origin kNoAarch32 = {"aarch32", "not known: it has to be tried on the host"};
constexpr Origin kDistributionVa = {
    "vaBits", "48 in the arm64 kernels of Debian, Ubuntu, Amazon Linux and RHEL 9"};
constexpr Origin kUnknownVa = {"vaBits", "not known: it differs from kernel to kernel"};
constexpr Origin kX86Va = {"vaBits", "47: x86-64 Linux, Documentation/arch/x86/x86_64/mm.rst"};
constexpr Origin kX86Pages = {"pageSize", "4096: x86-64 has no other"};
constexpr Origin kX86Level = {"hwcaps, isaLevel",
                              "x86-64 psABI, micro-architecture levels: exactly this level's"};
constexpr Origin kPiPages = {"pageSize", "4096: kernel8.img, built from bcm2711_defconfig"};

constexpr std::array kPi3 = {
    Origin{"board", "device tree of the Raspberry Pi kernel"}, kPiPages,
    Origin{"hwcaps", "BCM2837, Cortex-A53 without the crypto extension: AT_HWCAP 0x887"},
    kUnknownVa, kNoAarch32};
constexpr std::array kPi4 = {
    Origin{"board", "device tree of the Raspberry Pi kernel"}, kPiPages,
    Origin{"hwcaps", "BCM2711, Cortex-A72 without the crypto extension: AT_HWCAP 0x887"},
    kUnknownVa, kNoAarch32};
constexpr std::array kPi5 = {
    Origin{"board", "device tree of the Raspberry Pi kernel"},
    Origin{"pageSize",
           "16384: kernel_2712.img, built from bcm2712_defconfig (CONFIG_ARM64_16K_PAGES)"},
    Origin{"vaBits", "47: bcm2712_defconfig (CONFIG_ARM64_VA_BITS_47)"},
    Origin{"hwcaps", "BCM2712, Cortex-A76 r4p1, as the kernel shows it"}, kNoAarch32};
constexpr std::array kZero2w = {
    Origin{"board", "device tree of the Raspberry Pi kernel"}, kPiPages,
    Origin{"hwcaps", "RP3A0, the Raspberry Pi 3's BCM2837 in one package: AT_HWCAP 0x887"},
    kUnknownVa, kNoAarch32};
constexpr std::array kOrin = {
    Origin{"board", "device tree of L4T; \"Jetson\" is in every model's name"},
    Origin{"pageSize", "4096: L4T's kernel"},
    Origin{"hwcaps", "lscpu of a Jetson Orin (Cortex-A78AE r0p1), KavrakiLab/vamp issue 20"},
    Origin{"l4t", "not known: say which with nodeproof host -o json on the Jetson"},
    kUnknownVa,
    kNoAarch32};
constexpr std::array kXavier = {
    Origin{"board", "device tree of L4T; \"Jetson\" is in every model's name"},
    Origin{"pageSize", "4096: L4T's kernel"},
    Origin{"hwcaps",
           "cpuinfo of an AGX Xavier with Linux 5.10-tegra (JetPack 5), "
           "hrw/arm-socs-table issue 63; JetPack 4's 4.9 shows less (no cpuid)"},
    Origin{"l4t", "not known: say which with nodeproof host -o json on the Jetson"},
    kUnknownVa,
    kNoAarch32};
constexpr std::array kCax = {
    Origin{"pageSize", "4096: the kernels of Debian's, Ubuntu's and Fedora's images"},
    Origin{"hwcaps",
           "Ampere Altra, Neoverse N1, in a virtual machine: atomics to asimddp, neither "
           "SVE nor BF16 nor I8MM"},
    kDistributionVa, kNoAarch32};
constexpr std::array kGraviton1Origins = {
    Origin{"pageSize", "4096: the kernels of Amazon Linux, Debian and Ubuntu"},
    Origin{"hwcaps",
           "Cortex-A72 with the crypto extension; aws-graviton-getting-started pull "
           "request 441 shows an a1's"},
    kDistributionVa, kNoAarch32};
constexpr std::array kGraviton2Origins = {
    Origin{"pageSize", "4096: the kernels of Amazon Linux, Debian and Ubuntu"},
    Origin{"hwcaps", "cpuinfo of Neoverse N1 r3p1 on Amazon Linux, archspec-json issue 41"},
    kDistributionVa, kNoAarch32};
constexpr std::array kGraviton3Origins = {
    Origin{"pageSize", "4096: the kernels of Amazon Linux, Debian and Ubuntu"},
    Origin{"hwcaps",
           "Neoverse V1: cpuinfo of a c7g with an older kernel, archspec-json pull "
           "request 51, and what kernels from 5.15 on name besides (BF16, I8MM, pointer "
           "authentication, RNG)"},
    kDistributionVa, kNoAarch32};
constexpr std::array kAmd64 = {kX86Pages, kX86Level, kX86Va};

constexpr std::array<Profile, 14> kProfiles = {
    {{"pi3", "Raspberry Pi 3, 64-bit Raspberry Pi OS", "arm64", "Raspberry Pi 3 Model B Plus", 4096,
      0, kCortexA53, "", kPi3},
     {"pi4", "Raspberry Pi 4, 400 and CM4, 64-bit Raspberry Pi OS", "arm64",
      "Raspberry Pi 4 Model B", 4096, 0, kCortexA53, "", kPi4},
     {"pi5", "Raspberry Pi 5, 500 and CM5, 64-bit Raspberry Pi OS: pages of 16K", "arm64",
      "Raspberry Pi 5 Model B", 16384, 47, kCortexA76, "", kPi5},
     {"zero2w", "Raspberry Pi Zero 2 W, 64-bit Raspberry Pi OS", "arm64", "Raspberry Pi Zero 2 W",
      4096, 0, kCortexA53, "", kZero2w},
     {"orin", "NVIDIA Jetson Orin (AGX, NX, Nano)", "arm64", "NVIDIA Jetson Orin", 4096, 0,
      kCortexA78ae, "", kOrin},
     {"xavier", "NVIDIA Jetson Xavier (AGX, NX), JetPack 5", "arm64", "NVIDIA Jetson Xavier", 4096,
      0, kCarmel, "", kXavier},
     {"cax", "Hetzner Cloud CAX (Ampere Altra)", "arm64", "Hetzner vServer", 4096, 48, kCortexA76,
      "", kCax},
     {"graviton1", "AWS a1", "arm64", "", 4096, 48, kCortexA72WithCrypto, "", kGraviton1Origins},
     {"graviton2", "AWS m6g, c6g, r6g, t4g", "arm64", "", 4096, 48, kGraviton2, "",
      kGraviton2Origins},
     {"graviton3", "AWS m7g, c7g, r7g", "arm64", "", 4096, 48, kGraviton3, "", kGraviton3Origins},
     {"amd64-v1", "the oldest amd64 machines", "amd64", "", 4096, 47, kX86V1, "x86-64-v1", kAmd64},
     {"amd64-v2", "amd64 machines from about 2009 on, without AVX", "amd64", "", 4096, 47, kX86V2,
      "x86-64-v2", kAmd64},
     {"amd64-v3", "amd64 machines from about 2013 on, with AVX2", "amd64", "", 4096, 47, kX86V3,
      "x86-64-v3", kAmd64},
     {"amd64-v4", "amd64 machines with AVX-512", "amd64", "", 4096, 47, kX86V4, "x86-64-v4",
      kAmd64}}};

}  // namespace

std::span<const Profile> profiles() { return kProfiles; }

const Profile* find_profile(std::string_view name) {
  const auto* found = std::ranges::find(kProfiles, name, &Profile::name);
  return found == kProfiles.end() ? nullptr : found;
}

}  // namespace nodeproof::host
