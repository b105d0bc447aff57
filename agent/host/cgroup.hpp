// Which cgroup controllers this kernel really has switched on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace nodeproof::host {

struct Cgroups {
  bool v2 = false;
  std::vector<std::string> controllers;  // sorted; empty = could not be read
};

// v2: the root's cgroup.controllers (cgroup-v2.rst). v1 and hybrid: the enabled rows of
// /proc/cgroups.
[[nodiscard]] Cgroups read_cgroups(const std::filesystem::path& root);

}  // namespace nodeproof::host
