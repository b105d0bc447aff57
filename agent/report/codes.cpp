#include "agent/report/codes.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "agent/report/code_texts.hpp"
#include "common/text.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kWidth = 96;  // columns
constexpr std::size_t kIndent = 10;

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

void paragraph(std::string& out, std::string_view label, std::string_view text) {
  out.append(label).append(kIndent - label.size(), ' ').append(wrapped(text, kIndent, kWidth));
  out += '\n';
}

}  // namespace

std::vector<CodeText> code_texts() {
  std::vector<CodeText> texts;
  for (const auto part : {tag_texts(), image_texts(), parity_texts(), node_texts(), host_texts()}) {
    texts.insert(texts.end(), part.begin(), part.end());
  }
  return texts;
}

const CodeText* find_code(std::string_view code) {
  for (const auto part : {tag_texts(), image_texts(), parity_texts(), node_texts(), host_texts()}) {
    const auto found = std::ranges::find_if(
        part, [&](const CodeText& text) { return same_word(text.code, code); });
    if (found != part.end()) return &*found;
  }
  return nullptr;
}

std::string explain(const CodeText& text) {
  std::string out = std::string(text.code) + ": " + std::string(text.title) + "\n\n";
  paragraph(out, "Cause", text.cause);
  paragraph(out, "Detected", text.detection);
  paragraph(
      out, "Rule",
      text.exact ? "exact, or observed on this node" : "heuristic: never more than a warning");
  paragraph(out, "Remedy", text.remedy);
  paragraph(out, "Example", text.example);
  return out;
}

std::string codes_table() {
  std::string out = "| code | what it means | how it is found out | rule |\n|---|---|---|---|\n";
  for (const CodeText& text : code_texts()) {
    out.append("| `").append(text.code).append("` | ").append(text.title);
    out.append(" | ").append(text.detection);
    out.append(text.exact ? " | exact |\n" : " | heuristic |\n");
  }
  return out;
}

}  // namespace nodeproof::report
