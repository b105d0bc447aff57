// Text inside XML 1.0 documents.
#pragma once

#include <string>
#include <string_view>

namespace nodeproof {

// For character data and for attributes in double quotes. What XML 1.0 cannot hold (section 2.2:
// control characters, U+FFFE, U+FFFF, broken UTF-8) becomes U+FFFD; line ends and tabs stay.
[[nodiscard]] std::string xml_escaped(std::string_view text);

}  // namespace nodeproof
