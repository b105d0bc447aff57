// What is this node? Facts are read below a root directory, so that a board is a folder of
// fixtures.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "agent/model.hpp"

namespace nodeproof::host {

// Sources: proc(5), sysfs, the ELF ident of PID 1's program. What cannot be read stays empty or
// zero; nothing is guessed from the processor's name. `containerd` stays empty: it is asked over
// its socket.
[[nodiscard]] HostFacts read_host(const std::filesystem::path& root);

// What the facts by themselves say about the node (UserlandBitness, MemoryCgroupMissing); read_host
// has put them in. `command_line` is the kernel's.
[[nodiscard]] std::vector<Finding> examine(const HostFacts& facts, std::string_view command_line);

// The document of `nodeproof host -o json`, and back.
[[nodiscard]] std::string to_json(const HostFacts& facts);
Result<HostFacts> from_json(std::string_view text);

[[nodiscard]] std::string to_table(const HostFacts& facts);

}  // namespace nodeproof::host
