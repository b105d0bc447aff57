#include "agent/registry/challenge.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace nodeproof::registry {

namespace {

constexpr std::string_view kSpace = " \t";

// RFC 9110, section 5.6.2.
bool is_token_char(char c) {
  const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return alnum || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::vector<Challenge> parse() {
    while (skip_separators()) {
      const std::string word = token();
      if (word.empty()) {
        rest_.remove_prefix(1);
        continue;
      }
      skip_space();
      // A word with '=' behind it is a parameter, any other begins a challenge.
      if (starts_parameter()) {
        add_parameter(word);
      } else {
        challenges_.push_back({.scheme = lower(word), .token68 = {}, .parameters = {}});
        read_token68();
      }
    }
    return std::move(challenges_);
  }

 private:
  void skip_space() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kSpace), rest_.size()));
  }
  bool skip_separators() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t,"), rest_.size()));
    return !rest_.empty();
  }
  [[nodiscard]] bool starts_parameter() const { return rest_.starts_with('='); }

  std::string token() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_token_char);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    std::string word(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return word;
  }

  // "Negotiate oRQw==": one word up to the comma that no parameter name can be, since only '=' may
  // follow it.
  void read_token68() {
    const std::string_view word =
        rest_.substr(0, std::min(rest_.find_first_of(" \t,"), rest_.size()));
    const auto body = std::min(word.find_last_not_of('=') + 1, word.size());
    const bool padded = body > 0 && body < word.size();
    const bool bare = body == word.size() && followed_by_nothing(word.size());
    const bool characters =
        std::all_of(word.begin(), word.begin() + static_cast<long>(body),
                    [](char c) { return (is_token_char(c) || c == '/') && c != '='; });
    if (word.empty() || !characters || !(padded ? followed_by_nothing(word.size()) : bare)) return;
    challenges_.back().token68 = word;
    rest_.remove_prefix(word.size());
  }

  [[nodiscard]] bool followed_by_nothing(std::size_t at) const {
    const auto next = rest_.find_first_not_of(kSpace, at);
    return next == std::string_view::npos || rest_[next] == ',';
  }

  void add_parameter(const std::string& name) {
    rest_.remove_prefix(1);
    skip_space();
    std::string value = rest_.starts_with('"') ? quoted() : unquoted();
    if (!challenges_.empty()) challenges_.back().parameters.emplace(lower(name), std::move(value));
  }

  std::string quoted() {
    std::string value;
    std::size_t at = 1;
    for (; at < rest_.size() && rest_[at] != '"'; ++at) {
      if (rest_[at] == '\\' && at + 1 < rest_.size()) ++at;
      value += rest_[at];
    }
    rest_.remove_prefix(std::min(at + 1, rest_.size()));
    return value;
  }

  // Some servers leave URLs unquoted, so anything up to a separator counts.
  std::string unquoted() {
    std::string value(rest_.substr(0, std::min(rest_.find_first_of(" \t,"), rest_.size())));
    rest_.remove_prefix(value.size());
    return value;
  }

  std::string_view rest_;
  std::vector<Challenge> challenges_;
};

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) { return Parser(header).parse(); }

}  // namespace nodeproof::registry
