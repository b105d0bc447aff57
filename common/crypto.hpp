// Hashing; the only door to mbedTLS besides curl's TLS.
#pragma once

#include <memory>

#include "common/bytes.hpp"
#include "common/digest.hpp"

namespace nodeproof {

// Incremental hash of a stream.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm = HashAlgorithm::sha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void update(Bytes bytes);
  [[nodiscard]] Digest finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] Digest hash_of(Bytes bytes, HashAlgorithm algorithm = HashAlgorithm::sha256);

[[nodiscard]] std::string base64_encode(Bytes bytes);
// RFC 4648, section 4; line ends and missing padding are tolerated. The error holds nothing of it.
Result<std::string> base64_decode(std::string_view text);

[[nodiscard]] std::string crypto_library();  // "Mbed TLS 3.6.6"

}  // namespace nodeproof
