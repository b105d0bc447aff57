// A file with the generation before beside it, for what must not be lost to a storage that keeps no
// promise at a power cut: where the newer one is torn, the older one counts.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace nodeproof {

class Generations {
 public:
  using IsWhole = std::function<bool(std::string_view content)>;

  // The older one is <path>.old. A content that is not whole counts as absent.
  Generations(std::filesystem::path path, std::size_t max_bytes, IsWhole is_whole);

  // The newest that is whole. Errors are those of reading the newer one; Errc::corrupt when no
  // generation is whole.
  [[nodiscard]] Result<std::string> read() const;
  // As write_file_atomically() does. What was there becomes the older generation if it is whole,
  // so that there is a whole one at every moment.
  [[nodiscard]] Result<> write(std::string_view content, unsigned mode = 0644) const;
  // What is to be written next must not be taken back by a power cut.
  [[nodiscard]] Result<> forget_older() const;
  [[nodiscard]] Result<> remove() const;

 private:
  [[nodiscard]] std::filesystem::path older() const;
  void keep_older() const;

  std::filesystem::path path_;
  std::size_t max_bytes_;
  IsWhole is_whole_;
};

}  // namespace nodeproof
