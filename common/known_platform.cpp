#include "common/known_platform.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace nodeproof {

// internal/syslist of Go 1.24: those of old and future ports too.
bool is_known(const Platform& platform) {
  static constexpr auto kSystems = std::to_array<std::string_view>(
      {"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux",
       "nacl", "netbsd", "openbsd", "plan9", "solaris", "wasip1", "windows", "zos"});
  static constexpr auto kArchitectures = std::to_array<std::string_view>(
      {"386",       "amd64",       "amd64p32", "arm",    "armbe",   "arm64",
       "arm64be",   "loong64",     "mips",     "mipsle", "mips64",  "mips64le",
       "mips64p32", "mips64p32le", "ppc",      "ppc64",  "ppc64le", "riscv",
       "riscv64",   "s390",        "s390x",    "sparc",  "sparc64", "wasm"});
  return std::ranges::find(kSystems, platform.os) != kSystems.end() &&
         std::ranges::find(kArchitectures, platform.architecture) != kArchitectures.end();
}

}  // namespace nodeproof
