// Symbol versions: what programs and libraries of a start need of each other, as glibc compares it
// before it runs any code (elf/dl-version.c). musl compares nothing.
#include <algorithm>
#include <map>
#include <set>

#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"
#include "agent/inspect/paths.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::size_t kShown = 6;
constexpr std::size_t kMaxSearches = 64;  // over all names of the image
constexpr std::size_t kMaxVersions = 64;  // looked for in other files; a hostile image names many

// What one library lacks.
struct Lack {
  Found provider;
  std::set<std::string> versions;
  std::set<std::string> requesters;  // paths with "/"
  std::string elsewhere;             // another file of that name that has them; "" = there is none
};

bool defines(const elf::Facts& facts, const std::string& version) {
  return std::ranges::find(facts.versions_defined, version) != facts.versions_defined.end();
}

bool is_whole(const Node& node) {
  return node.elf() != nullptr && node.entry->facts->problem.empty();
}

std::string joined(const std::set<std::string>& words) {
  std::string text;
  std::size_t count = 0;
  for (const std::string& word : words) {
    if (++count > kShown) return text + " and " + std::to_string(words.size() - kShown) + " more";
    text += (text.empty() ? "" : ", ") + printable(word);
  }
  return text;
}

class Comparer {
 public:
  explicit Comparer(const Scene& scene) : scene_(scene) {}

  void look(const Program& program) {
    if (program.loader_kind != LoaderKind::glibc || !program.loader) return;
    compare(program, "/" + program.path, program.node);
    for (const LoadedLibrary& library : program.libraries) {
      compare(program, "/" + library.found.path, library.found.node);
    }
  }

  std::vector<Finding> take() {
    std::vector<Finding> findings;
    findings.reserve(lacks_.size());
    for (const auto& [path, lack] : lacks_) findings.push_back(finding_of(lack));
    return findings;
  }

 private:
  void compare(const Program& program, const std::string& requester, const Node& node) {
    if (!is_whole(node)) return;
    for (const elf::VersionsNeeded& needed : node.elf()->versions_needed) {
      const auto provider = provider_of(program, needed.library);
      if (!provider || !is_whole(provider->node)) continue;
      const std::vector<std::string>& defined = provider->node.elf()->versions_defined;
      if (defined.empty()) continue;  // glibc lets that pass
      const auto& offered = offered_by(provider->path, defined);
      for (const std::string& version : needed.versions) {
        if (!offered.contains(version)) add(*provider, needed.library, version, requester);
      }
    }
  }

  // Made once for each library, however many ask it.
  const std::set<std::string_view>& offered_by(const std::string& path,
                                               const std::vector<std::string>& defined) {
    const auto [entry, fresh] = offered_.try_emplace(path);
    if (fresh) entry->second.insert(defined.begin(), defined.end());
    return entry->second;
  }

  // The object that is in the process under that name.
  static std::optional<Found> provider_of(const Program& program, const std::string& name) {
    for (const LoadedLibrary& library : program.libraries) {
      if (library.names.contains(name)) return library.found;
    }
    const elf::Facts* loader = program.loader->node.elf();
    if (loader != nullptr && (loader->soname == name || name_of(program.loader->path) == name ||
                              name_of(program.interpreter) == name)) {
      return program.loader;
    }
    return std::nullopt;
  }

  void add(const Found& provider, const std::string& name, const std::string& version,
           const std::string& requester) {
    Lack& lack = lacks_.try_emplace(provider.path, Lack{provider, {}, {}, {}}).first->second;
    lack.requesters.insert(requester);
    if (lack.versions.size() == kMaxVersions) return;
    if (!lack.versions.insert(version).second || !lack.elsewhere.empty()) return;
    if (++searches_ > kMaxSearches) return;
    for (const auto& [path, node] : scene_.view.nodes()) {
      if (name_of(path) != name) continue;
      const auto found = scene_.view.find(path);
      if (!found || found->path == provider.path || !is_whole(found->node)) continue;
      if (!same_machine(found->node.elf()->header, provider.node.elf()->header)) continue;
      if (!defines(*found->node.elf(), version)) continue;
      lack.elsewhere = "/" + printable(path);
      return;
    }
  }

  // Which of several libraries of one name is taken says the loader's cache, which is not read.
  [[nodiscard]] Finding finding_of(const Lack& lack) const {
    Finding finding;
    finding.code = code::kSymbolVersionMissing;
    finding.severity = !lack.elsewhere.empty() ? Severity::warn
                       : scene_.complete       ? Severity::fail
                                               : Severity::unknown;
    finding.subject = "/" + printable(lack.provider.path);
    finding.layer = lack.provider.node.layer->layer.str();
    finding.message = joined(lack.versions) + " not found in " + finding.subject +
                      ", required by " + joined(lack.requesters);
    finding.evidence = "it does not define " + joined(lack.versions);
    if (lack.elsewhere.empty()) {
      finding.remedy =
          "Build against the C library and compiler runtime that the image has, or take a newer "
          "base image.";
    } else {
      finding.evidence += "; " + lack.elsewhere + " does";
      finding.remedy =
          "Put the directory of the newer library first in /etc/ld.so.conf.d and run ldconfig, or "
          "take the older one out.";
    }
    return finding;
  }

  const Scene& scene_;
  std::map<std::string, Lack> lacks_;  // by the provider's path
  std::map<std::string, std::set<std::string_view>> offered_;
  std::size_t searches_ = 0;
};

}  // namespace

std::vector<Finding> version_findings(const Scene& scene) {
  Comparer comparer(scene);
  for (const Program& program : scene.reached.programs) comparer.look(program);
  return comparer.take();
}

}  // namespace nodeproof::inspect
