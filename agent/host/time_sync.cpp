#include "agent/host/time_sync.hpp"

#include <sys/timex.h>

#include "agent/codes.hpp"
#include "agent/host/cpuinfo.hpp"
#include "agent/host/text_files.hpp"

namespace nodeproof::host {
namespace {

using std::chrono::sys_days;

// No build of this program is older.
constexpr std::chrono::year kFirstBuild{2026};

bool is_machine_of_its_own(const std::filesystem::path& root) {
  for (const char* file : {"proc/device-tree/model", "sys/firmware/devicetree/base/model"}) {
    const std::string model = read_text(root / file);
    if (!model.empty()) return model.find("dummy-virt") == std::string::npos;
  }
  const std::string cpuinfo = read_text(root / "proc/cpuinfo");
  const std::string flags(cpuinfo_value(cpuinfo, "flags"));
  return !flags.empty() && !(" " + flags + " ").contains(" hypervisor ");
}

const char* const kRemedy =
    "let it be set over the network: timedatectl set-ntp true (systemd-timesyncd), or install "
    "chrony; where the node has no way out, name a time server of the site in "
    "/etc/systemd/timesyncd.conf";

Finding wrong(std::chrono::year year) {
  return {std::string(code::kClockWrong),
          Severity::warn,
          "clock",
          "",
          "the clock is wrong: certificates are not valid yet, and logs and reports bear false "
          "dates",
          "it is the year " + std::to_string(static_cast<int>(year)) +
              " here, before this program was made",
          kRemedy};
}

Finding not_synchronised() {
  return {std::string(code::kClockNotSynchronised),
          Severity::warn,
          "clock",
          "",
          "nothing keeps the clock right: after a start or in the long run it is wrong, and then "
          "certificates are refused",
          "the kernel's clock state says STA_UNSYNC",
          kRemedy};
}

}  // namespace

ClockState read_clock() {
  ClockState clock{std::chrono::system_clock::now(), {}};
  timex state{};
  if (::adjtimex(&state) >= 0) clock.synchronised = (state.status & STA_UNSYNC) == 0;
  return clock;
}

Findings examine_clock(const ClockState& clock, const std::filesystem::path& root) {
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(clock.now));
  if (today.year() < kFirstBuild) return {wrong(today.year())};
  if (clock.synchronised != false || !is_machine_of_its_own(root)) return {};
  return {not_synchronised()};
}

}  // namespace nodeproof::host
