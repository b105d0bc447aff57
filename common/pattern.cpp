#include "common/pattern.hpp"

#include <re2/re2.h>

#include "common/words.hpp"

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

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// From "$1" and "${1}" to RE2's "\\1". Groups have numbers of one digit.
Result<std::string> re2_rewrite(std::string_view replacement) {
  std::string rewrite;
  for (std::size_t at = 0; at < replacement.size(); ++at) {
    const std::string_view rest = replacement.substr(at);
    if (rest.starts_with('\\')) {
      rewrite += "\\\\";
    } else if (rest.starts_with("$$")) {
      rewrite += '$';
      ++at;
    } else if (rest.size() > 1 && rest[0] == '$' && is_digit(rest[1])) {
      rewrite.append("\\").append(1, rest[1]);
      ++at;
    } else if (rest.size() > 3 && rest.starts_with("${") && is_digit(rest[2]) && rest[3] == '}') {
      rewrite.append("\\").append(1, rest[2]);
      at += 3;
    } else if (rest.starts_with('$')) {
      return fail(Errc::invalid_document, "the replacement '" + excerpt(replacement, 64) +
                                              "' has a $ that is neither $1 nor ${1} nor $$");
    } else {
      rewrite += rest[0];
    }
  }
  return rewrite;
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

Result<std::string> Pattern::replaced_in(std::string_view text,
                                         std::string_view replacement) const {
  std::string rewrite = TRY(re2_rewrite(replacement));
  std::string error;
  if (!state_->re.CheckRewriteString(rewrite, &error)) {
    return fail(Errc::invalid_document,
                "the replacement '" + excerpt(replacement, 64) + "' is not understood: " + error);
  }
  std::string result(text);
  RE2::GlobalReplace(&result, state_->re, rewrite);
  return result;
}

}  // namespace nodeproof
