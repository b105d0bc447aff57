// nodeproof: proves, on the node itself, that every image it needs is right, whole and runs there.
#include <malloc.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <span>

#include "agent/cli/cli.hpp"

int main(int argc, char** argv) {
  try {
    // Where whoever started us ignores it, the kernel would reap our children unseen.
    std::signal(SIGCHLD, SIG_DFL);
    // An arena for each thread keeps what that thread once needed: a third of a check's peak.
    ::mallopt(M_ARENA_MAX, 1);
    return nodeproof::cli::run(std::span<char* const>(argv, static_cast<std::size_t>(argc)),
                               {std::cout, std::cerr});
  } catch (const std::exception& bug) {
    std::cerr << "nodeproof: internal error: " << bug.what() << '\n';
    return EXIT_FAILURE + 69;  // 70, EX_SOFTWARE
  }
}
