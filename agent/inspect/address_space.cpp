// Code that counts on how many bits a process's addresses have. Signs only: later versions of both
// hold the same words and do it rightly.
#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"

namespace nodeproof::inspect {

namespace {

constexpr unsigned kTcmallocBits = 47;  // stopped with 39 and 42
constexpr unsigned kLuajitBits = 47;    // of a pointer in a Lua value

struct Habit {
  elf::Mark mark;
  Severity reached, unreached;
  std::string_view single, many, remedy;
};

constexpr Habit kTcmalloc{
    elf::Mark::fixed_space_alloc,
    Severity::warn,
    Severity::info,
    "holds a tcmalloc that has said \"MmapAligned() failed\" where addresses have fewer than 48 "
    "bits",
    "hold a tcmalloc that has said \"MmapAligned() failed\" where addresses have fewer than 48 "
    "bits",
    "Declare a smoke test that starts it; where it fails, boot a kernel with 48-bit addresses "
    "(CONFIG_ARM64_VA_BITS_48), or build it with another allocator (Envoy: --define "
    "tcmalloc=disabled)."};
constexpr Habit kLuajit{
    elf::Mark::luajit,
    Severity::info,
    Severity::info,
    "holds LuaJIT, which in versions before 2020 says \"bad light userdata pointer\" where "
    "addresses "
    "have 48 bits",
    "hold LuaJIT, which in versions before 2020 says \"bad light userdata pointer\" where "
    "addresses "
    "have 48 bits",
    "Declare a smoke test that starts it; update LuaJIT or OpenResty where it fails."};

void look(const Scene& scene, const Habit& habit, std::vector<Finding>& findings) {
  Suspects reached, unreached;
  for (const SurveyedFile& file : scene.survey.files) {
    if (file.elf().header.bits != 64 || !file.has(habit.mark)) continue;
    (file.reached() ? reached : unreached).add(file, "");
  }
  for (const bool first : {true, false}) {
    const Suspects& suspects = first ? reached : unreached;
    if (suspects.empty()) continue;
    findings.push_back(suspects.finding(code::kAddressSpaceMismatch,
                                        first ? habit.reached : habit.unreached, habit.single,
                                        habit.many));
    Finding& finding = findings.back();
    if (!finding.evidence.empty()) finding.evidence += "; ";
    finding.evidence +=
        "this host's addresses have " + std::to_string(scene.input.host.va_bits) + " bits";
    finding.remedy = habit.remedy;
  }
}

}  // namespace

std::vector<Finding> address_space_findings(const Scene& scene) {
  std::vector<Finding> findings;
  const unsigned bits = scene.input.host.va_bits;
  if (!is_arm64(scene.input.host) || bits == 0) return findings;
  if (bits < kTcmallocBits) look(scene, kTcmalloc, findings);
  if (bits > kLuajitBits) look(scene, kLuajit, findings);
  return findings;
}

}  // namespace nodeproof::inspect
