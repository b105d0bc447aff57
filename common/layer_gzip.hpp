// Gzip (RFC 1952) as layers have it, inflated by ISA-L.
#pragma once

#include <memory>

#include "common/layer_inflate.hpp"
#include "common/layer_input.hpp"

namespace nodeproof {

bool is_gzip(Bytes start);

// The input is at a member's start.
std::unique_ptr<InflatingReader> read_gzip(CompressedInput input);

}  // namespace nodeproof
