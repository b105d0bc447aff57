// Runs the real supervisor as it runs in a container: PID 1 of its own namespace, with its five
// capabilities.
#pragma once

#include <filesystem>
#include <string>

#include "agent/smoke/record.hpp"

namespace nodeproof::smoke {

// "" when it can be done here, else why not (no root, an emulator).
std::string cannot_supervise();

struct Supervised {
  int status = -1;  // the supervisor's exit code
  std::string answers;
  Records records;
};

enum class World {
  plain,
  no_ptrace,  // as under a seccomp profile or Yama that refuses it
  emulator,   // a program outside the image stands in for every program of kForeignMachine, by
              // binfmt_misc of a user namespace
};
inline constexpr std::uint16_t kForeignMachine = 0x7a7a;

// A world that cannot be made here gives status kNoSuchWorld.
inline constexpr int kNoSuchWorld = 123;
Supervised supervise(const Plan& plan, World world = World::plain);

// The record of the only test of a plan.
TestRecord run_in(const Plan& plan);
TestRecord run_alone(PlannedRun planned);

// A test's run of the subject.
PlannedRun subject(std::vector<std::string> arguments);

}  // namespace nodeproof::smoke
