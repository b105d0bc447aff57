// The regular files of a layer, written by libarchive's disk writer. Private to common/layer_*.cpp.
#pragma once

#include <memory>
#include <string>

#include "common/layer_archive.hpp"
#include "common/layer_item.hpp"

namespace nodeproof {

// Content, owner, mode and times. Files are made in the current directory by their bare names,
// where nothing of that name is.
class LayerFiles {
 public:
  static Result<LayerFiles> open();
  Result<> begin(const std::string& name, const LayerItem& item);
  Result<> write(const TarStream::Block& block);
  Result<> finish();

 private:
  struct FreeDisk {
    void operator()(archive* handle) const;
  };
  struct FreeEntry {
    void operator()(archive_entry* entry) const;
  };
  LayerFiles();
  [[nodiscard]] Result<> checked(long status) const;
  std::unique_ptr<archive, FreeDisk> disk_;
  std::unique_ptr<archive_entry, FreeEntry> entry_;
};

}  // namespace nodeproof
