#include "agent/inspect/library_closure.hpp"

#include <algorithm>
#include <array>

#include "agent/inspect/paths.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

// Far beyond any real program; a hostile image must not keep us busy.
constexpr std::size_t kMaxObjects = 4096;
constexpr std::size_t kMaxLookups = 100'000;
constexpr std::size_t kMaxProblems = 64;

// Mounted into the container by nvidia-container-runtime (CDI and CSV mode) and its like; never
// part of an image.
bool is_injected(std::string_view name) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"libcuda.so", "libnvidia-", "libnvcuvid.so", "libnvoptix.so", "libnvrm", "libnvos",
       "libnvbuf", "libnvmedia", "libnvscibuf", "libnvscisync", "libnvdla", "libcudadebugger.so",
       "libvdpau_nvidia", "libGLX_nvidia", "libEGL_nvidia", "libtegra"});
  return std::ranges::any_of(kNames,
                             [&](std::string_view known) { return name.starts_with(known); });
}

}  // namespace

LibraryClosure::LibraryClosure(const MergedView& view, const Found& program, const Found& loader,
                               LoaderSetting setting)
    : view_(view),
      machine_(program.node.elf()->header),
      search_(view, {.program = machine_,
                     .loader_path = loader.path,
                     .interpreter = program.node.elf()->interpreter,
                     .ld_library_path = std::move(setting.ld_library_path),
                     .isa_level = std::move(setting.isa_level)}) {
  names_.emplace(name_of(loader.path));
  names_.emplace(name_of(program.node.elf()->interpreter));
  if (loader.node.elf() != nullptr && !loader.node.elf()->soname.empty()) {
    names_.insert(loader.node.elf()->soname);
  }
  objects_.push_back({program.path, program.path, program.node.elf(), std::nullopt});
  preload(setting.ld_preload);
  for (std::size_t at = 0; at < objects_.size() && at < kMaxObjects; ++at) load_needed(at);
  if (objects_.size() > kMaxObjects) {
    problem(Obstacle::unknown, "/" + printable(program.path), 0, {"it needs too many libraries"});
  }
}

// What cannot be preloaded costs a message and no more (ld.so(8), LD_PRELOAD).
void LibraryClosure::preload(std::string_view names) {
  for (const std::string_view name : split(names, " :")) {
    for (const std::string& place : places(std::string(name), 0)) {
      if (++lookups_ > kMaxLookups) return;
      auto found = view_.find(place);
      const elf::Facts* facts = found && found->is_file() ? found->node.elf() : nullptr;
      if (facts == nullptr || !same_machine(facts->header, machine_)) continue;
      accept({*std::move(found), place}, std::string(name), 0);
      break;
    }
  }
}

void LibraryClosure::problem(Obstacle obstacle, std::string subject, std::size_t requester,
                             Evidence evidence) {
  const LayerInventory* layer = evidence.node.layer;
  problems_.push_back({obstacle, std::move(subject), layer == nullptr ? "" : layer->layer.str(),
                       "/" + printable(objects_[requester].path), std::move(evidence.detail)});
}

void LibraryClosure::load_needed(std::size_t requester) {
  for (const std::string& name : objects_[requester].facts->needed) {
    if (name.empty() || search_.is_built_in(name) || !names_.insert(name).second) continue;
    load(name, requester);
  }
}

std::vector<std::string> LibraryClosure::places(const std::string& name,
                                                std::size_t requester) const {
  if (name.find('/') != std::string::npos) return search_.expand(name, objects_[requester]);
  const std::vector<std::string> paths = search_.directories(objects_, requester);
  std::vector<std::string> files;
  files.reserve(paths.size());
  for (const std::string& path : paths) {
    for (const std::string& variant : search_.variants()) {
      files.push_back(join(path, join(variant, name)));
    }
    files.push_back(path + "/" + name);
  }
  return files;
}

// glibc passes over files for another machine, musl and we remember them; a file that is no ELF at
// all is passed over.
void LibraryClosure::load(const std::string& name, std::size_t requester) {
  if (lookups_ > kMaxLookups || problems_.size() > kMaxProblems) return;
  if (problems_.size() == kMaxProblems) {
    return problem(Obstacle::unknown, printable(name), requester, {"too many problems before it"});
  }
  std::optional<Found> foreign;
  std::optional<Found> empty;
  for (const std::string& place : places(name, requester)) {
    if (lookups_ > kMaxLookups || problems_.size() > kMaxProblems) return;
    if (++lookups_ > kMaxLookups) {
      return problem(Obstacle::unknown, printable(name), requester, {"too many places to look"});
    }
    auto found = view_.find(place);
    if (!found || !found->is_file()) continue;
    if (found->node.size() == 0) empty = found;
    const elf::Facts* facts = found->node.elf();
    if (facts == nullptr) continue;
    if (same_machine(facts->header, machine_)) return accept({*found, place}, name, requester);
    if (!foreign) foreign = std::move(found);
  }
  if (empty) {
    problem(Obstacle::empty, "/" + printable(empty->path), requester,
            {"size 0 in its layer", empty->node});
  } else if (foreign) {
    problem(Obstacle::library_foreign, "/" + printable(foreign->path), requester,
            {elf::describe(foreign->node.elf()->header), foreign->node});
  } else {
    missing(name, requester);
  }
}

void LibraryClosure::accept(const Candidate& candidate, const std::string& name,
                            std::size_t requester) {
  const auto same = [&](const LoadedLibrary& library) {
    return library.found.path == candidate.found.path;
  };
  if (const auto known = std::ranges::find_if(libraries_, same); known != libraries_.end()) {
    known->names.insert(name);
    return;
  }
  if (objects_.front().path == candidate.found.path) return;
  const FileFacts& facts = *candidate.found.node.entry->facts;
  if (!facts.elf->soname.empty()) names_.insert(facts.elf->soname);
  if (!facts.problem.empty()) {
    problem(Obstacle::unknown, "/" + printable(candidate.found.path), requester,
            {printable(name) + ": " + facts.problem, candidate.found.node});
  }
  libraries_.push_back({candidate.found, "/" + printable(objects_[requester].path), {name}});
  if (!facts.elf->soname.empty()) libraries_.back().names.insert(facts.elf->soname);
  objects_.push_back({candidate.found.path, candidate.as_found, &*facts.elf, requester});
}

void LibraryClosure::missing(const std::string& name, std::size_t requester) {
  const std::string wanted =
      "DT_NEEDED " + printable(name) + " of /" + printable(objects_[requester].path);
  if (is_injected(name_of(name))) {
    return problem(Obstacle::library_injected, printable(name), requester, {wanted});
  }
  const std::string_view base = name_of(name);
  for (const auto& [path, node] : view_.nodes()) {
    if (name_of(path) != base) continue;
    const auto found = view_.find(path);
    if (!found || found->node.elf() == nullptr) continue;
    if (!same_machine(found->node.elf()->header, machine_)) continue;
    return problem(Obstacle::library_elsewhere, printable(name), requester,
                   {wanted + "; the image has /" + printable(path), found->node});
  }
  if (search_.kind() == LoaderKind::other) {
    return problem(Obstacle::library_elsewhere, printable(name), requester,
                   {wanted + "; the rules of its loader are not known"});
  }
  problem(Obstacle::library_missing, printable(name), requester, {wanted});
}

}  // namespace nodeproof::inspect
