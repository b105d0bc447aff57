#include <algorithm>
#include <optional>

#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

// Below this many files "most" says little.
constexpr std::size_t kEnoughFiles = 4;

struct Labels {
  Platform entry;   // of the index; architecture "" = there is none
  Platform config;  // architecture "" = not given
};

Labels labels_of(const ResolvedImage& image) {
  Labels labels;
  if (image.manifest.platform) labels.entry = normalize(*image.manifest.platform);
  labels.config = normalize(image.config.platform);
  return labels;
}

// 32-bit Arm is several architectures; elsewhere a variant is a level that the other label may
// leave out.
bool disagree(const Platform& a, const Platform& b) {
  if (a.architecture.empty() || b.architecture.empty()) return false;
  if (a.os != b.os || a.architecture != b.architecture) return true;
  return a.architecture == "arm" && a.variant != b.variant;
}

const elf::Header* program_of(const Reachability& reached) {
  return reached.first ? &reached.programs[*reached.first].node.elf()->header : nullptr;
}

// The architecture of more than half of the image's programs and libraries.
std::string majority(const Census& census) {
  std::size_t all = 0;
  for (const auto& [architecture, count] : census.files) all += count;
  for (const auto& [architecture, count] : census.files) {
    if (all >= kEnoughFiles && count * 2 > all) return architecture;
  }
  return {};
}

std::string evidence_of(const Scene& scene, const Labels& labels) {
  const auto label = [](const Platform& platform) {
    return platform.architecture.empty() ? "nothing" : printable(to_string(platform));
  };
  std::string text = "index entry: " + label(labels.entry) + "; config: " + label(labels.config);
  if (const elf::Header* program = program_of(scene.reached)) {
    text += "; program /" + printable(scene.reached.programs[*scene.reached.first].path) + ": " +
            elf::describe(*program);
  }
  const auto most = std::ranges::max_element(scene.census.files, {},
                                             [](const auto& entry) { return entry.second; });
  if (most != scene.census.files.end()) {
    text += "; " + std::to_string(most->second) + " ELF files for " + most->first;
  }
  return text;
}

Finding mismatch(const Scene& scene, const Labels& labels, Severity severity, std::string message) {
  Finding finding;
  finding.code = code::kPlatformMismatch;
  finding.severity = severity;
  finding.subject = scene.input.image.manifest.digest.str();
  finding.message = std::move(message);
  finding.evidence = evidence_of(scene, labels);
  finding.remedy =
      "Rebuild the image so that its index entry, its config and its programs name one platform.";
  return finding;
}

// What the program says about the labels. A foreign program is a finding of its own and fails
// there; only when the rest of the image is like it are the labels at fault, too.
std::optional<Severity> contradiction(const Scene& scene, const Labels& labels,
                                      const std::string& most) {
  const elf::Header* program = program_of(scene.reached);
  if (program == nullptr) return std::nullopt;
  const std::string own = elf::oci_architecture(*program);
  const auto differs = [&](const Platform& label) {
    return !label.architecture.empty() && label.architecture != own;
  };
  if (!differs(labels.entry) && !differs(labels.config)) return std::nullopt;
  switch (fit(scene.input.host, *program)) {
    case Fit::native:
      return Severity::fail;
    case Fit::compatible:
      return Severity::warn;
    case Fit::foreign:
    case Fit::other:
      break;
  }
  if (!most.empty() && most != own) return std::nullopt;
  return Severity::info;
}

}  // namespace

std::vector<Finding> platform_findings(const Scene& scene) {
  const Labels labels = labels_of(scene.input.image);
  const Platform& label = labels.entry.architecture.empty() ? labels.config : labels.entry;
  const std::string most = majority(scene.census);
  const std::string labelled = "The image is labelled " + printable(to_string(label));
  std::vector<Finding> findings;
  if (const auto severity = contradiction(scene, labels, most)) {
    const bool agree = !disagree(labels.entry, labels.config);
    const std::string machine = elf::machine_name(program_of(scene.reached)->machine);
    findings.push_back(mismatch(scene, labels, *severity,
                                (agree ? labelled : "Index entry and image config disagree") +
                                    "; its program is built for " + machine));
    return findings;
  }
  if (disagree(labels.entry, labels.config)) {
    findings.push_back(mismatch(scene, labels, Severity::warn,
                                "Index entry and image config name different platforms"));
  }
  if (!most.empty() && !label.architecture.empty() && most != label.architecture) {
    findings.push_back(mismatch(scene, labels, Severity::warn,
                                labelled + ", but most of its files are built for " + most));
  }
  return findings;
}

}  // namespace nodeproof::inspect
