// Looks at a file that a test asks for, as the image's own programs would find it.
#pragma once

#include "agent/smoke/record.hpp"
#include "agent/smoke/root.hpp"

namespace nodeproof::smoke {

[[nodiscard]] FileFacts look_at(const Root& root, const PlannedFile& file);

}  // namespace nodeproof::smoke
