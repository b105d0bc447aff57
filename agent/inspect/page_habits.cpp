// Programs that are known to be particular about page sizes; nothing but signs, so warnings at
// most.
#include <algorithm>
#include <array>

#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "agent/inspect/page_fault.hpp"
#include "agent/inspect/paths.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::uint64_t kSmall = 4096;

struct Habit {
  elf::Mark mark;
  Severity reached, unreached;
  std::string_view single, many, remedy;
};

constexpr auto kHabits = std::to_array<Habit>({
    {elf::Mark::packed, Severity::warn, Severity::info,
     "is packed with UPX, which has unpacked wrongly where pages are larger than 4 KiB",
     "are packed with UPX, which has unpacked wrongly where pages are larger than 4 KiB",
     "Leave UPX out; layers are compressed anyway. Else declare a smoke test that runs it."},
    {elf::Mark::box64, Severity::warn, Severity::warn,
     "is box64 or box86: most builds want 4 KiB pages",
     "are box64 or box86: most builds want 4 KiB pages",
     "Boot a kernel with 4 KiB pages (Raspberry Pi 5: kernel=kernel8.img in config.txt), or take a "
     "box64 that is built for this page size."},
    {elf::Mark::wine, Severity::warn, Severity::warn, "belongs to Wine, which wants 4 KiB pages",
     "belong to Wine, which wants 4 KiB pages",
     "Boot a kernel with 4 KiB pages (Raspberry Pi 5: kernel=kernel8.img in config.txt)."},
    {elf::Mark::v8, Severity::info, Severity::info,
     "holds Chromium, some versions of which (132 and 133) stop where pages are larger than 4 KiB",
     "hold Chromium, some versions of which (132 and 133) stop where pages are larger than 4 KiB",
     "Declare a smoke test that opens a page; update Chromium or Electron where it fails."},
    {elf::Mark::jemalloc, Severity::info, Severity::info,
     "holds jemalloc, and for which pages it is built could not be read from its code",
     "hold jemalloc, and for which pages it is built could not be read from their code",
     "Declare a smoke test that starts it: jemalloc refuses a wrong page size at once."},
});

// V8 itself copes with large pages; Node.js does well there.
bool is_chromium(std::string_view path) {
  constexpr auto kNames = std::to_array<std::string_view>({"chrom", "electron", "libcef.so"});
  const std::string_view name = name_of(path);
  return std::ranges::any_of(kNames,
                             [&](std::string_view known) { return name.starts_with(known); });
}

bool has(const SurveyedFile& file, elf::Mark mark) {
  if (!file.has(mark)) return false;
  if (mark == elf::Mark::jemalloc) return !file.node.code()->jemalloc_page;
  return mark != elf::Mark::v8 || is_chromium(file.path);
}

}  // namespace

std::vector<Finding> page_habit_findings(const Scene& scene) {
  std::vector<Finding> findings;
  if (scene.input.host.page_size <= kSmall) return findings;
  for (const Habit& habit : kHabits) {
    Suspects reached, unreached;
    for (const SurveyedFile& file : scene.survey.files) {
      if (has(file, habit.mark)) (file.reached() ? reached : unreached).add(file, "");
    }
    for (const bool first : {true, false}) {
      const Suspects& suspects = first ? reached : unreached;
      if (suspects.empty()) continue;
      findings.push_back(suspects.finding(code::kPageSizeIncompatible,
                                          first ? habit.reached : habit.unreached, habit.single,
                                          habit.many));
      Finding& finding = findings.back();
      if (!finding.evidence.empty()) finding.evidence += "; ";
      finding.evidence += "this host's pages have " + pages_of(scene.input.host.page_size);
      finding.remedy = habit.remedy;
    }
  }
  return findings;
}

}  // namespace nodeproof::inspect
