// Instructions of AArch64 extensions, as the scan of the code found them, beside this processor's
// HWCAPs. Only LSE atomics without any other way are decided here; everything else may be chosen
// while the program runs, in ways that a scan does not see.
#include <algorithm>
#include <array>
#include <charconv>

#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::string_view kAtomics = "atomics";
constexpr std::string_view kRebuild =
    "Rebuild it for plain ARMv8.0 (no -mcpu=native, no -march=armv8.1-a or later; "
    "-moutline-atomics "
    "for atomics), or require the image only on nodes that have the extension.";

std::string hex(std::uint64_t value) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return "0x" + std::string(digits.data(), end);
}

std::string shown(const elf::ExtensionUse& use) {
  return std::to_string(use.unguarded) + " instructions of " + printable(use.hwcap) +
         " without a guard, the first " + hex(use.word) + " at " + hex(use.address);
}

bool is_arm64_code(const SurveyedFile& file) {
  return file.elf().header.machine == elf::kMachineAArch64 && file.node.code() != nullptr;
}

// GCC's own, whose variants with LSE are chosen by ifunc: the one library in wide use that a scan
// takes for unguarded.
bool is_libatomic(const SurveyedFile& file) {
  return file.elf().soname.starts_with("libatomic.so.");
}

const elf::ExtensionUse* unguarded_atomics(const SurveyedFile& file) {
  if (!is_arm64_code(file) || is_libatomic(file)) return nullptr;
  for (const elf::ExtensionUse& use : file.node.code()->extensions) {
    if (use.hwcap == kAtomics && use.unguarded > 0) return &use;
  }
  return nullptr;
}

bool has_other_way(const SurveyedFile& file, const elf::ExtensionUse& use) {
  return use.guarded > 0 || file.node.code()->ifunc;
}

// GCC's unwinder (libgcc) asks for the length of vectors where a frame holds SVE registers, and
// nowhere else; it is in libgcc_s and in what is linked with it.
bool is_unwinder(const elf::ExtensionUse& use) {
  constexpr std::uint32_t kCntMask = 0xFF30FC00, kCnt = 0x0420E000;  // CNTB to CNTD
  constexpr std::uint32_t kFew = 16;
  return use.hwcap == "sve" && use.unguarded <= kFew && (use.word & kCntMask) == kCnt;
}

// glibc's vector functions for SVE, which only code for SVE calls.
bool is_for_callers(const SurveyedFile& file, const elf::ExtensionUse& use) {
  return use.hwcap == "sve" && file.elf().soname.starts_with("libmvec.so.");
}

// Made for one level of processor, and chosen by name: glibc's hwcap folder, llama.cpp's back ends.
bool is_variant(const SurveyedFile& file) {
  return file.path.contains("/atomics/") || file.path.contains("armv8.") ||
         file.path.contains("armv9");
}

// A static program without symbols shows no sign of asking, whether it asks or not.
bool shows_signs(const SurveyedFile& file) { return file.elf().dynamic; }

// Go looks at the auxiliary vector by itself.
bool may_ask(const SurveyedFile& file) {
  const elf::CodeFacts& code = *file.node.code();
  return code.asks_processor || code.ifunc || file.has(elf::Mark::go);
}

class Finder {
 public:
  explicit Finder(const Scene& scene) : scene_(scene) {}

  std::vector<Finding> take() {
    if (!has(kAtomics)) atomics();
    others();
    return std::move(findings_);
  }

 private:
  [[nodiscard]] bool has(std::string_view hwcap) const {
    const std::vector<std::string>& own = scene_.input.host.hwcaps;
    return std::ranges::find(own, hwcap) != own.end();
  }

  void atomics() {
    Suspects certain, doubtful, unreached;
    for (const SurveyedFile& file : scene_.survey.files) {
      const elf::ExtensionUse* use = unguarded_atomics(file);
      if (use == nullptr) continue;
      const bool other_way = has_other_way(file, *use);
      if (file.reached()) {
        (other_way ? doubtful : certain).add(file, shown(*use));
      } else if (!other_way && !is_variant(file)) {
        unreached.add(file, shown(*use));
      }
    }
    tell(certain, Severity::fail, "for ARMv8.1 atomics (LSE), which this processor lacks: SIGILL");
    tell(doubtful, Severity::warn,
         "for ARMv8.1 atomics (LSE), which this processor lacks, in some places");
    tell(unreached, Severity::warn, "for ARMv8.1 atomics (LSE), which this processor lacks");
  }

  void others() {
    Suspects reached, unreached;
    for (const SurveyedFile& file : scene_.survey.files) {
      if (!is_arm64_code(file) || may_ask(file)) continue;
      std::string why;
      for (const elf::ExtensionUse& use : file.node.code()->extensions) {
        if (use.hwcap == kAtomics || use.unguarded == 0 || has(use.hwcap)) continue;
        if (is_unwinder(use) || is_for_callers(file, use)) continue;
        why += (why.empty() ? "" : ", ") + shown(use);
      }
      if (!why.empty())
        (file.reached() && shows_signs(file) ? reached : unreached).add(file, std::move(why));
    }
    constexpr std::string_view kWhat =
        "for extensions that this processor lacks, and shows no sign of asking for them";
    tell(reached, Severity::warn, kWhat);
    tell(unreached, Severity::info, kWhat);
  }

  void tell(const Suspects& suspects, Severity severity, std::string_view what) {
    if (suspects.empty()) return;
    findings_.push_back(suspects.finding(code::kMissingIsaExtension, severity,
                                         "is compiled " + std::string(what),
                                         "are compiled " + std::string(what)));
    std::string own;
    for (const std::string& hwcap : scene_.input.host.hwcaps) own += " " + printable(hwcap);
    findings_.back().evidence += "; this processor has" + own;
    findings_.back().remedy = kRebuild;
  }

  const Scene& scene_;
  std::vector<Finding> findings_;
};

// What the processor has is not known: would it matter?
std::vector<Finding> not_known(const Scene& scene) {
  Suspects suspects;
  for (const SurveyedFile& file : scene.survey.files) {
    const elf::ExtensionUse* use = file.reached() ? unguarded_atomics(file) : nullptr;
    if (use != nullptr && !has_other_way(file, *use)) suspects.add(file, shown(*use));
  }
  if (suspects.empty()) return {};
  constexpr std::string_view kWhat =
      "compiled for ARMv8.1 atomics (LSE), and whether this processor has them is not known";
  Finding finding = suspects.finding(code::kMissingIsaExtension, Severity::unknown,
                                     "is " + std::string(kWhat), "are " + std::string(kWhat));
  finding.remedy = "Take the host's facts anew (nodeproof host -o json), or declare a smoke test.";
  return {finding};
}

}  // namespace

std::vector<Finding> isa_findings(const Scene& scene) {
  if (!is_arm64(scene.input.host)) return {};
  return scene.input.host.hwcaps.empty() ? not_known(scene) : Finder(scene).take();
}

}  // namespace nodeproof::inspect
