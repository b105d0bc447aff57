// Content digests (OCI image-spec, descriptor.md#digests): "sha256:<64 lower hex>" or "sha512:<128
// lower hex>".
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace nodeproof {

enum class HashAlgorithm { sha256, sha512 };

// Exists only validated, so it is safe in URLs, file names, refs and labels.
class Digest {
 public:
  static Result<Digest> parse(std::string_view text);

  [[nodiscard]] HashAlgorithm algorithm() const { return algorithm_; }
  [[nodiscard]] const std::string& str() const { return text_; }  // "sha256:..."
  [[nodiscard]] std::string_view hex() const;                     // without the algorithm
  [[nodiscard]] std::string short_str() const;                    // "sha256:0123456789ab"
  friend bool operator==(const Digest&, const Digest&) = default;
  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  Digest(HashAlgorithm algorithm, std::string text)
      : algorithm_(algorithm), text_(std::move(text)) {}
  HashAlgorithm algorithm_;
  std::string text_;
};

}  // namespace nodeproof
