// Private to packed.cpp: the directory of an asar archive, a Chromium pickle that holds a JSON
// text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bytes.hpp"

namespace nodeproof {

struct AsarMember {
  std::string path;
  std::uint64_t offset = 0, size = 0;  // in the archive
};

// Without links and without what lies beside the archive ("unpacked"). Errc::corrupt, or too_large.
Result<std::vector<AsarMember>> read_asar_directory(const ByteSource& archive);

}  // namespace nodeproof
