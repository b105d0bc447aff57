// The lines of an inventory's text, and the facts of ELF files in them; private to
// inventory_text.cpp.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/inspect/inventory.hpp"

namespace nodeproof::inspect {

class LineWriter {
 public:
  LineWriter& text(std::string_view field) {
    separate();
    for (const char c : field) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x20 && byte != 0x7f && c != '%') {
        out_ += c;
        continue;
      }
      constexpr std::string_view kHex = "0123456789abcdef";
      out_ += '%';
      out_ += kHex[byte >> 4];
      out_ += kHex[byte & 15];
    }
    return *this;
  }
  LineWriter& number(std::uint64_t value) {
    separate();
    out_ += std::to_string(value);
    return *this;
  }
  void end() {
    out_ += '\n';
    fresh_ = true;
  }
  [[nodiscard]] std::string& out() { return out_; }

 private:
  void separate() {
    if (!fresh_) out_ += '\t';
    fresh_ = false;
  }
  std::string out_;
  bool fresh_ = true;
};

// One line's fields, taken from the left; a wrong one is remembered.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  std::string_view raw() {
    if (done_) ok_ = false;
    const std::size_t tab = std::min(rest_.find('\t'), rest_.size());
    const std::string_view field = rest_.substr(0, tab);
    done_ = tab == rest_.size();
    rest_.remove_prefix(std::min(tab + 1, rest_.size()));
    return field;
  }
  std::string text() {
    const std::string_view field = raw();
    std::string out;
    out.reserve(field.size());
    for (std::size_t i = 0; i < field.size(); ++i) {
      if (field[i] != '%') {
        out += field[i];
        continue;
      }
      unsigned value = 0;
      const char* const digits = field.data() + i + 1;
      if (field.size() - i < 3 ||
          std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) {
        ok_ = false;
        return out;
      }
      out += static_cast<char>(value);
      i += 2;
    }
    return out;
  }
  template <std::unsigned_integral T>
  void number(T& value) {
    const std::string_view field = raw();
    const char* const start = field.data();  // bounded by end, not by a NUL
    const char* const end = start + field.size();
    const auto [stop, error] = std::from_chars(start, end, value);
    if (field.empty() || stop != end || error != std::errc{}) ok_ = false;
  }
  void flag(bool& value) {
    unsigned number_read = 0;
    number(number_read);
    value = number_read != 0;
  }
  [[nodiscard]] bool ended_well() const { return ok_ && done_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
  bool done_ = false;
};

void write_elf(LineWriter& out, const elf::Facts& facts);
void write_code(LineWriter& out, const elf::CodeFacts& facts);

// A line of kind `kind` that one of them wrote; false for any other. The line is the caller's to
// check.
bool take_elf_line(std::string_view kind, LineReader& line, FileFacts& facts);

}  // namespace nodeproof::inspect
