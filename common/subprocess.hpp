// Small programs that are asked one question: run without a shell, bounded in time and output, and
// gone with everything they started when the answer is there.
#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace nodeproof {

struct Command {
  std::vector<std::string> argv;         // argv[0] is an absolute path
  std::vector<std::string> environment;  // "NAME=value": all of it
  std::string input;                     // what its stdin holds, at most 4096 bytes
  std::chrono::milliseconds timeout{10000};
  std::size_t max_output = 64 * 1024;
};

struct Finished {
  int exit_status = 0;  // 128 + n for one that was ended by signal n
  std::string output;
  std::string errors;  // the first 4 KiB of stderr, raw
};

// Working directory "/", a process group of its own, no descriptor but 0 to 2, default signals; it
// dies with the calling thread. Any exit status is an answer. Errors: not_found and
// permission_denied when it does not start, timeout, too_large, cancelled, io. They name argv[0]
// and nothing that the program wrote.
Result<Finished> run_command(const Command& command, const std::stop_token& stop);

// close(2) for `first` and whatever is above; async-signal-safe.
void close_descriptors_from(int first);

}  // namespace nodeproof
