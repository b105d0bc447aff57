#include "agent/inspect/reachability.hpp"

#include <algorithm>
#include <utility>

#include "agent/inspect/library_closure.hpp"
#include "agent/inspect/paths.hpp"
#include "agent/inspect/script.hpp"
#include "common/text.hpp"

namespace nodeproof::inspect {

namespace {

constexpr int kMaxScripts = 4;                // linux/fs/exec.c: ELOOP beyond
constexpr std::size_t kMaxPath = 4096;        // PATH_MAX
constexpr std::size_t kMaxCandidates = 1024;  // of a PATH; far beyond any real one
// What runc and containerd put there when an image sets none.
constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string shown(std::string_view path) { return "/" + printable(path); }

class Walker {
 public:
  Walker(const MergedView& view, std::string isa_level)
      : view_(view), isa_level_(std::move(isa_level)) {}

  void start(const Start& start) {
    start_ = &start;
    const bool is_first = !std::exchange(started_, true);
    const auto command = look_up(start.command, start.what);
    if (!command) return;
    const auto program = execute(*command, start.what, 0);
    if (is_first) result_.first = program;
  }
  [[nodiscard]] Reachability take() { return std::move(result_); }

 private:
  using ProgramIndex = std::optional<std::size_t>;

  struct Evidence {
    std::string detail;
    Node node = {};  // of the file that is wrong
  };
  void problem(Obstacle obstacle, const std::string& subject, const std::string& via,
               Evidence evidence) {
    const LayerInventory* layer = evidence.node.layer;
    result_.problems.push_back({obstacle, subject, layer == nullptr ? "" : layer->layer.str(), via,
                                std::move(evidence.detail)});
  }

  // execvp(3) as runc does it: PATH for a bare name, else relative to the working directory.
  std::optional<Found> look_up(const std::string& command, const std::string& via) {
    std::vector<std::string> candidates;
    if (command.find('/') != std::string::npos) {
      candidates.push_back(in_working_dir(command));
    } else {
      std::string path = variable(start_->env, "PATH");
      if (path.empty()) path = kDefaultPath;
      for (const auto directory : split(path, ":")) {
        if (candidates.size() == kMaxCandidates) break;
        const std::size_t length = start_->working_dir.size() + directory.size() + command.size();
        if (length >= kMaxPath) continue;  // ENAMETOOLONG
        candidates.push_back(in_working_dir(join(directory, command)));
      }
    }
    std::optional<Found> refused;
    for (const std::string& candidate : candidates) {
      auto found = view_.find(candidate);
      if (!found) continue;
      if (found->is_file() && found->node.executable()) return found;
      if (!refused && !found->is_directory()) refused = std::move(found);
    }
    explain(command, via, candidates, refused);
    return std::nullopt;
  }

  void explain(const std::string& command, const std::string& via,
               const std::vector<std::string>& candidates, const std::optional<Found>& refused) {
    if (refused) {
      problem(Obstacle::not_executable, shown(refused->path), via,
              {refused->is_file() ? "no x bit" : "not a regular file", refused->node});
      return;
    }
    std::string looked = "not in the image:";
    for (std::size_t i = 0; i < candidates.size() && i < 12; ++i) {
      looked += " " + printable(candidates[i]);
    }
    problem(Obstacle::command_missing, printable(command), via, {std::move(looked)});
  }

  [[nodiscard]] std::string in_working_dir(std::string_view path) const {
    if (path.starts_with('/')) return std::string(path);
    const std::string& directory = start_->working_dir;
    return (directory.empty() ? std::string() : directory) + "/" + std::string(path);
  }

  bool add(const Found& found, Role role, const std::string& via) {
    if (!seen_.insert(found.path).second) return false;
    result_.files.push_back({found.path, found.node, role, via});
    return true;
  }

  // What the kernel does with the file; the program it ends in.
  ProgramIndex execute(const Found& found, const std::string& via, int depth) {
    const std::string subject = shown(found.path);
    if (found.node.size() == 0) {
      problem(Obstacle::empty, subject, via, {"size 0 in its layer", found.node});
      return std::nullopt;
    }
    const FileFacts* facts = found.node.entry->facts.get();
    if (facts != nullptr && facts->elf) return load(found, via);
    if (facts != nullptr && !facts->script.empty()) return run_script(found, via, depth);
    if (facts != nullptr && !facts->problem.empty()) {
      problem(Obstacle::unknown, subject, via, {facts->problem, found.node});
    } else {
      problem(Obstacle::not_a_program, subject, via,
              {"starts with neither ELF magic nor #!", found.node});
    }
    return std::nullopt;
  }

