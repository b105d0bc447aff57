#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "agent/codes.hpp"
#include "agent/host/doctor.hpp"
#include "agent/host/text_files.hpp"

namespace nodeproof::host {
namespace {

namespace fs = std::filesystem;

// Raspberry Pi documentation, vcgencmd get_throttled: bits 0-3 are now, 16-19 since the start.
constexpr std::uint32_t kUnderVoltage = 1U << 0U | 1U << 16U;
constexpr std::array<std::pair<std::uint32_t, std::string_view>, 8> kThrottled = {
    {{1U << 0U, "under-voltage now"},
     {1U << 1U, "processor clock capped now"},
     {1U << 2U, "throttled now"},
     {1U << 3U, "at the soft temperature limit now"},
     {1U << 16U, "under-voltage since the start"},
     {1U << 17U, "processor clock capped since the start"},
     {1U << 18U, "throttled since the start"},
     {1U << 19U, "at the soft temperature limit since the start"}}};
constexpr std::uint32_t kAllThrottled = 0xF000F;
constexpr std::uint32_t kNow = 0xF;

// Trip points below are placeholders of firmware that has none.
constexpr std::int64_t kLeastTrip = 40'000;  // thousandths of a degree Celsius
constexpr std::int64_t kMostTrip = 150'000;

template <class Number>
std::optional<Number> number_in(const fs::path& file, int base) {
  const std::string text = read_text(file);
  std::string_view digits = text;
  if (base == 16 && digits.starts_with("0x")) digits.remove_prefix(2);
  Number number{};
  const auto [end, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (failure != std::errc() || end != digits.data() + digits.size()) return {};
  return number;
}

std::vector<fs::path> folders_in(const fs::path& folder, std::string_view prefix) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with(prefix)) found.push_back(it->path());
  }
  std::ranges::sort(found);
  return found;
}

Finding under_voltage(std::string evidence) {
  return {std::string(code::kUnderVoltage),
          Severity::warn,
          "power supply",
          "",
          "the board's supply voltage is, or since the start was, too low: files and memory can be "
          "damaged without any error",
          std::move(evidence),
          "use the board's own power supply and a short, thick cable; take USB devices off or give "
          "them a powered hub; then reboot, which clears the record"};
}

Finding throttled(Severity severity, std::string subject, std::string evidence) {
  return {std::string(code::kThermalThrottled),
          severity,
          std::move(subject),
          "",
          "the processor is slowed down because of its temperature, or was since the start",
          std::move(evidence),
          "give it a heat sink or a fan, and air; tests with a tight timeout may fail meanwhile"};
}

std::string decoded(std::uint32_t bits) {
  std::string out;
  for (const auto& [bit, meaning] : kThrottled) {
    if ((bits & bit) == 0) continue;
    out.append(out.empty() ? "" : ", ").append(meaning);
  }
  return out;
}

void examine_firmware(const fs::path& root, Findings& findings) {
  const fs::path file = "sys/devices/platform/soc/soc:firmware/get_throttled";
  const auto said = number_in<std::uint32_t>(root / file, 16);
  if (!said) return;
  const std::uint32_t bits = *said & kAllThrottled;
  const std::string evidence = "/" + file.string() + " " + read_text(root / file) + ": ";
  if ((bits & kUnderVoltage) != 0) findings.push_back(under_voltage(evidence + decoded(bits)));
  // The clock is capped for want of voltage, too.
  const std::uint32_t heat =
      (bits & kUnderVoltage) != 0 ? bits & (1U << 3U | 1U << 19U) : bits & ~kUnderVoltage;
  if (heat == 0) return;
  const Severity severity = (heat & kNow) != 0 ? Severity::warn : Severity::info;
  findings.push_back(throttled(severity, "processor", evidence + decoded(heat)));
}

void examine_sensor(const fs::path& root, Findings& findings) {
  for (const fs::path& sensor : folders_in(root / "sys/class/hwmon", "hwmon")) {
    if (read_text(sensor / "name") != "rpi_volt") continue;
    if (read_text(sensor / "in0_lcrit_alarm") != "1") continue;
    findings.push_back(under_voltage("/sys/class/hwmon/" + sensor.filename().string() +
                                     "/in0_lcrit_alarm 1 (rpi_volt)"));
  }
}

struct Trip {
  std::int64_t temperature = 0;  // thousandths of a degree Celsius
  std::string type;
};

// Of several passive ones the lower are where a governor begins to look.
std::optional<Trip> highest_trip(const fs::path& zone) {
  std::optional<Trip> highest;
  for (unsigned i = 0;; ++i) {
    const std::string name = "trip_point_" + std::to_string(i);
    const std::string type = read_text(zone / (name + "_type"));
    if (type.empty()) return highest;
    if (type != "passive" && type != "hot") continue;
    const auto at = number_in<std::int64_t>(zone / (name + "_temp"), 10);
    if (!at || *at < kLeastTrip || *at > kMostTrip) continue;
    if (!highest || *at > highest->temperature) highest = Trip{*at, type};
  }
}

void examine_zones(const fs::path& root, Findings& findings) {
  for (const fs::path& zone : folders_in(root / "sys/class/thermal", "thermal_zone")) {
    // Its trip points are what somebody wants to be told of, not where the processor slows down.
    if (read_text(zone / "type") == "x86_pkg_temp") continue;
    const auto now = number_in<std::int64_t>(zone / "temp", 10);
    const auto trip = highest_trip(zone);
    if (!now || !trip || *now < trip->temperature || *now > kMostTrip) continue;
    findings.push_back(throttled(Severity::warn, read_text(zone / "type"),
                                 "/sys/class/thermal/" + zone.filename().string() + ": " +
                                     std::to_string(*now / 1000) + " degrees Celsius, " +
                                     trip->type + " from " +
                                     std::to_string(trip->temperature / 1000)));
  }
}

}  // namespace

Findings power_and_heat(const fs::path& root) {
  Findings findings;
  examine_firmware(root, findings);
  if (findings.empty()) examine_sensor(root, findings);
  examine_zones(root, findings);
  return findings;
}

}  // namespace nodeproof::host
