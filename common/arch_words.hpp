// Words that name an architecture, so that what differs in nothing else counts as the same.
#pragma once

#include <string>
#include <string_view>

namespace nodeproof {

// "lib/x86_64-linux-gnu/app-amd64" and "lib/aarch64-linux-gnu/app-arm64" become one text.
[[nodiscard]] std::string without_architecture(std::string_view text);

}  // namespace nodeproof
