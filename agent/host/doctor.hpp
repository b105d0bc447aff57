// What is wrong with a host, one question per function. Each reads below a root directory; what
// cannot be read there is no finding.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof::host {

using Findings = std::vector<Finding>;

// binfmt_misc handlers that would run programs for other processors (info).
[[nodiscard]] Findings emulators_registered(const HostFacts& facts);

// The Raspberry Pi's firmware (rpi_volt, get_throttled) and thermal zones at a trip point.
[[nodiscard]] Findings power_and_heat(const std::filesystem::path& root);

// Files that the NVIDIA container runtime's CSV lists (on a Jetson) and CDI specifications would
// mount into containers, and that are absent or empty.
[[nodiscard]] Findings device_files(const std::filesystem::path& root, const HostFacts& facts);

// A unit that starts a containerd (k3s, RKE2, MicroK8s, k0s, containerd itself) is ordered behind
// nodeproof-ready.target, directly or by way of others, drop-ins included (warn).
[[nodiscard]] Findings containerd_ordering(const std::filesystem::path& root);

// ---- what needs containerd's part of the facts

// The kubelet's and containerd's cgroup drivers; cgroupfs beside a systemd on cgroup v2.
[[nodiscard]] Findings cgroup_drivers(const std::filesystem::path& root, const HostFacts& facts);

// What the configuration requires of the kernel (fail, or unknown where it cannot be told), and
// overlay where it is the snapshotter's.
[[nodiscard]] Findings kernel_features(const std::filesystem::path& root, const HostFacts& facts,
                                       const std::vector<std::string>& required);

// containerd's images on an SD card or eMMC, unpacked without a sync (info).
[[nodiscard]] Findings unsynced_card(const std::filesystem::path& root, const HostFacts& facts);

// containerd and runc with published ways out of a container. A version that a distribution
// patches is never judged by its number alone: that is info.
[[nodiscard]] Findings known_escapes(const std::filesystem::path& root, const HostFacts& facts);

}  // namespace nodeproof::host
