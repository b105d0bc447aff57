// A layer that was written without sight of the layers below gets what only they know, and its
// place above them.
#pragma once

#include "agent/unpack/layer_unpacker.hpp"

namespace nodeproof::unpack {

// As LayerUnpacker::adopt, in a process that has the rights. `place` is not touched unless all else
// is done.
Result<> adopt(const Adoption& adoption);

}  // namespace nodeproof::unpack
