// An inventory as lines of text: an image of 30 000 files must not cost a JSON tree in memory.
#pragma once

#include <string>
#include <string_view>

#include "agent/inspect/inventory.hpp"

namespace nodeproof::inspect {

// Fields are separated by tabs; "%", control characters and DEL are written %XX; the last line is
// the SHA-256 of all that stands before it.
[[nodiscard]] std::string to_text(const LayerInventory& inventory);

// Errc::corrupt for anything that to_text() of this version did not write.
Result<LayerInventory> parse_inventory(std::string_view text);

}  // namespace nodeproof::inspect
