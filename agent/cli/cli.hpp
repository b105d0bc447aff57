// The command line: parses, calls the command, gives the exit code. Everything testable behind one
// function.
#pragma once

#include <ostream>
#include <span>

namespace nodeproof::cli {

struct Streams {
  std::ostream& out;  // the document
  std::ostream& err;  // errors, log lines, progress
};

int run(std::span<char* const> args, Streams streams);

}  // namespace nodeproof::cli
