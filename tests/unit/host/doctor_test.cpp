#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "agent/host/dpkg.hpp"
#include "agent/host/jetson.hpp"
#include "agent/host/time_sync.hpp"
#include "agent/report/codes.hpp"
#include "tests/unit/host/board.hpp"

namespace nodeproof::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> codes_of(const Findings& findings) {
  std::vector<std::string> codes;
  for (const Finding& finding : findings) {
    codes.push_back(finding.code);
    EXPECT_NE(report::find_code(finding.code), nullptr) << finding.code;
    EXPECT_FALSE(finding.remedy.empty() || finding.evidence.empty()) << finding.code;
  }
  return codes;
}

TEST(Doctor, FindsNothingWrongWithHealthyBoards) {
  for (const char* board : {"pi4", "pi5", "amd64", "orin"}) {
    HostFacts facts = read_host(kHosts / board);
    facts.containerd = some_containerd();
    diagnose(facts, kHosts / board, {"overlay"});
    for (const Finding& finding : facts.findings) {
      if (finding.severity == Severity::info || finding.code == code::kMemoryCgroupMissing)
        continue;
      const bool not_told =
          finding.code == code::kKernelFeatureMissing && finding.severity == Severity::unknown;
      EXPECT_TRUE(not_told && std::string_view(board) != "pi5")
          << board << ": " << finding.code << ": " << finding.message << finding.evidence;
    }
  }
}

TEST(PowerAndHeat, SaysNothingWhereNothingIsWrong) {
  for (const char* board : {"pi4", "pi5", "amd64", "orin", "none"}) {
    EXPECT_THAT(power_and_heat(kHosts / board), IsEmpty()) << board;
  }
}

TEST(PowerAndHeat, DecodesWhatTheFirmwareSays) {
  const Board board("pi4");
  const std::string file = "sys/devices/platform/soc/soc:firmware/get_throttled";
  board.put(file, "50005\n");
  auto findings = power_and_heat(board.root());
  ASSERT_THAT(codes_of(findings), ElementsAre(code::kUnderVoltage));
  EXPECT_EQ(findings[0].severity, Severity::warn);
  EXPECT_THAT(findings[0].evidence, HasSubstr("under-voltage now"));
  EXPECT_THAT(findings[0].evidence, HasSubstr("throttled since the start"));
  board.put(file, "0x8\n");
  findings = power_and_heat(board.root());
  ASSERT_THAT(codes_of(findings), ElementsAre(code::kThermalThrottled));
  EXPECT_EQ(findings[0].severity, Severity::warn);
  board.put(file, "80000\n");
  findings = power_and_heat(board.root());
  ASSERT_THAT(codes_of(findings), ElementsAre(code::kThermalThrottled));
  EXPECT_EQ(findings[0].severity, Severity::info);
  board.put(file, "nonsense\n");
  EXPECT_THAT(power_and_heat(board.root()), IsEmpty());
}

TEST(PowerAndHeat, ReadsTheVoltageSensorsAlarm) {
  const Board board("pi5");
  board.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n");
  EXPECT_THAT(codes_of(power_and_heat(board.root())), ElementsAre(code::kUnderVoltage));
  board.put("sys/class/hwmon/hwmon1/name", "another_sensor\n");
  EXPECT_THAT(power_and_heat(board.root()), IsEmpty());
}

TEST(PowerAndHeat, ComparesAZoneWithItsHighestPassiveTrip) {
  const Board board("orin");
  const std::string zone = "sys/class/thermal/thermal_zone0/";
  board.put(zone + "temp", "99100\n");
  const auto findings = power_and_heat(board.root());
  ASSERT_THAT(codes_of(findings), ElementsAre(code::kThermalThrottled));
  EXPECT_THAT(findings[0].evidence, HasSubstr("99 degrees Celsius"));
  board.put(zone + "trip_point_1_temp", "-274000\n");  // placeholders of firmware
  board.put(zone + "trip_point_2_temp", "0\n");
  EXPECT_THAT(power_and_heat(board.root()), IsEmpty());
  board.put(zone + "trip_point_2_temp", "70000\n");  // where the governor begins to look
  board.put(zone + "trip_point_1_temp", "102000\n");
  EXPECT_THAT(power_and_heat(board.root()), IsEmpty());
}

TEST(Jetson, ReadsTheReleaseOfEveryLayout) {
  EXPECT_EQ(parse_tegra_release("# R36 (release), REVISION: 3.0, GCID: 36191598"), "36.3.0");
  EXPECT_EQ(parse_tegra_release("# R32 (release), REVISION: 7.4, GCID: 33514132"), "32.7.4");
  EXPECT_EQ(parse_tegra_release("# R35 (release)"), "");
  EXPECT_EQ(parse_tegra_release("R36 REVISION: 3.0"), "");
}

constexpr const char* kLibrary = "usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1.1";

TEST(DeviceFiles, AreWholeOnAHealthyJetson) {
  const HostFacts facts = read_host(kHosts / "orin");
  EXPECT_THAT(device_files(kHosts / "orin", facts), IsEmpty());
}

TEST(DeviceFiles, OfSizeZeroAreWarnedOf) {
  const Board board("orin");
  board.put(kLibrary, "");
  const auto findings = board.facts().findings;
  ASSERT_THAT(codes_of(findings), ElementsAre(code::kDeviceFileEmpty));
  EXPECT_EQ(findings[0].severity, Severity::warn);
  EXPECT_THAT(findings[0].evidence, HasSubstr("libcuda.so.1.1 (drivers.csv)"));
}

