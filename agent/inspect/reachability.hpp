// Which files of an image a start of it needs, and what stands in the way: PATH lookup, "#!" chain,
// PT_INTERP and the DT_NEEDED closure, as kernel and loaders do it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/inspect/library_search.hpp"
#include "agent/inspect/merged_view.hpp"

namespace nodeproof::inspect {

// One command that will be executed in the container.
struct Start {
  std::string what;              // "entrypoint", "smoke test \"starts\""
  std::string command;           // args[0]
  std::vector<std::string> env;  // the whole environment
  std::string working_dir;
};

enum class Role { program, script, loader, library };

struct Reached {
  std::string path;  // without links
  Node node;
  Role role = Role::program;
  std::string via;  // who needs it: "entrypoint", "/usr/bin/x"
};

enum class Obstacle {
  command_missing,      // not there, or not in PATH
  not_executable,       // no x bit, or no regular file
  not_a_program,        // neither ELF nor "#!"
  empty,                // 0 bytes
  interpreter_missing,  // of a script
  script_loop,          // more than four scripts behind each other (linux/fs/exec.c)
  loader_missing,       // PT_INTERP
  library_missing,      // DT_NEEDED
  library_elsewhere,    // not where the loader looks, but a file of that name is in the image
  library_injected,     // not in the image by design: a container runtime mounts it
  library_foreign,      // only for another machine
  unknown,              // the file could not be analysed
};

struct Problem {
  Obstacle obstacle = Obstacle::unknown;
  std::string subject;  // the file or name that is wrong
  std::string layer;    // digest; "" = there is no such file
  std::string via;      // who needs it
  std::string detail;   // evidence
};

struct LoadedLibrary {
  Found found;
  std::string via;                           // who asked first
  std::set<std::string, std::less<>> names;  // it is asked for by, DT_SONAME among them
};

// A program the kernel executes, with what the loader will load into it.
struct Program {
  std::string path;
  Node node;
  std::string via;
  std::string interpreter;  // PT_INTERP as written
  bool known = true;        // false = only its header could be read
  LoaderKind loader_kind = LoaderKind::other;
  std::optional<Found> loader = {};  // nothing = static, or there is none that could load it
  std::vector<LoadedLibrary> libraries = {};  // in the loader's order, the loader left out
};

struct Reachability {
  std::vector<Reached> files;     // each path once
  std::vector<Program> programs;  // each path once, the first start's first
  std::vector<Problem> problems;
  std::optional<std::size_t> first;  // index of the program the first start ends in
};

// `isa_level` is the host's: glibc prefers libraries that are built for it; "" = not known.
[[nodiscard]] Reachability reach(const MergedView& view, const std::vector<Start>& starts,
                                 const std::string& isa_level = {});

// The value of NAME=value, the last one wins; "" when absent.
[[nodiscard]] std::string variable(const std::vector<std::string>& env, std::string_view name);

}  // namespace nodeproof::inspect
