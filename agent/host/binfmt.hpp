// binfmt_misc handlers (Linux Documentation/admin-guide/binfmt-misc.rst): who would run a foreign
// program.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof::host {

// One file below /proc/sys/fs/binfmt_misc.
[[nodiscard]] BinfmtHandler parse_binfmt(std::string name, std::string_view text);

// All handlers, by name.
[[nodiscard]] std::vector<BinfmtHandler> read_binfmt(const std::filesystem::path& root);

}  // namespace nodeproof::host
