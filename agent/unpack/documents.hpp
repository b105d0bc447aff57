// What goes between the processes that have to do with a layer, as JSON. Whoever reads it does not
// trust whoever wrote it: sizes are bounded, and paths go through any bytes as they are.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "agent/unpack/layer_unpacker.hpp"

namespace nodeproof::unpack {

// A layer that names more directories than fit is left to containerd.
inline constexpr std::size_t kMaxDocument = 4 << 20;

[[nodiscard]] std::string encode(const Result<UnpackedLayer>& outcome);  // never too large
[[nodiscard]] Result<UnpackedLayer> decode_outcome(std::string_view text);

[[nodiscard]] Result<std::string> encode(const Adoption& adoption);  // Errc::unsupported
[[nodiscard]] Result<Adoption> decode_adoption(std::string_view text);

}  // namespace nodeproof::unpack
