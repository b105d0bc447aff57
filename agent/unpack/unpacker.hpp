// The LayerUnpacker that asks the broker.
#pragma once

#include <sys/types.h>

#include <memory>

#include "agent/unpack/layer_unpacker.hpp"
#include "common/file.hpp"

namespace nodeproof::unpack {

// Takes the broker's socket and the process: it is reaped when the unpacker ends, and what is still
// being written ends then too.
[[nodiscard]] std::unique_ptr<LayerUnpacker> make_unpacker(UniqueFd broker, pid_t process);

}  // namespace nodeproof::unpack
