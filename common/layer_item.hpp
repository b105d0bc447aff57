// An entry of a layer's tar as containerd's applier understands it. Private to common/layer_*.cpp.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "common/layer_reader.hpp"

struct archive_entry;

namespace nodeproof {

struct LayerItem {
  std::string path;  // as LayerEntry's
  EntryType type = EntryType::file;
  ::mode_t mode = 0;  // permission bits with setuid, setgid, sticky
  ::uid_t uid = 0;
  ::gid_t gid = 0;
  std::uint64_t size = 0;                // of a regular file's content, holes included
  ::dev_t device = 0;                    // of device nodes
  std::string target;                    // of a symlink as written; of a hard link like `path`
  std::array<::timespec, 2> times = {};  // access, modification: as utimensat(2) takes them
  struct Attribute {
    std::string name;
    std::string_view value;  // good as long as the entry
  };
  std::vector<Attribute> attributes;  // extended ones that are to be set, in the tar's order
};

// unsupported: what containerd would do otherwise, or not at all. too_large: the path.
Result<LayerItem> layer_item(archive_entry* entry, const LayerLimits& limits);

}  // namespace nodeproof
