// Does it run? One container per image: nodeproof's own supervisor compares the unpacked files,
// tries the image's loader and runs each declared test.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/containerd/container_runtime.hpp"
#include "agent/model.hpp"
#include "agent/smoke/allowed.hpp"
#include "agent/smoke/plan.hpp"
#include "agent/smoke/spec.hpp"

namespace nodeproof::smoke {

struct SmokeInput {
  std::string image;  // as the user names it, for messages
  const ImageConfig& config;
  Digest rootfs;  // chain ID of the top layer
  const std::vector<SmokeTest>& tests;
  std::vector<FileExpectation> files;  // that the unpacked tree must have
  std::string program;                 // the ELF file the entrypoint ends in; "" = none found
  std::string interpreter;             // its PT_INTERP; "" = static
  const HostFacts& host;
  Emulation emulation = Emulation::refuse;
  std::filesystem::path binary;  // the static nodeproof, where containerd sees it
  std::filesystem::path
      work_dir;  // private (made 0700 when absent), seen by containerd; not below /run/containerd
  std::string lease;  // that holds the rootfs
  ContainerLimits limits;
  Owners owners = {};    // of the image's VOLUMEs
  Sandbox sandbox = {};  // what the operator allows beyond the bare root
};

// Errc::cancelled after a stop, Errc::runtime_unavailable and permission_denied when containerd
// cannot be asked; every other obstacle is in the report (SmokeNotRun). What was written to
// work_dir is gone when it returns.
Result<SmokeReport> smoke(const SmokeInput& input, ContainerRuntime& runtime, std::stop_token stop);

// What the container is asked to do. Files below the container's own mounts cannot be compared and
// are left out.
[[nodiscard]] Plan make_plan(const SmokeInput& input);

}  // namespace nodeproof::smoke
