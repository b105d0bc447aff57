// One output stream of a run: the first and the last part are kept, everything is counted, and
// hashed when asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/crypto.hpp"
#include "common/file.hpp"

namespace nodeproof::smoke {

class Capture {
 public:
  Capture(UniqueFd fd, std::uint64_t keep, bool hash);

  [[nodiscard]] int fd() const { return fd_.get(); }  // -1 = at its end
  void read_some();                                   // the descriptor does not block
  void close() { fd_.reset(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool cut() const { return bytes_ > 2 * half_; }  // text() is not all of it
  [[nodiscard]] std::string sha256();                            // once; "" when not asked for

 private:
  void keep(std::string_view bytes);

  UniqueFd fd_;
  std::uint64_t half_;
  std::optional<Hasher> hasher_;
  std::uint64_t bytes_ = 0;
  std::string head_, tail_;
};

}  // namespace nodeproof::smoke
