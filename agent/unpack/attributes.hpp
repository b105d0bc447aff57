// What a directory of the layer below passes on to one that a layer implies only.
#pragma once

#include "common/error.hpp"

namespace nodeproof::unpack {

// Owner, mode, times and extended attributes but trusted.*, from one open directory to another;
// attributes that are there already stay. As containerd's applier, which does so before anything is
// in the directory: the times stay where nothing came into it.
Result<> copy_attributes(int from, int to);

Result<bool> is_empty(int directory);  // may be open with O_PATH

}  // namespace nodeproof::unpack
