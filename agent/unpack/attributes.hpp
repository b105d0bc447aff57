// What a directory of the layer below passes on to one that a layer implies only.
#pragma once

#include "common/error.hpp"

namespace nodeproof::unpack {

// Owner, mode and extended attributes but trusted.*, from one open directory to another; attributes
// that are there already stay. As containerd's applier, whose copied times the next file in the
// directory overwrites.
Result<> copy_attributes(int from, int to);

}  // namespace nodeproof::unpack
