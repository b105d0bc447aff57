#include "common/xml.hpp"

#include "common/words.hpp"

namespace nodeproof {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// U+FFFE and U+FFFF: EF BF BE, EF BF BF.
bool is_noncharacter(std::string_view rest) {
  return rest.starts_with("\xEF\xBF\xBE") || rest.starts_with("\xEF\xBF\xBF");
}

bool is_control(char c) {
  const auto code = static_cast<unsigned char>(c);
  return (code < 0x20 && c != '\t' && c != '\n' && c != '\r') || code == 0x7f;
}

std::string_view escape_of(char c) {
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
      return "&apos;";
    default:
      return is_control(c) ? kReplacement : "";
  }
}

}  // namespace

std::string xml_escaped(std::string_view text) {
  const std::string valid = valid_utf8(text);
  std::string out;
  out.reserve(valid.size());
  for (std::size_t at = 0; at < valid.size(); ++at) {
    if (is_noncharacter(std::string_view(valid).substr(at))) {
      out += kReplacement;
      at += 2;
      continue;
    }
    const std::string_view escape = escape_of(valid[at]);
    if (escape.empty()) {
      out += valid[at];
    } else {
      out += escape;
    }
  }
  return out;
}

}  // namespace nodeproof
