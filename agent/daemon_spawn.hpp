// fork and exec of a child that dies with its parent.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/error.hpp"
#include "common/file.hpp"

namespace nodeproof {

struct SpawnedChild {
  pid_t pid = -1;            // leader of its own process group
  UniqueFd standard_output;  // read end, non-blocking
};

// argv[0] is a path. The child has stdin from /dev/null, the parent's stderr, no other descriptor,
// an empty signal mask, and SIGKILL as its parent's death signal.
Result<SpawnedChild> spawn_child(const std::vector<std::string>& argv);

}  // namespace nodeproof
