// Small text files below a root directory; what cannot be read is empty.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nodeproof::host {

// Without trailing NULs and white space (device-tree strings end in NUL).
[[nodiscard]] std::string read_text(const std::filesystem::path& path);

[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view text);

}  // namespace nodeproof::host
