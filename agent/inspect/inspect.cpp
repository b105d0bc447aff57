#include "agent/inspect/inspect.hpp"

#include <algorithm>
#include <iterator>

#include "agent/inspect/findings.hpp"
#include "agent/inspect/jetson_findings.hpp"

namespace nodeproof::inspect {

namespace {

std::vector<Start> starts_of(const InspectInput& input) {
  const ImageConfig& config = input.image.config;
  std::vector<Start> starts;
  const std::vector<std::string>& words =
      config.entrypoint.empty() ? config.cmd : config.entrypoint;
  if (!words.empty()) starts.push_back({"entrypoint", words[0], config.env, config.working_dir});
  for (const SmokeTest& test : input.tests) {
    if (test.args.empty()) continue;
    Start start{"smoke test \"" + test.name + "\"", test.args[0], config.env,
                test.cwd.empty() ? config.working_dir : test.cwd};
    start.env.insert(start.env.end(), test.env.begin(), test.env.end());
    starts.push_back(std::move(start));
  }
  return starts;
}

bool is_complete(const std::vector<LayerInventory>& inventories) {
  return std::ranges::none_of(inventories, [](const LayerInventory& inventory) {
    return inventory.problem || inventory.refused > 0;
  });
}

// What must be on the disk as the layers have it. Links are followed already; a hard link's content
// is its target's.
std::vector<NeededFile> needed_files(const Reachability& reached) {
  std::vector<NeededFile> files;
  files.reserve(reached.files.size());
  for (const Reached& file : reached.files) {
    files.push_back({.path = "/" + file.path, .size = file.node.size(), .hash = hex_of(file.node)});
  }
  return files;
}

VolumeOwners volume_owners(const ImageConfig& config, const MergedView& view) {
  VolumeOwners owners;
  for (std::string path : config.volumes) {
    if (path.size() > 1 && path.ends_with('/')) path.pop_back();
    const auto found = view.find(path);
    if (!found || found->node.entry == nullptr) continue;
    const LayerEntry& entry = found->node.entry->entry;
    owners[path] = {entry.uid, entry.gid};
  }
  return owners;
}

void append(std::vector<Finding>& to, std::vector<Finding> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

InspectResult inspect(const InspectInput& input) {
  const MergedView view(input.inventories);
  const std::vector<Start> starts = starts_of(input);
  const Reachability reached = reach(view, starts, input.host.isa_level);
  const Census census = take_census(input.host, view, reached);
  const Survey survey = take_survey(input, view, reached);
  const Scene scene{.input = input,
                    .view = view,
                    .reached = reached,
                    .census = census,
                    .survey = survey,
                    .complete = is_complete(input.inventories) && view.complete()};
  InspectResult result;
  append(result.findings, layer_findings(input));
  if (!view.complete()) result.findings.push_back(too_many_directories(input));
  append(result.findings, platform_findings(scene));
  append(result.findings, program_findings(scene));
  append(result.findings, start_findings(scene));
  append(result.findings, arm_findings(scene));
  append(result.findings, page_size_findings(scene));
  append(result.findings, page_habit_findings(scene));
  append(result.findings, isa_findings(scene));
  append(result.findings, x86_level_findings(scene));
  append(result.findings, version_findings(scene));
  append(result.findings, libc_findings(scene));
  append(result.findings, address_space_findings(scene));
  append(result.findings, census_findings(scene));
  append(result.findings, archive_findings(scene));
  append(result.findings, jetson_findings(input));
  result.files = needed_files(reached);
  result.volumes = volume_owners(input.image.config, view);
  if (!starts.empty() && reached.first) {
    const Program& program = reached.programs[*reached.first];
    result.program = "/" + program.path;
    result.loader = program.interpreter;
    result.entrypoint_static = program.known && program.interpreter.empty();
  }
  return result;
}

}  // namespace nodeproof::inspect
