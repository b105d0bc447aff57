#include "agent/report/paint.hpp"

#include "common/text.hpp"

namespace nodeproof::report {
namespace {

// ECMA-48 SGR parameters.
std::string_view sgr(Ink ink) {
  switch (ink) {
    case Ink::plain:
      return "";
    case Ink::bold:
      return "1";
    case Ink::dim:
      return "2";
    case Ink::green:
      return "32";
    case Ink::yellow:
      return "33";
    case Ink::red:
      return "31";
  }
  return "";
}

}  // namespace

std::string paint(std::string_view text, Ink ink, const TableStyle& style) {
  if (!style.colour || ink == Ink::plain || text.empty()) return std::string(text);
  return std::string("\x1b[").append(sgr(ink)).append("m").append(text).append("\x1b[0m");
}

std::string paint_cell(std::string_view text, std::size_t width, Ink ink, const TableStyle& style) {
  const std::size_t columns = display_width(text);
  return paint(text, ink, style).append(width > columns ? width - columns : 0, ' ');
}

Ink ink_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return Ink::green;
    case Verdict::unknown:
      return Ink::yellow;
    case Verdict::not_ready:
      return Ink::red;
  }
  return Ink::plain;
}

Ink ink_of(Severity severity) {
  switch (severity) {
    case Severity::info:
      return Ink::dim;
    case Severity::warn:
    case Severity::unknown:
      return Ink::yellow;
    case Severity::fail:
      return Ink::red;
  }
  return Ink::plain;
}

std::string_view mark_of(Verdict verdict, const TableStyle& style) {
  switch (verdict) {
    case Verdict::ready:
      return style.unicode ? "✔" : "+";
    case Verdict::unknown:
      return "?";
    case Verdict::not_ready:
      return style.unicode ? "✘" : "x";
  }
  return " ";
}

std::string_view mark_of(Severity severity, const TableStyle& style) {
  switch (severity) {
    case Severity::info:
      return style.unicode ? "·" : "-";
    case Severity::warn:
      return "!";
    case Severity::unknown:
      return "?";
    case Severity::fail:
      return style.unicode ? "✘" : "x";
  }
  return " ";
}

}  // namespace nodeproof::report
