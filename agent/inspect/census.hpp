// All programs and libraries of an image that are for another machine and that no known start
// needs, in groups; and what most of the image is built for.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/inspect/fit.hpp"
#include "agent/inspect/reachability.hpp"

namespace nodeproof::inspect {

struct Group {
  std::uint16_t machine = 0;
  elf::Header header;       // of the first file
  std::string directory;    // what they have in common; "" = several places
  std::string layer;        // of the first file
  bool expected = false;    // lies in a folder made for that architecture
  bool compatible = false;  // Fit::compatible
  bool told = false;  // a program of a start is for the same machine and is a finding of its own
  std::size_t count = 0;
  std::vector<std::string> first;  // a few paths
};

struct Census {
  // One per machine, but per place where it is not expected; largest first.
  std::vector<Group> groups;
  std::map<std::string, std::size_t> files;  // per OCI architecture, expected ones left out
};

// A program or library that Linux may be asked to start or load; no firmware, nothing for another
// system.
[[nodiscard]] bool is_linux_program(std::string_view path, const elf::Header& header);

[[nodiscard]] Census take_census(const HostFacts& host, const MergedView& view,
                                 const Reachability& reached);

// A folder or file name that names the machine, beside one that names the host's
// (prebuilds/linux-x64 and linux-arm64), a cross toolchain (usr/aarch64-linux-gnu), debug symbols
// or test data.
[[nodiscard]] bool is_expected_place(const MergedView& view, std::string_view path,
                                     std::string_view architecture,
                                     std::string_view host_architecture);

}  // namespace nodeproof::inspect
