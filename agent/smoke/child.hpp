// What a test's process does between fork and execve: it becomes the image's user, gives up
// everything else, and says exactly which step failed.
#pragma once

#include <string>
#include <vector>

#include "agent/smoke/user.hpp"

namespace nodeproof::smoke {

enum class ChildStep : int { cwd, user, sandbox, exec };

// Written to the report pipe; the pipe's end without one means execve succeeded.
struct ChildFailure {
  ChildStep step = ChildStep::exec;
  int error = 0;
};

struct ChildSetup {
  std::string program;
  std::vector<std::string> args, env;
  std::string cwd;
  User user;
  int out = -1, err = -1, report = -1;  // pipe ends to write to
  int in = -1;                          // to read from; -1 = /dev/null
};

// In the forked child only. Asks its parent to trace it and stops once when that is allowed.
[[noreturn]] void become(const ChildSetup& setup);

}  // namespace nodeproof::smoke
