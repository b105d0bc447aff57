// GNU_PROPERTY_X86_ISA_1_NEEDED against this processor's level (x86-64 psABI, "Micro-Architecture
// Levels"). glibc refuses such programs and libraries from 2.33 on (sysdeps/x86/dl-prop.h).
#include <algorithm>
#include <array>

#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::string_view kRebuild =
    "Take an image built for a lower x86-64 level, or require it only on nodes with newer "
    "processors.";

// Bits of all levels up to the one named; nothing = not known.
std::optional<std::uint32_t> bits_of(std::string_view level) {
  constexpr auto kLevels =
      std::to_array<std::string_view>({"x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4"});
  const auto found = std::ranges::find(kLevels, level);
  if (found == kLevels.end()) return std::nullopt;
  return (2U << static_cast<unsigned>(found - kLevels.begin())) - 1;
}

std::string level_of(std::uint32_t bits) {
  if ((bits & elf::kX86V4) != 0) return "x86-64-v4";
  if ((bits & elf::kX86V3) != 0) return "x86-64-v3";
  return "x86-64-v2";
}

std::uint32_t levels_above_baseline(const SurveyedFile& file) {
  if (file.elf().header.machine != elf::kMachineX86_64) return 0;
  return file.elf().x86_needed & (elf::kX86V2 | elf::kX86V3 | elf::kX86V4);
}

// Kept beside a plain one, for a loader that chooses: glibc-hwcaps/x86-64-v3/, haswell/.
bool is_variant(std::string_view path) {
  return path.contains("/glibc-hwcaps/") || path.contains("/x86-64-v") ||
         path.contains("/haswell/") || path.contains("/avx");
}

// A C library of 2.33 or later, by the symbol version it brought.
bool is_checked(const Program& program) {
  if (program.loader_kind != LoaderKind::glibc) return false;
  return std::ranges::any_of(program.libraries, [](const LoadedLibrary& library) {
    const std::vector<std::string>& versions = library.found.node.elf()->versions_defined;
    return library.names.contains("libc.so.6") &&
           std::ranges::find(versions, "GLIBC_2.33") != versions.end();
  });
}

bool is_part_of(const Program& program, std::string_view path) {
  if (program.path == path || (program.loader && program.loader->path == path)) return true;
  return std::ranges::any_of(
      program.libraries, [&](const LoadedLibrary& library) { return library.found.path == path; });
}

bool is_refused(const Scene& scene, const SurveyedFile& file) {
  return std::ranges::any_of(scene.reached.programs, [&](const Program& program) {
    return is_checked(program) && is_part_of(program, file.path);
  });
}

class Finder {
 public:
  explicit Finder(const Scene& scene) : scene_(scene), own_(bits_of(scene.input.host.isa_level)) {}

  std::vector<Finding> take() {
    for (const SurveyedFile& file : scene_.survey.files) look(file);
    tell(refused_, Severity::fail, ": the C library says \"CPU ISA level is lower than required\"");
    tell(doubtful_, Severity::warn, "");
    tell(unreached_, Severity::warn, "");
    tell(not_known_, Severity::unknown, ", and this processor's level is not known");
    return std::move(findings_);
  }

 private:
  void look(const SurveyedFile& file) {
    const std::uint32_t needed = levels_above_baseline(file);
    if (needed == 0 || (own_ && (needed & ~*own_) == 0)) return;
    const std::string why = "GNU_PROPERTY_X86_ISA_1_NEEDED says " + level_of(needed);
    if (!file.reached()) {
      if (own_ && !is_variant(file.path)) unreached_.add(file, why);
    } else if (!own_) {
      not_known_.add(file, why);
    } else {
      (is_refused(scene_, file) ? refused_ : doubtful_).add(file, why);
    }
  }

  void tell(const Suspects& suspects, Severity severity, std::string_view consequence) {
    if (suspects.empty()) return;
    const std::string what = " built for newer processors" + std::string(consequence);
    findings_.push_back(
        suspects.finding(code::kMissingIsaExtension, severity, "is" + what, "are" + what));
    const std::string& level = scene_.input.host.isa_level;
    if (own_) findings_.back().evidence += "; this processor is " + printable(level);
    findings_.back().remedy = kRebuild;
  }

  const Scene& scene_;
  std::optional<std::uint32_t> own_;
  Suspects refused_, doubtful_, unreached_, not_known_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> x86_level_findings(const Scene& scene) {
  if (normalize(scene.input.host.platform).architecture != "amd64") return {};
  return Finder(scene).take();
}

}  // namespace nodeproof::inspect
