// Writing a small .tar.gz in memory: what is given to people to look into.
#pragma once

#include <span>
#include <string>

#include "common/error.hpp"

namespace nodeproof {

struct PackedFile {
  std::string path;  // relative, printable ASCII
  std::string content;
};

// Regular files of root with mode 0600 and the time `seconds` (of the epoch), in the given order.
Result<std::string> make_tar_gz(std::span<const PackedFile> files, long seconds);

}  // namespace nodeproof
