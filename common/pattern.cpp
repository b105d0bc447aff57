#include "common/pattern.hpp"

#include <re2/re2.h>

namespace nodeproof {
namespace {

constexpr std::string_view kPrefix = "(?m)";

RE2::Options options() {
  constexpr std::int64_t kMemory = 8 << 20;  // of the compiled expression and its automaton
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMemory);
  options.set_encoding(RE2::Options::EncodingUTF8);
  return options;
}

}  // namespace

struct Pattern::State {
  explicit State(const std::string& expression) : re(expression, options()) {}
  RE2 re;
};

Result<Pattern> Pattern::compile(std::string_view expression) {
  constexpr std::size_t kLongest = 4096;
  if (expression.size() > kLongest)
    return fail(Errc::too_large, "the regular expression is too long");
  auto state = std::make_shared<const State>(std::string(kPrefix) + std::string(expression));
  if (!state->re.ok()) {
    std::string why = state->re.error();
    if (const auto ours = why.find(kPrefix); ours != std::string::npos)
      why.erase(ours, kPrefix.size());
    return fail(Errc::invalid_document, "the regular expression is not understood: " + why,
                "write it in RE2's syntax, which has neither backreferences nor look-around");
  }
  return Pattern(std::move(state));
}

bool Pattern::found_in(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), state_->re);
}

}  // namespace nodeproof
