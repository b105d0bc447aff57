#include "agent/inspect/survey.hpp"

#include <algorithm>
#include <map>

#include "agent/inspect/census.hpp"
#include "agent/inspect/fit.hpp"
#include "agent/inspect/paths.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::size_t kShownFiles = 6;

bool marked(const Node& node, elf::Mark mark) {
  const elf::CodeFacts* code = node.code();
  return code != nullptr && std::ranges::find(code->marks, mark) != code->marks.end();
}

Mapper mapper_of(const Program& program) {
  switch (program.loader_kind) {
    case LoaderKind::glibc:
      return program.loader && marked(program.loader->node, elf::Mark::aligned_loader)
                 ? Mapper::aligned_glibc
                 : Mapper::glibc;
    case LoaderKind::musl:
      return Mapper::musl;
    case LoaderKind::other:
      break;
  }
  return Mapper::other;
}

// Debug symbols have the program headers of the file they were split from, and not its bytes.
bool is_debug_file(std::string_view path) {
  return path.ends_with(".debug") || path.starts_with("usr/lib/debug/");
}

class Surveyor {
 public:
  Surveyor(const HostFacts& host, const Reachability& reached) : host_(host), reached_(reached) {
    for (const Program& program : reached.programs) {
      if (!program.loader) continue;
      for (const LoadedLibrary& library : program.libraries) {
        mappers_.try_emplace(library.found.path, mapper_of(program));
      }
      if (!usual_) usual_ = mapper_of(program);
    }
  }

  Survey take(const MergedView& view) {
    for (const Reached& file : reached_.files) {
      seen_.insert(file.path);
      if (!is_whole(file.node)) continue;
      const auto mapper = mappers_.find(file.path);
      survey_.files.push_back({.path = file.path,
                               .node = file.node,
                               .role = file.role,
                               .mapper = mapper == mappers_.end() ? Mapper::kernel : mapper->second,
                               .via = file.via});
    }
    for (const auto& [path, node] : view.nodes()) {
      if (node.elf() != nullptr) look(std::string(path), node);
    }
    return std::move(survey_);
  }

 private:
  // Files that are hard to tell from what they are not are left out.
  void look(const std::string& path, const Node& node) {
    if (node.type() != EntryType::file || !is_whole(node) || seen_.contains(path)) return;
    const elf::Facts& facts = *node.elf();
    if (!is_linux_program(path, facts.header) || is_debug_file(path)) return;
    const bool program = !facts.interpreter.empty() || facts.header.type == elf::kTypeExecutable;
    survey_.files.push_back({.path = path,
                             .node = node,
                             .role = program ? Role::program : Role::library,
                             .mapper = program ? Mapper::kernel : usual_.value_or(Mapper::glibc),
                             .via = {}});
  }

  [[nodiscard]] bool is_whole(const Node& node) const {
    if (node.elf() == nullptr || !node.entry->facts->problem.empty()) return false;
    const Fit fits = fit(host_, node.elf()->header);
    return fits == Fit::native || fits == Fit::compatible;
  }

  const HostFacts& host_;
  const Reachability& reached_;
  std::map<std::string, Mapper, std::less<>> mappers_;  // of libraries
  std::optional<Mapper> usual_;  // of libraries that nothing is known to load
  std::set<std::string, std::less<>> seen_;
  Survey survey_;
};

}  // namespace

bool SurveyedFile::has(elf::Mark mark) const { return marked(node, mark); }

Survey take_survey(const InspectInput& input, const MergedView& view, const Reachability& reached) {
  return Surveyor(input.host, reached).take(view);
}

void Suspects::add(const SurveyedFile& file, std::string why) {
  ++count_;
  if (files_.size() < kShownFiles) files_.push_back({file, std::move(why)});
}

Finding Suspects::finding(std::string_view code, Severity severity, std::string_view single,
                          std::string_view many) const {
  Finding finding;
  finding.code = code;
  finding.severity = severity;
  const SurveyedFile& first = files_.front().file;
  finding.subject = "/" + printable(first.path);
  finding.layer = first.node.layer->layer.str();
  if (count_ == 1) {
    finding.message =
        finding.subject +
        (first.reached() ? ", needed by " + first.via + ", " : ", which no known start needs, ") +
        std::string(single);
    finding.evidence = files_.front().why;
    return finding;
  }
  finding.message = std::to_string(count_) + " files" +
                    (first.reached() ? " that a start needs " : " that no known start needs ") +
                    std::string(many);
  for (const auto& [file, why] : files_) {
    finding.evidence += (finding.evidence.empty() ? "" : ", ") + ("/" + printable(file.path));
    if (!why.empty()) finding.evidence += " (" + why + ")";
  }
  if (count_ > files_.size()) {
    finding.evidence += " and " + std::to_string(count_ - files_.size()) + " more";
  }
  return finding;
}

bool is_arm64(const HostFacts& host) { return normalize(host.platform).architecture == "arm64"; }

}  // namespace nodeproof::inspect
