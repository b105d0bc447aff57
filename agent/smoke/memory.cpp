#include "agent/smoke/memory.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "common/file.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::uint64_t kMebi = 1ULL << 20;
// The shim, runc and the supervisor take some 40 MiB, a typical program's --version as much again.
// A Pi 3 with 1 GB has 300 MiB and more when its pods behave.
constexpr std::uint64_t kLeast = 128 * kMebi;
constexpr std::uint64_t kEnough = 512 * kMebi;  // whatever a tenth of a large host's memory is
constexpr double kMostPressure = 20;

template <class Number>
std::optional<Number> number_after(std::string_view text, std::string_view name) {
  const std::size_t place = text.find(name);
  if (place == std::string_view::npos) return {};
  text.remove_prefix(place + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

Memory read_memory(const std::filesystem::path& root) {
  const std::string info = read_file(root / "proc/meminfo").value_or("");
  const std::string pressure = read_file(root / "proc/pressure/memory").value_or("");
  return {.total = number_after<std::uint64_t>(info, "MemTotal:").value_or(0) * 1024,
          .available = number_after<std::uint64_t>(info, "MemAvailable:").value_or(0) * 1024,
          .pressure = number_after<double>(pressure, "some avg10=")};
}

std::optional<std::string> too_little_memory(const Memory& memory) {
  const std::uint64_t needed = std::max(kLeast, std::min(memory.total / 10, kEnough));
  if (memory.total != 0 && memory.available < needed) {
    return std::to_string(memory.available / kMebi) + " MiB of memory are available, " +
           std::to_string(needed / kMebi) + " MiB are wanted for it";
  }
  if (memory.pressure.value_or(0) > kMostPressure) {
    return "processes wait for memory " + std::to_string(static_cast<int>(*memory.pressure)) +
           " % of the time";
  }
  return {};
}

ContainerLimits fitting(ContainerLimits limits, const Memory& memory) {
  if (memory.total != 0) limits.memory_bytes = std::min(limits.memory_bytes, memory.total);
  return limits;
}

}  // namespace nodeproof::smoke
