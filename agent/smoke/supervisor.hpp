// PID 1 of the smoke container: `nodeproof probe PLANFILE`. Answers with records (record.hpp) on
// standard output.
#pragma once

#include <span>

namespace nodeproof::smoke {

// args: what follows "probe" on the command line. 0 = every record was written, whatever they say;
// 64 = usage. Uses no threads, no name services and no network.
int supervisor_main(std::span<char* const> args);

}  // namespace nodeproof::smoke
