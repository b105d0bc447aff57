// HTML in two kinds: what we have written, and text from elsewhere, which is inert before it is in
// a page. The compiler keeps the two apart: a string that is no literal of ours gets in through
// text() or lines() alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace nodeproof::report::page {

class Literal {
 public:
  template <std::size_t N>
  consteval Literal(const char (&text)[N]) : text_(text, N - 1) {}  // NOLINT(*-explicit-*)
  [[nodiscard]] std::string_view str() const { return text_; }

 private:
  std::string_view text_;
};

class Html {
 public:
  Html() = default;
  Html(Literal text) : text_(text.str()) {}  // NOLINT(*-explicit-*)
  template <std::size_t N>
  Html(const char (&literal)[N]) : text_(literal, N - 1) {}  // NOLINT(*-explicit-*)
  template <std::size_t N>
  Html(char (&buffer)[N]) = delete;

  Html& operator+=(const Html& more) {
    text_ += more.text_;
    return *this;
  }
  [[nodiscard]] const std::string& str() const { return text_; }
  [[nodiscard]] std::size_t size() const { return text_.size(); }
  [[nodiscard]] bool empty() const { return text_.empty(); }

  friend Html operator+(Html a, const Html& b) { return std::move(a += b); }

 private:
  friend Html escaped(std::string_view text);
  std::string text_;
};

constexpr std::size_t kMaxText = 2000;  // bytes of one text, before it is escaped

// For element content and for attributes in double quotes; control characters and bidi marks must
// be gone.
[[nodiscard]] Html escaped(std::string_view text);

// One line, as printable() makes it. What is cut off is said.
[[nodiscard]] Html text(std::string_view foreign, std::size_t max_bytes = kMaxText);
// The same with its line ends.
[[nodiscard]] Html lines(std::string_view foreign, std::size_t max_bytes = kMaxText);
[[nodiscard]] Html number(std::uint64_t value);

// <name class="style">content</name>
[[nodiscard]] Html element(Literal name, Literal style, const Html& content);
[[nodiscard]] Html element(Literal name, const Html& content);

// Counts what is in the page: from the first block that does not fit, the rest is left out.
class Ration {
 public:
  explicit Ration(std::size_t bytes) : left_(bytes) {}
  bool take(const Html& block);
  [[nodiscard]] std::size_t left_out() const { return left_out_; }

 private:
  std::size_t left_;
  std::size_t left_out_ = 0;
};

}  // namespace nodeproof::report::page
