// 32-bit Arm code for a newer architecture than the processor's: Tag_CPU_arch (Addenda to the ABI
// for the Arm Architecture, 3.3.5.2) beside uname's machine, for a Raspberry Pi 1 or Zero (ARMv6)
// takes arm/v7 images from more than one runtime.
#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

// Of an application processor: 4 ... 9; nothing = another kind, or not known.
std::optional<unsigned> version_of(unsigned tag) {
  constexpr unsigned kV4T = 2, kV5TEJ = 5, kV9A = 22;
  if (tag < elf::kArmV6) return tag <= kV4T ? 4U : 5U;
  static_assert(kV5TEJ + 1 == elf::kArmV6);
  if (tag <= elf::kArmV6K) return 6;
  if (tag == elf::kArmV7) return 7;
  if (tag == elf::kArmV8) return 8;
  if (tag == kV9A) return 9;
  return std::nullopt;
}

// "armv6l"
std::optional<unsigned> version_of(std::string_view machine) {
  if (!machine.starts_with("armv") || machine.size() < 5) return std::nullopt;
  const char digit = machine[4];
  if (digit < '4' || digit > '9') return std::nullopt;
  return static_cast<unsigned>(digit - '0');
}

// One object with a faster variant beside the plain one raises the tag of a whole library.
bool decides(const SurveyedFile& file) {
  return file.role != Role::library || file.elf().soname == "libc.so.6";
}

}  // namespace

std::vector<Finding> arm_findings(const Scene& scene) {
  const HostFacts& host = scene.input.host;
  const auto own = version_of(host.machine);
  if (!own) return {};
  Suspects certain, doubtful;
  for (const SurveyedFile& file : scene.survey.files) {
    const elf::Facts& facts = file.elf();
    if (!file.reached() || facts.header.machine != elf::kMachineArm) continue;
    const auto needed = facts.arm_architecture ? version_of(*facts.arm_architecture) : std::nullopt;
    if (!needed || *needed <= *own) continue;
    (decides(file) ? certain : doubtful)
        .add(file, "Tag_CPU_arch says ARMv" + std::to_string(*needed));
  }
  std::vector<Finding> findings;
  const std::string what =
      "built for a newer Arm processor than this host's (" + printable(host.machine) + "): SIGILL";
  for (const bool sure : {true, false}) {
    const Suspects& suspects = sure ? certain : doubtful;
    if (suspects.empty()) continue;
    findings.push_back(suspects.finding(code::kArchMismatch, sure ? Severity::fail : Severity::warn,
                                        "is " + what, "are " + what));
    findings.back().remedy =
        "Take or build the image for " + ("linux/arm/v" + std::to_string(*own)) +
        " (Debian's armhf is ARMv7; Raspberry Pi OS and Alpine's armhf are ARMv6).";
  }
  return findings;
}

}  // namespace nodeproof::inspect
