// All of an unpacked image's files beside what its layers brought, in a container that does nothing
// else: the file systems that a test gets to write to would hide some of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/containerd/container_runtime.hpp"
#include "agent/model.hpp"

namespace nodeproof::smoke {

struct CompareInput {
  std::string image;           // as the user names it, for messages
  Digest rootfs;               // chain ID of the top layer
  std::filesystem::path list;  // as FileListWriter wrote it, seen by containerd
  std::uint64_t files = 0;     // in it
  std::uint64_t bytes = 0;     // to be hashed
  const HostFacts& host;
  std::filesystem::path binary;
  std::filesystem::path work_dir;
  std::string lease;
};

struct Comparison {
  std::uint64_t compared = 0, wrong = 0;
  std::optional<unsigned> lowest;  // layer with a wrong file, bottom first; none = all are right
  std::vector<Finding> findings;   // FileCorrupt, some of them; or why it is not known
  [[nodiscard]] bool damaged() const { return wrong > 0; }
};

// Errors as smoke() has them.
Result<Comparison> compare(const CompareInput& input, ContainerRuntime& runtime,
                           std::stop_token stop);

}  // namespace nodeproof::smoke
