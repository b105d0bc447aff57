// What this binary is: filled in by the build (cross/build_info.py).
#pragma once

#include <span>
#include <string_view>

namespace nodeproof {

struct LibraryVersion {
  std::string_view name;
  std::string_view version;  // Debian's, exactly as cross/lock names it
};

struct BuildInfo {
  std::string_view version;  // of nodeproof, "0.1.0"
  std::string_view
      commit;  // full hash; "-dirty" behind it when files differed; "unknown" outside git
  std::string_view target;                    // "linux/arm64"
  std::span<const LibraryVersion> libraries;  // all that is linked in, sorted by name
};

const BuildInfo& build_info();

}  // namespace nodeproof
