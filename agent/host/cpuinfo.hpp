// /proc/cpuinfo and the machine name as containerd reads them (containerd/platforms
// cpuinfo_linux.go).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nodeproof::host {

// GOARCH of a program of `bits` on a kernel that calls itself `machine` (uname -m); "" = not known.
[[nodiscard]] std::string go_architecture(std::string_view machine, unsigned bits);

// "v8" ... for arm and arm64, "" for every other architecture, "unknown" where containerd says so.
[[nodiscard]] std::string cpu_variant(std::string_view cpuinfo, std::string_view machine,
                                      std::string_view architecture);

// The first processor's value of a key, compared without case; "" = none.
[[nodiscard]] std::string_view cpuinfo_value(std::string_view cpuinfo, std::string_view key);

struct X86Features {
  std::string level;  // "x86-64-v1" ... "x86-64-v4" (x86-64 psABI, micro-architecture levels)
  std::vector<std::string> flags;  // those that decide a level or that programs ask for
};

[[nodiscard]] X86Features x86_features(std::string_view cpuinfo);

}  // namespace nodeproof::host
