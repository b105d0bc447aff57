// The file a command line leads to, and why the kernel does not execute it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/smoke/record.hpp"
#include "agent/smoke/root.hpp"

namespace nodeproof::smoke {

// e_machine of the programs this very build is made of.
[[nodiscard]] std::uint16_t native_machine();

// args[0] as a shell or runc finds it: with a slash relative to cwd, else in env's PATH (the usual
// one when env has none): the first executable file, else the first that exists, else args[0] as
// written.
[[nodiscard]] std::string locate_program(const PlannedRun& run, const Root& root);

struct Why {
  StartCause cause = StartCause::other;
  std::string detail;
};

// What made execve(2) of this file answer with this errno.
[[nodiscard]] Why why_not_started(const Root& root, const std::string& program, int error);

// For a process that a signal ended before its execve(2) was done: "" detail = the file is not why.
[[nodiscard]] Why why_not_mapped(const Root& root, const std::string& program,
                                 std::uint64_t page_size);

// The ELF file that a program comes to run as: itself, or what its chain of "#!" lines ends at. ""
// = neither.
struct Executable {
  std::string path;
  std::uint16_t machine = 0;
};
[[nodiscard]] Executable follow_shebangs(const Root& root, const std::string& program);

}  // namespace nodeproof::smoke
