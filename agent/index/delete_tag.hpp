// Deleting a staging tag without losing the image that the merged tag now holds.
#pragma once

#include "agent/index/change_report.hpp"
#include "agent/index/tag_state.hpp"

namespace nodeproof::index {

// Each tag is deleted only if its registry has just shown, with a manifest made for that, that it
// deletes a tag alone. Else it stays, with a warning (TagNotDeletable) that says why.
Result<> delete_tags(const Ports& ports, const std::vector<Reference>& tags, ChangeReport& report,
                     const std::stop_token& stop);

}  // namespace nodeproof::index
