// What is said of an unpacked file that is not as its layer has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/model.hpp"
#include "agent/smoke/record.hpp"

namespace nodeproof::smoke {

inline constexpr std::size_t kMaxFileFindings = 10;
// Why nothing was started.
inline constexpr std::string_view kDamaged = "files of the image are damaged on this disk";

// image: as the user names it, for the remedy.
[[nodiscard]] Finding file_finding(const FileRecord& record, const FileExpectation& wanted,
                                   const std::string& image);

// Of `wrong` files only `told` have findings.
void note_more(Finding& last, std::uint64_t wrong, std::uint64_t told);

}  // namespace nodeproof::smoke
