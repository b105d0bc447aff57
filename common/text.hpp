// Text for people: whatever came from outside is made inert before it reaches a terminal or a log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nodeproof {

// Valid UTF-8 on one line without control characters, escape sequences' introducers, bidi and
// zero-width marks: each becomes U+FFFD, a tab or newline a space. Beyond max_bytes it ends in
// "...".
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes = 512);

// Columns on a terminal, counting code points (wide East Asian ones as two) of printable() text.
[[nodiscard]] std::size_t display_width(std::string_view text);

// At most `width` columns; the middle is replaced by an ellipsis ("…", or "..." without unicode).
[[nodiscard]] std::string shorten(std::string_view text, std::size_t width, bool unicode = true);

// The text broken between words, so that it fits between column `indent`, where it begins, and
// `width`.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

// "0 B", "999 B", "41.2 MB": powers of 1000, as registries and disks count.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

// "0.4 s", "12 s", "3m05s", "2h10m".
[[nodiscard]] std::string human_seconds(double seconds);

}  // namespace nodeproof
