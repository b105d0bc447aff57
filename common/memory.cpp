#include "common/memory.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "common/file.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> machine_memory(const fs::path& root) {
  constexpr std::string_view kKey = "MemTotal:";
  const auto text = read_file(root / "proc/meminfo");
  if (!text) return std::nullopt;
  const auto at = text->find(kKey);
  if (at == std::string::npos) return std::nullopt;
  const auto kilobytes = leading_number(std::string_view(*text).substr(at + kKey.size()));
  if (!kilobytes) return std::nullopt;
  return *kilobytes << 10;
}

// The process's cgroup and all above it, up to the hierarchy's own root. "max" is no number.
std::uint64_t smallest_limit(const fs::path& hierarchy, fs::path group, const char* file) {
  std::uint64_t smallest = UINT64_MAX;
  for (group = group.relative_path();; group = group.parent_path()) {
    if (const auto text = read_file(hierarchy / group / file)) {
      smallest = std::min(smallest, leading_number(*text).value_or(UINT64_MAX));
    }
    if (group.empty()) return smallest;
  }
}

// Lines of /proc/self/cgroup are ID:CONTROLLERS:PATH (cgroups(7)).
std::uint64_t cgroup_limit(const fs::path& root) {
  const auto text = read_file(root / "proc/self/cgroup");
  if (!text) return UINT64_MAX;
  std::uint64_t smallest = UINT64_MAX;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    const fs::path group(line.substr(second + 1));
    if (controllers == ",,") {
      smallest = std::min(smallest, smallest_limit(root / "sys/fs/cgroup", group, "memory.max"));
    } else if (controllers.contains(",memory,")) {
      smallest = std::min(
          smallest, smallest_limit(root / "sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
  }
  return smallest;
}

}  // namespace

std::uint64_t memory_limit(const fs::path& root) {
  const std::uint64_t limit =
      std::min(machine_memory(root).value_or(UINT64_MAX), cgroup_limit(root));
  return limit == UINT64_MAX ? 0 : limit;
}

}  // namespace nodeproof
