// What loaders (glibc's, musl's), allocators and language runtimes say when they give up on this
// host: of the dry run or of the program itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nodeproof::smoke {

struct LoaderProblem {
  std::string code;      // of the finding
  std::string subject;   // the library, version or symbol; "" = none
  std::string message;   // one sentence
  std::string evidence;  // the line
  std::string remedy;
  friend bool operator==(const LoaderProblem&, const LoaderProblem&) = default;
};

// The first line that is one of the known messages.
[[nodiscard]] std::optional<LoaderProblem> find_loader_problem(std::string_view output);

}  // namespace nodeproof::smoke