TEST(DeviceFiles, ThatTheListOfAJetsonNamesInVainAreInfo) {
  const Board board("orin");
  board.remove(kLibrary);
  const auto findings = board.facts().findings;
  ASSERT_THAT(codes_of(findings), ElementsAre(code::kDeviceFileMissing));
  EXPECT_EQ(findings[0].severity, Severity::info);
  board.remove("etc/nv_tegra_release");  // no Jetson: the list is nobody's
  EXPECT_THAT(board.facts().findings, IsEmpty());
}

TEST(DeviceFiles, ThatACdiSpecificationMountsMustBeThere) {
  const Board board("amd64");
  board.put("etc/cdi/nvidia.yaml",
            "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\n"
            "devices:\n- name: all\n  containerEdits:\n    deviceNodes:\n    - path: /dev/nvidia0\n"
            "containerEdits:\n  mounts:\n"
            "  - {hostPath: /usr/lib/libcuda.so.550, containerPath: /usr/lib/libcuda.so.550}\n"
            "  - {hostPath: /usr/lib/libempty.so, containerPath: /usr/lib/libempty.so}\n"
            "  - {hostPath: /run/nvidia-persistenced/socket, containerPath: /run/s}\n");
  board.put("usr/lib/libempty.so", "");
  board.put("run/nvidia-persistenced/socket", "x");
  const auto findings = board.facts().findings;
  ASSERT_THAT(codes_of(findings), ElementsAre(code::kDeviceFileEmpty, code::kDeviceFileMissing));
  EXPECT_EQ(findings[1].severity, Severity::warn);
  EXPECT_THAT(findings[1].evidence, HasSubstr("/usr/lib/libcuda.so.550 (nvidia.yaml)"));
  board.put("usr/lib/libempty.so", "x");
  board.put("usr/lib/libcuda.so.550", "x");
  EXPECT_THAT(board.facts().findings, IsEmpty());
  board.put("etc/cdi/broken.json", "{");
  EXPECT_THAT(board.facts().findings, IsEmpty());
}

TEST(Dpkg, KnowsInstalledPackagesOnly) {
  const Board board("orin");
  EXPECT_EQ(InstalledPackages(board.root()).version("runc"), "1.3.3-0ubuntu1~22.04.2");
  EXPECT_EQ(InstalledPackages(board.root()).version("run"), "");
  board.put("var/lib/dpkg/status",
            "Package: runc\nStatus: deinstall ok config-files\nVersion: 1.1.5\n");
  EXPECT_TRUE(InstalledPackages(board.root()).known());
  EXPECT_EQ(InstalledPackages(board.root()).version("runc"), "");
  EXPECT_FALSE(InstalledPackages(board.root() / "none").known());
}

ClockState clock_of(int year, std::optional<bool> synchronised) {
  return {std::chrono::sys_days(std::chrono::year(year) / std::chrono::June / 1), synchronised};
}

TEST(Clock, IsWarnedOfWhereNothingKeepsIt) {
  EXPECT_THAT(codes_of(examine_clock(clock_of(2027, false), kHosts / "pi4")),
              ElementsAre(code::kClockNotSynchronised));
  EXPECT_THAT(examine_clock(clock_of(2027, true), kHosts / "pi4"), IsEmpty());
  EXPECT_THAT(examine_clock(clock_of(2027, {}), kHosts / "pi4"), IsEmpty());
}

TEST(Clock, OfAVirtualMachineMayFollowItsHost) {
  const Board machine("amd64");
  machine.put("proc/cpuinfo", "flags\t\t: fpu sse2 hypervisor lahf_lm\n");
  EXPECT_THAT(examine_clock(clock_of(2027, false), machine.root()), IsEmpty());
  machine.put("proc/cpuinfo", "flags\t\t: fpu sse2 lahf_lm\n");
  EXPECT_THAT(codes_of(examine_clock(clock_of(2027, false), machine.root())),
              ElementsAre(code::kClockNotSynchronised));
  EXPECT_THAT(examine_clock(clock_of(2027, false), kHosts / "none"), IsEmpty());
}

TEST(Clock, BeforeThisProgramWasMadeIsWrongEverywhere) {
  EXPECT_THAT(codes_of(examine_clock(clock_of(1970, true), kHosts / "amd64")),
              ElementsAre(code::kClockWrong));
}

TEST(Clock, CanBeReadHere) {
  using namespace std::chrono_literals;
  EXPECT_LT(std::chrono::system_clock::now() - read_clock().now, 60s);
}

TEST(Emulators, AreListedWithTheirInterpreters) {
  HostFacts facts;
  facts.machine = "aarch64";
  facts.binfmt = {{"qemu-aarch64", "/q/a", "F", 183, true},
                  {"qemu-i386", "/q/i", "F", 3, false},
                  {"python", "/p", "", 0, true}};
  EXPECT_THAT(emulators_registered(facts), IsEmpty());
  facts.binfmt.push_back({"qemu-x86_64", "/q/x", "", 62, true});
  const auto findings = emulators_registered(facts);
  ASSERT_THAT(codes_of(findings), ElementsAre(code::kEmulatorRegistered));
  EXPECT_EQ(findings[0].severity, Severity::info);
  EXPECT_THAT(findings[0].evidence, HasSubstr("qemu-x86_64 runs e_machine 62 by /q/x"));
}

}  // namespace
}  // namespace nodeproof::host
