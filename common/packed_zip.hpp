// Private to packed.cpp: the directory of a zip archive, and the bytes of a member.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bytes.hpp"

namespace nodeproof {

struct ZipMember {
  std::string name;
  std::uint16_t method = 0;  // kZipStored, kZipDeflated
  bool encrypted = false;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0, size = 0;  // bytes in the archive, and unpacked
  std::uint64_t header = 0;            // offset of its local header
};

inline constexpr std::uint16_t kZipStored = 0, kZipDeflated = 8;

// The central directory's entries; Errc::corrupt, or too_large beyond 16 MiB or 200'000 entries.
// Members with names beyond PATH_MAX are left out.
Result<std::vector<ZipMember>> read_zip_directory(const ByteSource& archive);

// Where the member's packed bytes begin.
Result<std::uint64_t> zip_data_offset(const ByteSource& archive, const ZipMember& member);

// The first `length` bytes of the member, or all where it is shorter. A whole member is checked
// against its CRC.
Result<std::string> read_zip_member(const ByteSource& archive, const ZipMember& member,
                                    std::size_t length);

}  // namespace nodeproof
