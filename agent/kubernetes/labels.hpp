// Optional node labels, so that a Pod can select what its image needs.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/model.hpp"

namespace nodeproof::kubernetes {

using Labels = std::map<std::string, std::string, std::less<>>;

// nodeproof.dev/page-size, /isa-lse, /x86-64-level, /userland, /board and /l4t, those that are
// known and apply. Nothing when the facts are not there at all: then no label is wrong either.
[[nodiscard]] std::optional<Labels> labels_of(const HostFacts& host);

// Of all labels those that labels_of() could give.
[[nodiscard]] Labels ours_of(const Labels& all);

// As the API takes it: at most 63 letters, digits, "-", "_" and ".", the first and last one of the
// former two. "" when nothing is left.
[[nodiscard]] std::string legal_label_value(std::string_view text);

// The body of a merge patch that makes `actual` into `wanted`; "" when there is nothing to do.
[[nodiscard]] std::string labels_patch(const Labels& wanted, const Labels& actual);

}  // namespace nodeproof::kubernetes
