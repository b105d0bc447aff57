// Signed envelopes: DSSE 1.0 (secure-systems-lab/dsse, protocol.md and envelope.md).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto_keys.hpp"
#include "common/error.hpp"

namespace nodeproof::dsse {

// What is signed: "DSSEv1 <bytes of type> <type> <bytes of body> <body>".
[[nodiscard]] std::string pre_authentication_encoding(std::string_view type, std::string_view body);

struct Envelope {
  std::string payload_type;
  std::string payload;                  // decoded
  std::vector<std::string> signatures;  // decoded; keyid is a hint that nobody signs, and not read
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

// At most 1 MiB and 16 signatures. Errc::too_large or invalid_document.
Result<Envelope> parse(std::string_view json);

// Without keyid: with one of its own kind stock cosign would refuse ours.
[[nodiscard]] std::string to_json(const Envelope& envelope);

// Adds a signature.
Result<> sign(Envelope& envelope, const PrivateKey& key);

// The first of the keys that has signed it; nullptr = none has.
[[nodiscard]] const PublicKey* signer(const Envelope& envelope, std::span<const PublicKey> keys);

}  // namespace nodeproof::dsse
