// Words from outside: made fit for a message or a document, compared as other programs compare
// them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace nodeproof {

// For error messages: printable() text, cut behind max_bytes with "...".
[[nodiscard]] std::string excerpt(std::string_view text, std::size_t max_bytes = 256);

// Valid UTF-8: each byte that is not part of a well-formed sequence becomes U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

// As Go's encoding/json folds keys: ASCII, and the two letters outside it that fold into ASCII
// (U+017F, U+212A).
[[nodiscard]] std::string fold_case(std::string_view text);

// The candidate a typing mistake was probably meant to be; "" when none is near.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);

}  // namespace nodeproof
