// The files of an OCI image layout (image-spec image-layout.md), in a folder or in an uncompressed
// tar that is read in place.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/bytes.hpp"

namespace nodeproof::registry {

// Safe to use from several threads.
class LayoutFiles {
 public:
  virtual ~LayoutFiles() = default;
  // By the path within the layout: "index.json". Errc::not_found when there is none.
  [[nodiscard]] virtual Result<std::unique_ptr<ByteSource>> open(const std::string& name) const = 0;
};

// Errors: unreachable when there is nothing at all (a stick that is not in), permission_denied,
// unsupported for a compressed tar, corrupt or truncated for a damaged one.
Result<std::unique_ptr<LayoutFiles>> open_layout_files(const std::filesystem::path& path);

// Errc::too_large beyond max_bytes.
Result<std::string> read_whole(const ByteSource& file, std::size_t max_bytes);

// The layouts below a path: itself, or, of a folder that is none, its folders and tars that look
// like one, in the order of their names.
Result<std::vector<std::filesystem::path>> layouts_in(const std::filesystem::path& path);

}  // namespace nodeproof::registry
