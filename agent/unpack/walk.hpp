// Ways into a tree that came from somebody else, link by link: the kernel never follows one.
#pragma once

#include <string>
#include <string_view>

#include "common/file.hpp"

namespace nodeproof::unpack {

// Opens `path` ("a/b": no empty part, no "." and no "..") below the directory. A link on the way is
// refused (ENOTDIR), one at the end unless the flags are O_PATH alone. Empty with errno where it
// failed. Component by component, so that it works on every kernel and under filters that refuse
// openat2(2).
[[nodiscard]] UniqueFd open_below(int directory, std::string_view path, int flags);

// The directory that `path` names for who has `root` as "/": links are resolved as containerd's
// applier does for the layers below (continuity fs.RootPath: ".." of a link's target is lexical, at
// most 255 links). An empty descriptor: nothing is there, or what is there is no directory.
struct Found {
  enum class Kind { nothing, other, directory } kind = Kind::nothing;
  UniqueFd directory;  // to read from
};
[[nodiscard]] Result<Found> find_directory(int root, const std::string& path);

}  // namespace nodeproof::unpack
