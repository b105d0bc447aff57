// The OCI runtime-spec (1.0.2) config.json of a smoke container.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"
#include "agent/smoke/allowed.hpp"

namespace nodeproof::smoke {

// Where the image's file tree shows our files; below /dev, which is a tmpfs of the container's
// own.
inline constexpr std::string_view kBinaryInside = "/dev/.nodeproof/nodeproof";
inline constexpr std::string_view kPlanInside = "/dev/.nodeproof/plan.json";
inline constexpr std::string_view kListInside = "/dev/.nodeproof/files";
inline constexpr std::string_view kCgroupInside = "/sys/fs/cgroup";  // the container's own, alone

struct ContainerLimits {
  std::uint64_t memory_bytes = 1ULL << 30;
  std::int64_t pids = 512;
  std::uint64_t cpu_shares = 256;  // a quarter of what a container gets by default
  std::uint64_t tmp_bytes = 64ULL << 20;
  friend bool operator==(const ContainerLimits&, const ContainerLimits&) = default;
};

struct SpecInput {
  std::string id;           // of the container
  std::string binary;       // host path of the static nodeproof
  std::string plan;         // host path of the plan file
  std::string working_dir;  // runc makes it when it is missing
  const HostFacts& host;
  ContainerLimits limits;
  // A tmpfs would hide what the image itself has there; only for these paths: /tmp, /run.
  std::vector<std::string> scratch = {"/tmp", "/run"};
  std::string list = {};  // host path of the file list; "" = none
  Allowed allowed = {};
};

// Limits are written for the controllers that exist on this host only.
// Errc::unsupported for an architecture without a seccomp profile.
Result<std::string> container_spec(const SpecInput& input);

}  // namespace nodeproof::smoke
