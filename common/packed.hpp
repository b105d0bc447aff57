// Programs and libraries inside other files: zip archives (jar, war, whl ...: PKWARE
// APPNOTE 6.3.10, sections 4.3 and 4.5) and Electron's asar archives, also inside each other. Only
// their directories and the first bytes of their members are read; hostile input is an error, never
// more.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/bytes.hpp"
#include "common/elf.hpp"

namespace nodeproof {

struct PackedProgram {
  std::string path;  // in the archive; "lib/x.jar!/native/y.so" in an archive inside it
  elf::Header header;
  friend bool operator==(const PackedProgram&, const PackedProgram&) = default;
};

struct PackedPrograms {
  std::vector<PackedProgram> found;
  std::string problem;  // why not all members were looked at; "" = all were
  friend bool operator==(const PackedPrograms&, const PackedPrograms&) = default;
};

// By its name: may it hold programs?
[[nodiscard]] bool is_archive_name(std::string_view path);

// Errc::corrupt for what is no archive of the kind its name says.
Result<PackedPrograms> read_packed(std::string_view name, const ByteSource& archive);

}  // namespace nodeproof
