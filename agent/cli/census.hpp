// The inspection of every layer that passes by, for a tag of which no host is known.
#pragma once

#include <filesystem>

#include "agent/index/validate.hpp"
#include "agent/inspect/inventory_cache.hpp"

namespace nodeproof::cli {

// Inventories lie in a temporary folder of its own.
class Census {
 public:
  static Result<std::unique_ptr<Census>> open();
  ~Census();
  Census(const Census&) = delete;
  Census& operator=(const Census&) = delete;

  // For deep validation of this reference; borrows the census.
  void join(index::ValidateOptions& options, const Reference& reference);

 private:
  explicit Census(std::filesystem::path folder);

  std::filesystem::path folder_;
  inspect::InventoryCache inventories_;
};

}  // namespace nodeproof::cli
