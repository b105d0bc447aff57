#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "common/file.hpp"
#include "tests/unit/host/board.hpp"

namespace nodeproof::host {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

HostFacts with_containerd(const std::filesystem::path& root, ContainerdFacts containerd) {
  HostFacts facts = read_host(root);
  facts.containerd = std::move(containerd);
  return facts;
}

// ---- the kernel

Findings of_kernel(const Board& board, const std::vector<std::string>& required) {
  return kernel_features(board.root(), board.facts(), required);
}

TEST(KernelFeatures, AreFoundWhereverAKernelHasThem) {
  const Board board("pi5");
  EXPECT_THAT(of_kernel(board, {"overlay", "vxlan", "br-netfilter", "ipv6", "CONFIG_OVERLAY_FS"}),
              IsEmpty());
  board.put("proc/filesystems", "nodev\ttmpfs\n\terofs\n");
  board.put("sys/module/zram/parameters/x", "");
  board.put("sys/kernel/btf/vmlinux", "x");
  EXPECT_THAT(of_kernel(board, {"erofs", "zram", "btf"}), IsEmpty());
}

TEST(KernelFeatures, ThatAreMissingFailTheOperatorsDemand) {
  const Board board("pi5");
  for (const char* feature : {"wireguard", "btf", "CONFIG_DEBUG_INFO_BTF", "CONFIG_OVERLAY"}) {
    const auto findings = of_kernel(board, {feature});
    ASSERT_THAT(findings, SizeIs(1)) << feature;
    EXPECT_EQ(findings[0].code, code::kKernelFeatureMissing);
    EXPECT_EQ(findings[0].severity, Severity::fail) << feature;
    EXPECT_EQ(findings[0].subject, feature);
    EXPECT_THAT(findings[0].remedy, Not(IsEmpty()));
  }
}

TEST(KernelFeatures, ThatCannotBeToldAreNotKnown) {
  const Board board("amd64");
  for (const char* feature : {"wireguard", "btf", "CONFIG_BPF_SYSCALL"}) {
    const auto findings = of_kernel(board, {feature});
    ASSERT_THAT(findings, SizeIs(1)) << feature;
    EXPECT_EQ(findings[0].severity, Severity::unknown) << feature;
  }
}

TEST(KernelFeatures, AreReadFromTheRunningKernelsOwnConfiguration) {
  const Board board("pi4");  // config.gz and no /lib/modules
  EXPECT_THAT(of_kernel(board, {"CONFIG_BPF_SYSCALL"}), IsEmpty());
  const auto missing = of_kernel(board, {"CONFIG_DEBUG_INFO_BTF", "vxlan"});
  ASSERT_THAT(missing, SizeIs(2));
  EXPECT_THAT(missing[0].evidence, HasSubstr("/proc/config.gz"));
  EXPECT_EQ(missing[1].severity, Severity::fail);
  EXPECT_THAT(missing[1].evidence, HasSubstr("CONFIG_VXLAN is not set"));
  const auto module = of_kernel(board, {"overlay"});  // "=m", but is the file there?
  ASSERT_THAT(module, SizeIs(1));
  EXPECT_EQ(module[0].severity, Severity::unknown);
  board.put("proc/config.gz", "no gzip");
  EXPECT_EQ(of_kernel(board, {"vxlan"}).at(0).severity, Severity::unknown);
}

TEST(KernelFeatures, IncludeOverlayWhereTheSnapshotterNeedsIt) {
  const Board board("pi5");
  HostFacts facts = with_containerd(board.root(), some_containerd());
  EXPECT_THAT(kernel_features(board.root(), facts, {}), IsEmpty());
  board.put("lib/modules/6.6.31+rpt-rpi-2712/modules.dep", "kernel/fs/fuse/fuse.ko:\n");
  const auto findings = kernel_features(board.root(), facts, {});
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].severity, Severity::warn);
  EXPECT_THAT(findings[0].message, HasSubstr("snapshotter overlayfs"));
  facts.containerd->snapshotter = "native";
  EXPECT_THAT(kernel_features(board.root(), facts, {}), IsEmpty());
}

// ---- cgroup drivers

HostFacts with_drivers(const char* kubelet, bool systemd, const char* version) {
  HostFacts facts;
  facts.cgroup_v2 = true;
  facts.kubelet.emplace();
  facts.kubelet->cgroup_driver = kubelet;
  facts.containerd = some_containerd(version);
  facts.containerd->systemd_cgroup = systemd;
  return facts;
}

