#include <algorithm>

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

}  // namespace

std::vector<Finding> platform_findings(const Scene& scene) {
  const Labels labels = labels_of(scene.input.image);
  const Platform& label = labels.entry.architecture.empty() ? labels.config : labels.entry;
  const elf::Header* program = program_of(scene.reached);
  const auto contradicts = [&](const Platform& platform) {
    return program != nullptr && !platform.architecture.empty() &&
           elf::oci_architecture(*program) != platform.architecture;
  };
  std::vector<Finding> findings;
  if (contradicts(labels.entry) || contradicts(labels.config)) {
    const Fit fits = fit(scene.input.host, *program);
    const bool runs = fits == Fit::native || fits == Fit::compatible ||
                      (scene.input.emulation != Emulation::refuse &&
                       emulator(scene.input.host, scene.view, *program));
    findings.push_back(mismatch(scene, labels, runs ? Severity::warn : Severity::fail,
                                "The image is labelled " + printable(to_string(label)) +
                                    ", but its program is built for " +
                                    elf::machine_name(program->machine)));
    return findings;
  }
  if (disagree(labels.entry, labels.config)) {
    findings.push_back(mismatch(scene, labels, Severity::warn,
                                "Index entry and image config name different platforms"));
  }
  const std::string most = majority(scene.census);
  if (!most.empty() && !label.architecture.empty() && most != label.architecture) {
    findings.push_back(mismatch(scene, labels, Severity::warn,
                                "The image is labelled " + printable(to_string(label)) +
                                    ", but most of its files are built for " + most));
  }
  return findings;
}

}  // namespace nodeproof::inspect
