// Java, Python and Electron pack a library once per machine and choose one when they run: what is
// wrong is only a library that is there for other machines and not for this one.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "agent/inspect/fit.hpp"
#include "agent/inspect/paths.hpp"
#include "common/arch_words.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {
namespace {

constexpr std::size_t kShown = 3;
constexpr std::size_t kMostFindings = 16;

// "librocksdbjni-linux64.so" and "librocksdbjni-linux-aarch64.so" are one library, so are
// "linux/x64/bin/node" and "linux/arm64/bin/node". A C library makes another one.
std::string library_of(std::string_view path) {
  std::string name(name_of(path));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view wide : {"linux64", "linux32"}) {
    if (const std::size_t at = name.find(wide); at != std::string::npos) name.erase(at + 5, 2);
  }
  std::string key;
  std::string_view rest = name = without_architecture(name);
  while (!rest.empty()) {
    if (rest.starts_with("ARCH")) {
      rest.remove_prefix(4);
      continue;
    }
    if (std::isalnum(static_cast<unsigned char>(rest.front())) != 0) key += rest.front();
    rest.remove_prefix(1);
  }
  return key;
}

class Libraries {
 public:
  explicit Libraries(const Scene& scene) : scene_(scene) {
    for (const auto& [path, node] : scene.view.nodes()) {
      if (node.entry == nullptr || !node.entry->facts) continue;
      if (const elf::Facts* facts = node.elf()) note(path, facts->header);
      for (const PackedProgram& packed : node.entry->facts->packed)
        note(packed.path, packed.header);
    }
  }

  // Is it there for a machine that this host's processor takes?
  [[nodiscard]] bool is_here(std::string_view path) const {
    return here_.contains(library_of(path));
  }

 private:
  void note(std::string_view path, const elf::Header& header) {
    const Fit fits = fit(scene_.input.host, header);
    if (fits == Fit::native || fits == Fit::compatible) here_.insert(library_of(path));
  }

  const Scene& scene_;
  std::set<std::string, std::less<>> here_;
};

struct Foreign {
  std::set<std::string> machines;
  std::set<std::string> libraries;
  std::vector<const PackedProgram*> first;
};

Foreign foreign_in(const Scene& scene, const FileFacts& facts, const Libraries& libraries) {
  Foreign foreign;
  for (const PackedProgram& packed : facts.packed) {
    const bool is_program =
        packed.header.type == elf::kTypeShared || packed.header.type == elf::kTypeExecutable;
    if (!is_program || fit(scene.input.host, packed.header) != Fit::foreign) continue;
    if (libraries.is_here(packed.path)) continue;
    foreign.machines.insert(elf::machine_name(packed.header.machine));
    if (foreign.libraries.insert(library_of(packed.path)).second && foreign.first.size() < kShown) {
      foreign.first.push_back(&packed);
    }
  }
  return foreign;
}

std::string listed(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// What its users will see.
std::string_view error_of(std::string_view archive) {
  if (archive.ends_with(".asar")) return " (ERR_DLOPEN_FAILED)";
  if (archive.ends_with(".whl")) return ", or pip says \"not a supported wheel on this platform\"";
  for (const std::string_view java : {".jar", ".war", ".ear", ".nar", ".hpi", ".jpi"}) {
    if (archive.ends_with(java)) return " (UnsatisfiedLinkError)";
  }
  return "";
}

Finding finding_of(const Scene& scene, const Found& archive, const Foreign& foreign) {
  const bool one = foreign.libraries.size() == 1;
  Finding finding;
  finding.code = code::kArchMismatch;
  finding.severity = Severity::warn;
  finding.subject = "/" + printable(archive.path);
  finding.layer = archive.node.layer->layer.str();
  finding.message = std::to_string(foreign.libraries.size()) +
                    (one ? " native program or library" : " native programs or libraries") +
                    " in it " + (one ? "is" : "are") + " built for " + listed(foreign.machines) +
                    " and not for " + host_platform(scene.input.host) + ": code that needs " +
                    (one ? "it" : "them") + " fails when it is loaded" +
                    std::string(error_of(archive.path));
  for (const PackedProgram* packed : foreign.first) {
    finding.evidence += (finding.evidence.empty() ? "" : ", ") + printable(packed->path) + " (" +
                        elf::machine_name(packed->header.machine) + ")";
  }
  if (foreign.libraries.size() > foreign.first.size()) finding.evidence += ", ...";
  finding.remedy = "Take a release of the library that brings " + host_platform(scene.input.host) +
                   ", or add its artifact for that platform; if nothing of it is used here, "
                   "accept the finding.";
  return finding;
}

// What may be in them is a guess either way, so that the verdict does not hang on it.
Finding not_looked_into(const std::vector<Found>& archives) {
  Finding finding;
  finding.code = code::kInspectionIncomplete;
  finding.severity = Severity::info;
  finding.subject = "/" + printable(archives.front().path);
  finding.layer = archives.front().node.layer->layer.str();
  finding.message = archives.size() == 1
                        ? "Not all of the archive was searched for programs and libraries"
                        : "Not all of " + std::to_string(archives.size()) +
                              " archives was searched for programs and libraries";
  for (std::size_t i = 0; i < archives.size() && i < kShown; ++i) {
    finding.evidence += (i == 0 ? "/" : ", /") + printable(archives[i].path) + ": " +
                        printable(archives[i].node.entry->facts->problem);
  }
  if (archives.size() > kShown) finding.evidence += ", ...";
  finding.remedy = "Nothing, unless it brings native code: then a smoke test that uses it tells.";
  return finding;
}

// The last one speaks of all that would follow.
void fold(std::vector<Finding>& findings) {
  const std::size_t more = findings.size() - kMostFindings;
  findings.resize(kMostFindings);
  findings.back().message += "; " + std::to_string(more) + " more archives are like it";
}

// An image that as a whole is for another machine has its findings already.
bool is_for_this_host(const Scene& scene) {
  if (!scene.reached.first) return true;
  const Node& program = scene.reached.programs[*scene.reached.first].node;
  return fit(scene.input.host, program.elf()->header) == Fit::native;
}

}  // namespace

std::vector<Finding> archive_findings(const Scene& scene) {
  std::vector<Finding> findings;
  if (!is_for_this_host(scene)) return findings;
  const Libraries libraries(scene);
  const std::string own = normalize(scene.input.host.platform).architecture;
  std::vector<Found> unread;
  for (const auto& [path, node] : scene.view.nodes()) {
    if (node.entry == nullptr || !node.entry->facts || !is_archive_name(path)) continue;
    const FileFacts& facts = *node.entry->facts;
    if (facts.elf) continue;
    if (!facts.problem.empty()) unread.push_back({std::string(path), node});
    const Foreign foreign = foreign_in(scene, facts, libraries);
    if (foreign.libraries.empty()) continue;
    const std::string architecture = elf::oci_architecture(foreign.first.front()->header);
    if (is_expected_place(scene.view, path, architecture, own)) continue;
    findings.push_back(finding_of(scene, {std::string(path), node}, foreign));
  }
  if (findings.size() > kMostFindings) fold(findings);
  if (!unread.empty()) findings.push_back(not_looked_into(unread));
  return findings;
}

}  // namespace nodeproof::inspect
