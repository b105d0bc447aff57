// Which platforms a containerd takes on a host, and in which order: containerd/platforms Only and
// OnlyStrict.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"
#include "common/platform.hpp"

namespace nodeproof::resolve {

// What changed between containerd's versions.
struct ContainerdRules {
  enum class Arm64 {
    plain,       // 1.x: the host's own variant only, then 32-bit arm
    arithmetic,  // 2.0.0 to 2.0.6: v9.m takes v9.(m-1)..v9, v8.(m+5)..v8, then 32-bit arm
    table,       // since 2.0.7: the same for v8..v8.9 and v9..v9.7; any other variant takes nothing
  };
  Arm64 arm64 = Arm64::table;
  // A kubelet's pull since 2.1 goes through the transfer service: the host's own platform and
  // nothing else.
  bool strict = false;
  bool config_decides =
      false;  // since 2.2 a manifest is unpacked only if its config names a platform the host takes
  bool os_features = false;  // since 2.3
  friend bool operator==(const ContainerdRules&, const ContainerdRules&) = default;
};

// What a pull that does not go through the transfer service takes: nodeproof's, and a kubelet's
// where containerd's configuration asks for it. (ctr fetches by exact match: like strict.)
[[nodiscard]] ContainerdRules local_pull(ContainerdRules rules);

// The rules in one sentence.
[[nodiscard]] std::string describe(const ContainerdRules& rules);

// Whoever else may pull, and by which rules.
struct Puller {
  std::string_view name;
  ContainerdRules rules;
};
[[nodiscard]] std::span<const Puller> pullers();

// A kubelet pulls through this containerd, as far as can be seen.
[[nodiscard]] bool serves_kubelet(const ContainerdFacts& containerd);

// Unknown facts give the rules of a current containerd without a kubelet.
[[nodiscard]] ContainerdRules rules_of(const std::optional<ContainerdFacts>& containerd);

// The platforms the host takes, best first. The first is the host itself.
[[nodiscard]] std::vector<Platform> acceptable(const Platform& host, ContainerdRules rules);

// Does what the index offers match one of acceptable()?
[[nodiscard]] bool matches(const Platform& wanted, const Platform& offered, ContainerdRules rules);

}  // namespace nodeproof::resolve