TEST(CgroupDrivers, ThatDifferAreWarnedOf) {
  const auto findings = cgroup_drivers(kHosts / "orin", with_drivers("systemd", false, "1.7.24"));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].code, code::kCgroupDriverMismatch);
  EXPECT_EQ(findings[0].severity, Severity::warn);
  EXPECT_THAT(findings[0].remedy, HasSubstr("SystemdCgroup = true"));
  const auto other = cgroup_drivers(kHosts / "orin", with_drivers("cgroupfs", true, "1.7.24"));
  EXPECT_EQ(other.at(0).severity, Severity::warn);
  const auto told = cgroup_drivers(kHosts / "orin", with_drivers("cgroupfs", true, "2.1.4"));
  EXPECT_EQ(told.at(0).severity, Severity::info);
}

TEST(CgroupDrivers, ThatAgreeOrAreNotSaidAreNot) {
  EXPECT_THAT(cgroup_drivers(kHosts / "orin", with_drivers("systemd", true, "1.7.24")), IsEmpty());
  EXPECT_THAT(cgroup_drivers(kHosts / "orin", with_drivers("", false, "1.7.24")), IsEmpty());
  HostFacts no_cri = with_drivers("systemd", false, "1.7.24");
  no_cri.containerd->cri = false;
  EXPECT_THAT(cgroup_drivers(kHosts / "orin", no_cri), IsEmpty());
  HostFacts no_answer = with_drivers("systemd", false, "1.7.24");
  no_answer.containerd->cgroup_driver_known = false;
  EXPECT_THAT(cgroup_drivers(kHosts / "orin", no_answer), IsEmpty());
  EXPECT_THAT(cgroup_drivers(kHosts / "pi4", with_drivers("cgroupfs", false, "1.7.24")), IsEmpty());
}

TEST(CgroupDrivers, BesideSystemdOnV2AreInfo) {
  HostFacts facts = with_drivers("cgroupfs", false, "1.7.24");
  EXPECT_EQ(cgroup_drivers(kHosts / "orin", facts).at(0).severity, Severity::info);
  facts.cgroup_v2 = false;
  EXPECT_THAT(cgroup_drivers(kHosts / "orin", facts), IsEmpty());
}

// ---- SD cards

TEST(UnsyncedCard, IsInfoWithTheSettingOfTheVersion) {
  HostFacts facts = with_containerd(kHosts / "pi5", some_containerd("1.7.24"));
  auto findings = unsynced_card(kHosts / "pi5", facts);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].code, code::kUnpackNotSynced);
  EXPECT_EQ(findings[0].severity, Severity::info);
  EXPECT_THAT(findings[0].evidence, HasSubstr("/dev/mmcblk0p2"));
  EXPECT_THAT(findings[0].remedy, HasSubstr("[plugins.\"io.containerd.grpc.v1.cri\"]"));
  facts.containerd->version = "2.1.4";
  EXPECT_THAT(unsynced_card(kHosts / "pi5", facts).at(0).remedy,
              HasSubstr("[plugins.'io.containerd.cri.v1.images']"));
  facts.containerd->version = "1.6.20~ds1";
  EXPECT_THAT(unsynced_card(kHosts / "pi5", facts).at(0).remedy, HasSubstr("update it"));
}

TEST(UnsyncedCard, IsNotThereWithTheSettingOrOnAnotherDisk) {
  const Board board("pi5");
  HostFacts facts = with_containerd(board.root(), some_containerd("1.7.24"));
  for (const char* setting :
       {"[plugins.\"io.containerd.grpc.v1.cri\"]\nimage_pull_with_sync_fs = true\n",
        "[plugins.'io.containerd.cri.v1.images']\nimage_pull_with_sync_fs = true\n",
        "[plugins.'io.containerd.service.v1.diff-service']\nsync_fs = true\n"}) {
    board.put("etc/containerd/config.toml", setting);
    EXPECT_THAT(unsynced_card(board.root(), facts), IsEmpty()) << setting;
  }
  board.put("etc/containerd/config.toml", "root = \"/data/containerd\"\n");
  EXPECT_THAT(unsynced_card(board.root(), facts), SizeIs(1));
  board.put("proc/self/mountinfo",
            "26 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw\n27 26 259:1 / /data rw - ext4 "
            "/dev/nvme0n1p1 rw\n");
  EXPECT_THAT(unsynced_card(board.root(), facts), IsEmpty());
  const HostFacts orin = with_containerd(kHosts / "orin", some_containerd("1.7.24"));
  EXPECT_THAT(unsynced_card(kHosts / "orin", orin), IsEmpty());
}

TEST(UnsyncedCard, IsLookedForWhereK3sKeepsItsImages) {
  const Board board("pi5");
  HostFacts facts = with_containerd(board.root(), some_containerd("2.1.4-k3s1"));
  facts.containerd->socket = "/run/k3s/containerd/containerd.sock";
  board.put("var/lib/rancher/k3s/agent/containerd/x", "");
  const auto findings = unsynced_card(board.root(), facts);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].subject, "/var/lib/rancher/k3s/agent/containerd");
}

