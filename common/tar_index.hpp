// Where the files of an uncompressed tar lie, so that they are read in place, at random (POSIX pax,
// ustar and GNU tar).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "common/bytes.hpp"

namespace nodeproof {

struct TarPlace {
  std::uint64_t offset = 0, size = 0;  // bytes in the archive
  friend bool operator==(const TarPlace&, const TarPlace&) = default;
};

// By path: no leading "/" or "./", no "." or empty parts. As when unpacked, the last of two members
// of one path counts, and a hard link is the file it names.
using TarIndex = std::map<std::string, TarPlace, std::less<>>;

struct TarIndexLimits {
  std::size_t members = 100'000;
  std::size_t path_bytes = 256;  // longer ones are passed over
};

// Reads the headers only. Regular files whose bytes lie together and for whose path `wanted` says
// yes; directories, symlinks, devices and sparse files are left out. Errors: truncated (a header or
// a file ends behind the archive's end), corrupt, too_large, or the source's own.
Result<TarIndex> index_tar(const ByteSource& tar,
                           const std::function<bool(std::string_view path)>& wanted,
                           const TarIndexLimits& limits = {});

}  // namespace nodeproof
