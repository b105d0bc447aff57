// Private to this folder: the texts, in the order of agent/codes.hpp.
#pragma once

#include <span>

#include "agent/report/codes.hpp"

namespace nodeproof::report {

[[nodiscard]] std::span<const CodeText> tag_texts();
[[nodiscard]] std::span<const CodeText> image_texts();
[[nodiscard]] std::span<const CodeText> parity_texts();
[[nodiscard]] std::span<const CodeText> node_texts();
[[nodiscard]] std::span<const CodeText> host_texts();

}  // namespace nodeproof::report
