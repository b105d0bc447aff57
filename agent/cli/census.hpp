// The inspection of every layer that passes by.
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

  // Takes the inventory of every layer that is read; borrows the census.
  void observe(index::ValidateOptions& options);
  // For deep validation of this reference: judges each platform's image too.
  void join(index::ValidateOptions& options, const Reference& reference);
  [[nodiscard]] const inspect::InventoryCache& inventories() const { return inventories_; }

 private:
  explicit Census(std::filesystem::path folder);

  std::filesystem::path folder_;
  inspect::InventoryCache inventories_;
};

}  // namespace nodeproof::cli
