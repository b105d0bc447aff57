#include "common/platform.hpp"

#include <algorithm>
#include <array>

#include "common/words.hpp"

namespace nodeproof {
namespace {

struct Alias {
  std::string_view architecture, variant;        // as written; variant "*" = any
  std::string_view to_architecture, to_variant;  // to_variant "*" = kept
};

// containerd/platforms database.go normalizeArch; the first line that matches counts.
constexpr std::array kAliases = {
    Alias{"i386", "*", "386", ""},          Alias{"x86_64", "v1", "amd64", ""},
    Alias{"x86-64", "v1", "amd64", ""},     Alias{"amd64", "v1", "amd64", ""},
    Alias{"x86_64", "*", "amd64", "*"},     Alias{"x86-64", "*", "amd64", "*"},
    Alias{"aarch64", "8", "arm64", ""},     Alias{"aarch64", "v8", "arm64", ""},
    Alias{"aarch64", "v8.0", "arm64", ""},  Alias{"aarch64", "9", "arm64", "v9"},
    Alias{"aarch64", "9.0", "arm64", "v9"}, Alias{"aarch64", "v9.0", "arm64", "v9"},
    Alias{"aarch64", "*", "arm64", "*"},    Alias{"arm64", "8", "arm64", ""},
    Alias{"arm64", "v8", "arm64", ""},      Alias{"arm64", "v8.0", "arm64", ""},
    Alias{"arm64", "9", "arm64", "v9"},     Alias{"arm64", "9.0", "arm64", "v9"},
    Alias{"arm64", "v9.0", "arm64", "v9"},  Alias{"armhf", "*", "arm", "v7"},
    Alias{"armel", "*", "arm", "v6"},       Alias{"arm", "", "arm", "v7"},
    Alias{"arm", "7", "arm", "v7"},         Alias{"arm", "5", "arm", "v5"},
    Alias{"arm", "6", "arm", "v6"},         Alias{"arm", "8", "arm", "v8"},
};

// All names here are ASCII; anything else stays as it is and matches nothing.
std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

bool is_component(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

// An operating system's name alone, with or without a version; the names are Go's GOOS.
bool is_os(std::string_view text) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "linux", "windows", "darwin", "macos", "freebsd", "netbsd", "openbsd", "android"};
  return std::ranges::find(kNames, lower(std::string(text.substr(0, text.find('('))))) !=
         kNames.end();
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = text.find(separator); at != std::string_view::npos;
       at = text.find(separator)) {
    parts.emplace_back(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  parts.emplace_back(text);
  return parts;
}

}  // namespace

Platform normalize(Platform platform) {
  platform.os = lower(std::move(platform.os));
  if (platform.os.empty()) platform.os = "linux";
  if (platform.os == "macos") platform.os = "darwin";
  platform.architecture = lower(std::move(platform.architecture));
  platform.variant = lower(std::move(platform.variant));
  const auto* alias = std::ranges::find_if(kAliases, [&](const Alias& a) {
    return a.architecture == platform.architecture &&
           (a.variant == "*" || a.variant == platform.variant);
  });
  if (alias != kAliases.end()) {
    platform.architecture = alias->to_architecture;
    if (alias->to_variant != "*") platform.variant = alias->to_variant;
  }
  std::ranges::sort(platform.os_features);
  const auto repeated = std::ranges::unique(platform.os_features);
  platform.os_features.erase(repeated.begin(), repeated.end());
  return platform;
}

std::string to_string(const Platform& platform) {
  std::string text = platform.os;
  if (!platform.os_version.empty()) text += "(" + platform.os_version + ")";
  for (const std::string* part : {&platform.architecture, &platform.variant}) {
    if (part->empty()) continue;
    if (!text.empty()) text += "/";
    text += *part;
  }
  return text;
}

Result<Platform> parse_platform(std::string_view text) {
  std::vector<std::string> parts = split(text, '/');
  Platform platform;
  if (parts.size() == 1) {
    if (is_os(parts.front())) {
      return fail(Errc::usage, "'" + excerpt(text, 64) + "' names no architecture",
                  "Write it as os/architecture or os/architecture/variant, such as linux/arm64.");
    }
    parts.insert(parts.begin(), "linux");
  }
  const std::size_t open = parts.front().find('(');
  if (open != std::string::npos && parts.front().ends_with(')')) {
    platform.os_version = parts.front().substr(open + 1, parts.front().size() - open - 2);
    parts.front().resize(open);
  }
  const bool valid = (parts.size() == 2 || parts.size() == 3) &&
                     std::ranges::all_of(parts, is_component) &&
                     (platform.os_version.empty() || is_component(platform.os_version));
  if (!valid) {
    return fail(Errc::usage, "'" + excerpt(text, 64) + "' is not a platform",
                "Write it as os/architecture or os/architecture/variant, such as linux/arm64.");
  }
  platform.os = parts[0];
  platform.architecture = parts[1];
  if (parts.size() == 3) platform.variant = parts[2];
  return normalize(std::move(platform));
}

}  // namespace nodeproof
