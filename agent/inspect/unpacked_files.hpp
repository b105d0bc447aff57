// Every regular file that the layers make together: what the unpacked image has to have.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "agent/inspect/inventory.hpp"

namespace nodeproof::inspect {

struct UnpackedFile {
  std::string path;        // absolute in the image, free of symbolic links
  std::uint64_t size = 0;  // bytes
  std::string hash;        // "" = another name of a file that was given before
  unsigned layer = 0;      // that brought it, bottom first
};

using UnpackedFileSink = std::function<Result<>(const UnpackedFile&)>;

// Errc::unsupported when the layers' inventories do not tell all that is in them.
Result<> each_unpacked_file(std::span<const LayerInventory> layers, const UnpackedFileSink& sink);

}  // namespace nodeproof::inspect
