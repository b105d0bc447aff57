// What the limits of the container's own cgroup did to the processes inside it, read from within.
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/json.hpp"

namespace nodeproof::smoke {

// Counts since the cgroup was made; zero and not known where a controller is missing.
struct CgroupEvents {
  bool memory_known = false;
  std::uint64_t oom_kills = 0;      // processes ended for want of memory
  std::uint64_t memory_limit = 0;   // bytes; 0 = none
  bool at_limit = false;            // it was this limit, not a lack of the host's memory
  std::uint64_t refused_forks = 0;  // for the limit of processes
  friend bool operator==(const CgroupEvents&, const CgroupEvents&) = default;
};

// mounted: where the container sees its cgroup, of version 2 or, a folder per controller, 1.
[[nodiscard]] CgroupEvents read_cgroup_events(const std::filesystem::path& mounted);

// What happened between the two.
[[nodiscard]] CgroupEvents since(const CgroupEvents& before, CgroupEvents after);

void write_cgroup_events(json::Writer& writer, const CgroupEvents& events);
Result<CgroupEvents> parse_cgroup_events(const json::Value& object);

}  // namespace nodeproof::smoke
