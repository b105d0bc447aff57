// Regular expressions for text that a stranger wrote: matching takes time and memory linear in the
// text, whatever the expression. RE2's syntax: ECMAScript's without backreferences and look-around.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace nodeproof {

class Pattern {
 public:
  // Errc::invalid_document with RE2's reason. "^" and "$" match at the lines of the text; "." does
  // not match a newline.
  static Result<Pattern> compile(std::string_view expression);

  [[nodiscard]] bool found_in(std::string_view text) const;

  // Every match replaced, with $1 and ${1} for what a group matched and $$ for a dollar, as in Go.
  // Errc::invalid_document for a group that there is not.
  [[nodiscard]] Result<std::string> replaced_in(std::string_view text,
                                                std::string_view replacement) const;

 private:
  struct State;
  explicit Pattern(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;  // immutable
};

}  // namespace nodeproof
