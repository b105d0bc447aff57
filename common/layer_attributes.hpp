// What a layer's entry says of owner, mode, times and extended attributes, set by its bare name in
// the current directory; links are never followed. Private to common/layer_*.cpp.
#pragma once

#include <string>

#include "common/layer_item.hpp"

namespace nodeproof {

// As containerd's applier, in its order: owner, extended attributes, mode, times. Not a directory's
// times: entries in it would change them.
Result<> set_all(const std::string& name, const LayerItem& item);
// The extended ones alone. `type`: of what has the name, which is no hard link.
Result<> set_extended(const std::string& name, const LayerItem& item, EntryType type);
Result<> set_owner(const std::string& name, const LayerItem& item);
Result<> set_mode(const std::string& name, const LayerItem& item);
// folder: of an open directory.
Result<> set_times(int folder, const std::string& name, const std::array<::timespec, 2>& times);

}  // namespace nodeproof
