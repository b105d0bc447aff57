#include "agent/report/page/markup.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace nodeproof::report::page {
namespace {

std::string_view entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return "";
  }
}

Html cut_note(std::size_t bytes) {
  return Html(" <span class=\"cut\">(cut off: ") + number(bytes) + " bytes in all)</span>";
}

}  // namespace

Html escaped(std::string_view text) {
  Html out;
  for (const char c : text) {
    const std::string_view name = entity(c);
    if (name.empty()) {
      out.text_ += c;
    } else {
      out.text_ += name;
    }
  }
  return out;
}

Html text(std::string_view foreign, std::size_t max_bytes) {
  // A mark that is replaced takes more room than it had.
  const std::string_view shown = foreign.substr(0, max_bytes);
  Html out = escaped(printable(shown, 3 * max_bytes));
  return foreign.size() > max_bytes ? out + "..." + cut_note(foreign.size()) : out;
}

Html lines(std::string_view foreign, std::size_t max_bytes) {
  Html out;
  std::string_view rest = foreign.substr(0, max_bytes);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    out += escaped(printable(rest.substr(0, end), 3 * max_bytes));
    if (end < rest.size()) out += "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return foreign.size() > max_bytes ? out + "..." + cut_note(foreign.size()) : out;
}

Html number(std::uint64_t value) { return escaped(std::to_string(value)); }

Html element(Literal name, Literal style, const Html& content) {
  return Html("<") + escaped(name.str()) + " class=\"" + escaped(style.str()) + "\">" + content +
         "</" + escaped(name.str()) + ">";
}

Html element(Literal name, const Html& content) {
  return Html("<") + escaped(name.str()) + ">" + content + "</" + escaped(name.str()) + ">";
}

bool Ration::take(const Html& block) {
  if (left_out_ > 0 || block.size() > left_) {
    ++left_out_;
    return false;
  }
  left_ -= block.size();
  return true;
}

}  // namespace nodeproof::report::page