  ProgramIndex run_script(const Found& found, const std::string& via, int depth) {
    const std::string subject = shown(found.path);
    add(found, Role::script, via);
    const auto line = parse_script_line(found.node.entry->facts->script);
    if (!line) {
      problem(Obstacle::not_a_program, subject, via, {"nothing behind #!", found.node});
      return std::nullopt;
    }
    const std::string evidence = "#!" + printable(line->interpreter + " " + line->argument);
    if (depth >= kMaxScripts) {
      problem(Obstacle::script_loop, subject, via, {evidence, found.node});
      return std::nullopt;
    }
    const auto interpreter = view_.find(in_working_dir(line->interpreter));
    if (!interpreter || interpreter->is_directory()) {
      const bool windows = line->interpreter.ends_with('\r');
      problem(Obstacle::interpreter_missing, printable(line->interpreter), subject,
              {evidence + (windows ? " with a carriage return: saved with Windows line ends" : ""),
               found.node});
      return std::nullopt;
    }
    if (!interpreter->is_file() || !interpreter->node.executable()) {
      problem(Obstacle::not_executable, shown(interpreter->path), subject,
              {evidence, interpreter->node});
      return std::nullopt;
    }
    const ProgramIndex program = execute(*interpreter, subject, depth + 1);
    if (name_of(line->interpreter) != "env") return program;
    const std::string command = env_command(line->argument);
    if (command.empty()) return program;
    const auto wanted = look_up(command, subject);
    if (!wanted) return std::nullopt;
    if (!needs_a_shell(*wanted)) return execute(*wanted, subject, depth + 1);
    add(*wanted, Role::script, subject);
    return program;
  }

  // What env's execvp(3) hands to /bin/sh after the kernel refused it.
  static bool needs_a_shell(const Found& found) {
    const FileFacts* facts = found.node.entry->facts.get();
    return found.node.size() > 0 &&
           (facts == nullptr || (!facts->elf && facts->script.empty() && facts->problem.empty()));
  }

  ProgramIndex load(const Found& found, const std::string& via) {
    const auto known = std::ranges::find(result_.programs, found.path, &Program::path);
    if (known != result_.programs.end()) {
      return static_cast<std::size_t>(known - result_.programs.begin());
    }
    add(found, Role::program, via);
    const FileFacts& facts = *found.node.entry->facts;
    const std::size_t index = result_.programs.size();
    result_.programs.push_back({.path = found.path,
                                .node = found.node,
                                .via = via,
                                .interpreter = facts.elf->interpreter,
                                .known = facts.problem.empty()});
    if (!facts.problem.empty()) {
      problem(Obstacle::unknown, shown(found.path), via, {facts.problem, found.node});
    } else if (!facts.elf->interpreter.empty()) {
      load_dynamic(found, index);
    }
    return index;
  }

  void load_dynamic(const Found& program, std::size_t index) {
    const elf::Facts& facts = *program.node.elf();
    const std::string subject = shown(program.path);
    const auto loader = view_.find(in_working_dir(facts.interpreter));
    if (!loader || !loader->is_file()) {
      problem(Obstacle::loader_missing, printable(facts.interpreter), subject,
              {"PT_INTERP of " + subject + " names " + printable(facts.interpreter), program.node});
      return;
    }
    add(*loader, Role::loader, subject);
    if (!loadable(*loader, facts.header, subject)) return;
    const LibraryClosure closure(view_, program, *loader,
                                 {.ld_library_path = variable(start_->env, "LD_LIBRARY_PATH"),
                                  .ld_preload = variable(start_->env, "LD_PRELOAD"),
                                  .isa_level = isa_level_});
    for (const LoadedLibrary& library : closure.libraries()) {
      add(library.found, Role::library, library.via);
    }
    for (const Problem& found : closure.problems()) result_.problems.push_back(found);
    result_.programs[index].loader_kind = closure.loader_kind();
    result_.programs[index].loader = *loader;
    result_.programs[index].libraries = closure.libraries();
  }

  bool loadable(const Found& loader, const elf::Header& program, const std::string& via) {
    const elf::Facts* facts = loader.node.elf();
    const std::string subject = shown(loader.path);
    if (loader.node.size() == 0) {
      problem(Obstacle::empty, subject, via, {"size 0 in its layer", loader.node});
    } else if (facts == nullptr) {
      problem(Obstacle::not_a_program, subject, via, {"a loader without ELF magic", loader.node});
    } else if (!same_machine(facts->header, program)) {
      problem(Obstacle::library_foreign, subject, via, {elf::describe(facts->header), loader.node});
    } else {
      return true;
    }
    return false;
  }

  const MergedView& view_;
  std::string isa_level_;
  const Start* start_ = nullptr;
  Reachability result_;
  std::set<std::string> seen_;
  bool started_ = false;
};

}  // namespace

std::string variable(const std::vector<std::string>& env, std::string_view name) {
  std::string value;
  for (const std::string& setting : env) {
    if (setting.starts_with(name) && setting.substr(name.size()).starts_with('=')) {
      value = setting.substr(name.size() + 1);
    }
  }
  return value;
}

Reachability reach(const MergedView& view, const std::vector<Start>& starts,
                   const std::string& isa_level) {
  Walker walker(view, isa_level);
  for (const Start& start : starts) walker.start(start);
  return walker.take();
}

}  // namespace nodeproof::inspect
