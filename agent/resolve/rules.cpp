#include "agent/resolve/rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "common/words.hpp"

namespace nodeproof::resolve {
namespace {

using Arm64 = ContainerdRules::Arm64;

// The "2.0.7" of "2.0.7~ds1" or "v2.0.7-k3s1", as far as there are numbers.
std::array<unsigned, 3> version_numbers(std::string_view text) {
  std::array<unsigned, 3> numbers{};
  if (text.starts_with('v')) text.remove_prefix(1);
  for (unsigned& number : numbers) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) break;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  return numbers;
}

std::optional<unsigned> parse_unsigned(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return number;
}

// "v7" -> 7; the v may be missing, as in Go's TrimPrefix.
std::optional<unsigned> variant_number(std::string_view variant) {
  if (variant.starts_with('v')) variant.remove_prefix(1);
  return parse_unsigned(variant);
}

Platform with(Platform platform, std::string architecture, std::string variant) {
  platform.architecture = std::move(architecture);
  platform.variant = std::move(variant);
  return platform;
}

// "v8", "v8.1", "v8.2" ...: level 0 has no minor.
std::string level(unsigned major, unsigned minor) {
  std::string text = "v" + std::to_string(major);
  if (minor > 0) text += "." + std::to_string(minor);
  return text;
}

// The host's own variant, then each smaller one down to lowest.
std::vector<Platform> descending(const Platform& host, unsigned lowest) {
  std::vector<Platform> list{host};
  const auto number = variant_number(host.variant);
  for (unsigned n = number.value_or(0); n > lowest; --n) {
    list.push_back(with(host, host.architecture, level(n - 1, 0)));
  }
  return list;
}

struct Level {
  unsigned major = 8, minor = 0;
};

// Go reads a minor only from texts of four characters such as "v8.1".
std::optional<Level> parse_level(std::string_view variant) {
  const std::size_t dot = variant.find('.');
  const auto major = variant_number(variant.substr(0, dot));
  if (!major || *major < 8) return {};
  const bool has_minor = dot != std::string_view::npos && variant.size() == 4;
  return Level{*major, has_minor ? parse_unsigned(variant.substr(dot + 1)).value_or(0) : 0};
}

bool in_table(std::string_view variant) {
  const auto parsed = parse_level(variant);
  return parsed && (parsed->major == 8 || parsed->major == 9) &&
         parsed->minor <= (parsed->major == 8 ? 9U : 7U) &&
         level(parsed->major, parsed->minor) == variant;
}

// v9.0 comes from v8.5 (Arm ARM, A1.2): v9.m holds all of v8.(m+5), as far as there is such a
// level.
std::vector<Platform> lower_levels(const Platform& host, Level from, Arm64 rules) {
  std::vector<Platform> list;
  const auto add = [&](unsigned major, unsigned minor) {
    list.push_back(with(host, "arm64", level(major, minor)));
  };
  if (from.major == 9) {
    for (unsigned minor = from.minor; minor > 0; --minor) add(9, minor - 1);
    from = {8, from.minor + 5};
    if (rules == Arm64::table) from.minor = std::min(from.minor, 9U);
    add(8, from.minor);
  }
  for (unsigned minor = from.minor; minor > 0; --minor) add(from.major, minor - 1);
  return list;
}

std::vector<Platform> arm64_list(const Platform& host, Arm64 rules) {
  const std::string variant = host.variant.empty() ? "v8" : host.variant;
  if (rules == Arm64::table && !in_table(variant)) return {};
  std::vector<Platform> list{host};
  const auto from = parse_level(variant);
  if (rules != Arm64::plain && from) {
    const auto lower = lower_levels(host, *from, rules);
    list.insert(list.end(), lower.begin(), lower.end());
  }
  const bool minor = variant.starts_with("v8.") || variant.starts_with("v9.");
  const bool to_v8 = rules == Arm64::table || (rules == Arm64::arithmetic && minor);
  const auto arm = descending(with(host, "arm", to_v8 ? "v8" : variant), 5);
  list.insert(list.end(), arm.begin(), arm.end());
  return list;
}

Platform normal_form(const Platform& platform, ContainerdRules rules) {
  Platform normal = normalize(platform);
  if (rules.arm64 != Arm64::plain || normal.architecture != "arm64") return normal;
  // 1.x knows no aliases for v8.0 and v9.0.
  const std::string variant = fold_case(platform.variant);
  if (variant != "8" && variant != "v8") normal.variant = variant;
  return normal;
}

constexpr std::array kPullers = {
    Puller{"a pull by containerd 1.6 or 1.7", {.arm64 = Arm64::plain}},
    Puller{"a pull by containerd 2.0.0 to 2.0.6", {.arm64 = Arm64::arithmetic}},
    Puller{"a local pull by containerd 2.0.7 to 2.2", {.arm64 = Arm64::table}},
    Puller{"a local pull by containerd 2.3 or later",
           {.arm64 = Arm64::table, .config_decides = true, .os_features = true}},
    Puller{"a kubelet's pull by containerd 2.1 or later (OnlyStrict; ctr's too)",
           {.arm64 = Arm64::table, .strict = true}},
};

}  // namespace

ContainerdRules local_pull(ContainerdRules rules) {
  rules.strict = false;
  return rules;
}

std::string describe(const ContainerdRules& rules) {
  if (rules.strict) {
    return "a kubelet's pull on containerd 2.1 or later takes this host's own platform and no "
           "fallback; where that is nothing, nodeproof's own pull falls back, with a warning";
  }
  std::string text = "the host's own platform first, then what it falls back to (";
  text += rules.arm64 == Arm64::plain ? "" : "lower arm64 levels; ";
  text +=
      "32-bit arm on arm64, lower variants on arm, 386 on amd64), then an entry without a "
      "platform";
  return text;
}

std::span<const Puller> pullers() { return kPullers; }

bool serves_kubelet(const ContainerdFacts& containerd) {
  return containerd.cri && containerd.namespace_ == "k8s.io";
}

ContainerdRules rules_of(const std::optional<ContainerdFacts>& containerd) {
  ContainerdRules rules;
  if (!containerd || containerd->version.empty()) return rules;
  const auto version = version_numbers(containerd->version);
  if (version < std::array{2U, 0U, 0U}) {
    rules.arm64 = Arm64::plain;
  } else if (version < std::array{2U, 0U, 7U}) {
    rules.arm64 = Arm64::arithmetic;
  }
  rules.strict = serves_kubelet(*containerd) && version >= std::array{2U, 1U, 0U};
  rules.config_decides = version >= std::array{2U, 2U, 0U};
  rules.os_features = version >= std::array{2U, 3U, 0U};
  return rules;
}

std::vector<Platform> acceptable(const Platform& host, ContainerdRules rules) {
  const Platform normal = normal_form(host, rules);
  if (rules.strict) return {normal};
  if (normal.architecture == "arm64") return arm64_list(normal, rules.arm64);
  if (normal.architecture == "arm") return descending(normal, 5);
  if (normal.architecture != "amd64") return {normal};
  auto list = descending(normal, 1);
  list.push_back(with(normal, "386", ""));
  return list;
}

bool matches(const Platform& wanted, const Platform& offered, ContainerdRules rules) {
  const Platform a = normal_form(wanted, rules);
  const Platform b = normal_form(offered, rules);
  if (a.os != b.os || a.architecture != b.architecture || a.variant != b.variant) return false;
  return !rules.os_features || std::ranges::includes(a.os_features, b.os_features);
}

}  // namespace nodeproof::resolve
