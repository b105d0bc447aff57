// Bytes through descriptors, whole and without signals.
#pragma once

#include <string>
#include <string_view>

#include "common/bytes.hpp"

namespace nodeproof::unpack {

// Borrows the descriptor.
class FdReader final : public ByteReader {
 public:
  explicit FdReader(int fd) : fd_(fd) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override;
  Result<> drain();  // to the end

 private:
  int fd_;
};

Result<std::string> read_all(int fd, std::size_t most);  // Errc::too_large
Result<> send_all(int fd, std::string_view text);        // a pipe's end

}  // namespace nodeproof::unpack
