// The process that keeps the rights of root for the one that reads the network: it starts a
// confined writer for each layer, puts what they wrote in its place, and reads nothing but which
// snapshot that is.
#pragma once

#include <memory>

#include "agent/unpack/child.hpp"
#include "agent/unpack/layer_unpacker.hpp"

namespace nodeproof::unpack {

// What writes layers, in the writer; a test has its own.
Result<UnpackedLayer> write_layer_here(ByteReader& plain_tar, Whiteouts whiteouts);

// Forks the broker, without exec: to be called once and before the first thread, the first
// connection and the first byte of input. It ends with this process, however that ends, and with
// the unpacker. Errc::unsupported: this process may not write layers.
Result<std::unique_ptr<LayerUnpacker>> start_unpack_broker(WriteLayer write = write_layer_here);

// After start_unpack_broker(): this process, still of one thread, goes on without any capability.
Result<> drop_rights();

}  // namespace nodeproof::unpack
