#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "common/json.hpp"
#include "common/words.hpp"

namespace nodeproof::json {
namespace {

constexpr std::size_t kIndent = 2;

// RFC 8259, section 7: quote, backslash and the controls below U+0020.
std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : valid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      (out += '\\') += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20) {
      ((out += "\\u00") += kHex[byte >> 4U]) += kHex[byte & 15U];
    } else {
      out += c;
    }
  }
  return out += '"';
}

template <class Number>
std::string digits(Number value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  if (error != std::errc{}) std::abort();
  return {buffer.data(), end};
}

}  // namespace

struct Writer::State {
  struct Level {
    bool object = false;
    bool empty = true;
  };
  bool pretty = false;
  bool done = false;     // the root value is complete
  bool has_key = false;  // a key waits for its value
  std::vector<Level> levels;
  std::string out;

  void break_line(std::size_t depth) {
    if (pretty) out.append("\n").append(depth * kIndent, ' ');
  }
  void separate() {
    if (!levels.back().empty) out += ',';
    levels.back().empty = false;
    break_line(levels.size());
  }
  void before_value() {
    const bool in_object = !levels.empty() && levels.back().object;
    if (done || in_object != has_key) std::abort();
    if (!levels.empty() && !in_object) separate();
    has_key = false;
  }
  void value(std::string_view text) {
    before_value();
    out += text;
    done = levels.empty();
  }
  void open(bool object) {
    before_value();
    out += object ? '{' : '[';
    levels.push_back({object, true});
  }
  void close(bool object) {
    if (levels.empty() || levels.back().object != object || has_key) std::abort();
    const bool empty = levels.back().empty;
    levels.pop_back();
    if (!empty) break_line(levels.size());
    out += object ? '}' : ']';
    done = levels.empty();
  }
};

Writer::Writer(bool pretty) : state_(std::make_unique<State>()) { state_->pretty = pretty; }
Writer::~Writer() = default;

Writer& Writer::begin_object() {
  state_->open(true);
  return *this;
}

Writer& Writer::end_object() {
  state_->close(true);
  return *this;
}

Writer& Writer::begin_array() {
  state_->open(false);
  return *this;
}

Writer& Writer::end_array() {
  state_->close(false);
  return *this;
}

Writer& Writer::key(std::string_view name) {
  State& state = *state_;
  if (state.levels.empty() || !state.levels.back().object || state.has_key) std::abort();
  state.separate();
  state.out += quoted(name) + (state.pretty ? ": " : ":");
  state.has_key = true;
  return *this;
}

Writer& Writer::string(std::string_view value) {
  state_->value(quoted(value));
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  state_->value(digits(value));
  return *this;
}

Writer& Writer::unsigned_integer(std::uint64_t value) {
  state_->value(digits(value));
  return *this;
}

Writer& Writer::real(double value) {
  state_->value(std::isfinite(value) ? digits(value) : "null");
  return *this;
}

Writer& Writer::boolean(bool value) {
  state_->value(value ? "true" : "false");
  return *this;
}

Writer& Writer::null() {
  state_->value("null");
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  if (!is_valid(json)) std::abort();
  state_->value(json);
  return *this;
}

Writer& Writer::member(std::string_view name, std::string_view value) {
  return key(name).string(value);
}

Writer& Writer::member(std::string_view name, std::int64_t value) {
  return key(name).integer(value);
}

Writer& Writer::member(std::string_view name, std::uint64_t value) {
  return key(name).unsigned_integer(value);
}

Writer& Writer::member(std::string_view name, double value) { return key(name).real(value); }

Writer& Writer::member(std::string_view name, bool value) { return key(name).boolean(value); }

Writer& Writer::member(std::string_view name, const std::vector<std::string>& values) {
  key(name).begin_array();
  for (const std::string& value : values) string(value);
  return end_array();
}

std::string Writer::str() const {
  if (!state_->done) std::abort();
  return state_->out;
}

}  // namespace nodeproof::json
