// An OCI platform (image-spec, image-index.md#platform) in containerd's normal form.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"

namespace nodeproof {

struct Platform {
  std::string os;
  std::string architecture;  // GOARCH: amd64, arm64, arm, 386, riscv64 ...
  std::string variant;       // "", v7, v8 ...
  std::string os_version;
  std::vector<std::string> os_features;
  friend bool operator==(const Platform&, const Platform&) = default;
  friend auto operator<=>(const Platform&, const Platform&) = default;
};

// containerd/platforms Normalize: lower case, aliases (x86_64, aarch64, armhf ...), default
// variants dropped.
[[nodiscard]] Platform normalize(Platform platform);

// "linux/arm64/v8", without empty parts; os.version in parentheses behind the os.
[[nodiscard]] std::string to_string(const Platform& platform);

// "os/arch[/variant]" or "arch" alone (os linux); normalised.
Result<Platform> parse_platform(std::string_view text);

}  // namespace nodeproof
