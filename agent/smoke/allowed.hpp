// What a smoke container gets beyond its bare root: what the operator allows, and the image's
// VOLUMEs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof::smoke {

struct HostDevice {
  std::string path;
  char type = 'c';  // or b
  unsigned major = 0, minor = 0;
  unsigned mode = 0, uid = 0, gid = 0;
  friend bool operator==(const HostDevice&, const HostDevice&) = default;
};

// Who a directory of the image belongs to, by its path: uid and gid.
using Owners = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>;

struct Allowed {
  std::vector<SandboxMount> mounts;
  std::vector<std::string> tmpfs;    // empty at the start
  std::vector<std::string> volumes;  // with what the image has there
  Owners owners = {};                // of the volumes
  std::vector<HostDevice> devices;
  std::vector<std::string> env;  // of the container itself: hooks of its runtime read them
  friend bool operator==(const Allowed&, const Allowed&) = default;
};

// Errc::not_found with the setting's name: this host has no such device, file or folder.
Result<Allowed> allowed_by(const Sandbox& sandbox);

// What the host gives under names that stay: what lies behind the mounts and the NVIDIA runtime's
// programs, as far as size and time tell, and the driver's version.
[[nodiscard]] std::string given_key(const Sandbox& sandbox, const std::filesystem::path& host_root);

// Where a container writes under Docker, too. Left out: what the sandbox or the container itself
// mounts, what is no plain path.
[[nodiscard]] std::vector<std::string> volumes_of(const ImageConfig& config,
                                                  const Sandbox& sandbox);

// The image's variables that a named runtime goes by: nvidia's says in them which devices and
// libraries it brings.
[[nodiscard]] std::vector<std::string> runtime_env(const ImageConfig& config,
                                                   const Sandbox& sandbox);

}  // namespace nodeproof::smoke