// ---- known escapes

Severity worst_of(const Findings& findings) {
  Severity worst = Severity::info;
  for (const Finding& finding : findings) worst = std::max(worst, finding.severity);
  return worst;
}

TEST(KnownEscapes, OfUpstreamsOwnBuildsAreWarnedOf) {
  const HostFacts facts = with_containerd(kHosts / "pi5", some_containerd("1.7.24"));
  const auto findings = known_escapes(kHosts / "pi5", facts);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].code, code::kKnownEscape);
  EXPECT_EQ(findings[0].severity, Severity::warn);
  EXPECT_THAT(findings[0].evidence, HasSubstr("CVE-2026-53488"));
  EXPECT_THAT(findings[0].evidence, HasSubstr("CVE-2024-40635"));
  EXPECT_THAT(findings[0].evidence, Not(HasSubstr("CVE-2022-23648")));
}

TEST(KnownEscapes, EndWithTheFixedReleaseOfEachBranch) {
  for (const char* fixed :
       {"1.7.33", "2.0.10", "2.1.9", "v2.2.5-k3s1", "2.3.2", "2.4.0", "3.0.0"}) {
    const HostFacts facts = with_containerd(kHosts / "pi5", some_containerd(fixed));
    EXPECT_THAT(known_escapes(kHosts / "pi5", facts), IsEmpty()) << fixed;
  }
  for (const char* open : {"1.6.39", "1.7.32", "2.0.9", "2.1.8", "2.2.4", "2.3.0-rc.1", "1.5.9"}) {
    const HostFacts facts = with_containerd(kHosts / "pi5", some_containerd(open));
    EXPECT_THAT(known_escapes(kHosts / "pi5", facts), SizeIs(1)) << open;
  }
  const HostFacts odd = with_containerd(kHosts / "pi5", some_containerd("unknown"));
  EXPECT_THAT(known_escapes(kHosts / "pi5", odd), IsEmpty());
}

TEST(KnownEscapes, ADistributionsPatchedPackageIsNeverJudgedByItsNumber) {
  const HostFacts debian = with_containerd(kHosts / "pi5", some_containerd("1.6.20~ds1"));
  ASSERT_THAT(known_escapes(kHosts / "pi5", debian), SizeIs(1));
  EXPECT_EQ(worst_of(known_escapes(kHosts / "pi5", debian)), Severity::info);
  HostFacts moved = debian;
  moved.containerd->version = "1.6.20";
  moved.containerd->socket = "/srv/containerd.sock";
  EXPECT_EQ(worst_of(known_escapes(kHosts / "pi5", moved)), Severity::info);
  const HostFacts ubuntu = with_containerd(kHosts / "orin", some_containerd("1.7.24"));
  const auto findings = known_escapes(kHosts / "orin", ubuntu);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].severity, Severity::info);
  EXPECT_THAT(findings[0].evidence, HasSubstr("containerd 1.7.24-0ubuntu1~22.04.1"));
  const Board fedora("pi5");
  fedora.put("usr/lib/sysimage/rpm/rpmdb.sqlite", "");
  EXPECT_EQ(worst_of(known_escapes(fedora.root(),
                                   with_containerd(fedora.root(), some_containerd("1.7.24")))),
            Severity::info);
}

TEST(KnownEscapes, OfTheContainerdThatK3sBringsAreUpstreams) {
  HostFacts facts = with_containerd(kHosts / "orin", some_containerd("1.7.23-k3s2"));
  facts.containerd->socket = "/run/k3s/containerd/containerd.sock";
  const auto findings = known_escapes(kHosts / "orin", facts);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].severity, Severity::warn);
}

TEST(KnownEscapes, OfRuncComeFromItsPackage) {
  const Board board("orin");
  const auto with_runc = [&](const std::string& version) {
    board.put("var/lib/dpkg/status",
              "Package: runc\nStatus: install ok installed\nVersion: " + version + "\n");
    return known_escapes(board.root(), with_containerd(board.root(), some_containerd("2.3.2")));
  };
  EXPECT_THAT(with_runc("1.3.3-0ubuntu1~22.04.2"), IsEmpty());
  EXPECT_THAT(with_runc("1.4.0~rc3+ds1-1"), IsEmpty());
  const auto old = with_runc("1.0.0~rc6+dfsg1-3");
  ASSERT_THAT(old, SizeIs(1));
  EXPECT_EQ(old[0].subject, "runc");
  EXPECT_EQ(old[0].severity, Severity::info);
  EXPECT_THAT(old[0].evidence, HasSubstr("CVE-2019-5736"));
  EXPECT_THAT(with_runc("1.1.5+ds1-1+deb12u1").at(0).evidence, Not(HasSubstr("CVE-2021-30465")));
}

}  // namespace
}  // namespace nodeproof::host
