// What is this node? Facts are read below a root directory, so that a board is a folder of
// fixtures.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"
#include "common/json.hpp"

namespace nodeproof::host {

// Sources: proc(5), sysfs, the ELF ident of PID 1's program. What cannot be read stays empty or
// zero; nothing is guessed from the processor's name. `containerd` stays empty: it is asked over
// its socket.
[[nodiscard]] HostFacts read_host(const std::filesystem::path& root);

// What no file tells: the running machine is asked, but for what is known already. Of the machine
// whose root directory is "/".
void probe(HostFacts& facts);

// Adds the findings that need the whole of the facts, containerd's part included, and what the
// configuration demands of the kernel (host.kernel.require).
void diagnose(HostFacts& facts, const std::filesystem::path& root,
              const std::vector<std::string>& required_of_kernel);

// What the facts by themselves say about the node (UserlandBitness, MemoryCgroupMissing,
// EmulatorRegistered); read_host has put them in. `command_line` is the kernel's.
[[nodiscard]] std::vector<Finding> examine(const HostFacts& facts, std::string_view command_line);

// The document of `nodeproof host -o json`, and back.
[[nodiscard]] std::string to_json(const HostFacts& facts);
Result<HostFacts> from_json(std::string_view text);
// Its first members: what it is.
void write_document_head(json::Writer& out);

[[nodiscard]] std::string to_table(const HostFacts& facts);

}  // namespace nodeproof::host
