// Signatures: ECDSA over NIST P-256 with SHA-256, the kind that cosign makes and takes by default.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/bytes.hpp"
#include "common/digest.hpp"
#include "common/error.hpp"

namespace nodeproof {

class PublicKey {
 public:
  // PEM, "PUBLIC KEY" (RFC 5280, SubjectPublicKeyInfo). Errc::unsupported for other kinds of keys.
  static Result<PublicKey> parse(std::string_view pem);

  // Over the message itself, which is hashed here. The signature is DER (RFC 3279) or, as some
  // tools write it, the 64 bytes of r and s.
  [[nodiscard]] bool verifies(Bytes message, Bytes signature) const;

  // SHA-256 of the SubjectPublicKeyInfo in DER, as sigstore identifies keys.
  [[nodiscard]] const Digest& id() const { return id_; }

 private:
  struct State;
  PublicKey(std::shared_ptr<State> state, Digest id);
  std::shared_ptr<State> state_;  // not changed after it was parsed
  Digest id_;
};

class PrivateKey {
 public:
  // PEM, not encrypted: "PRIVATE KEY" (PKCS #8) or "EC PRIVATE KEY" (SEC 1). No error holds
  // anything of it.
  static Result<PrivateKey> parse(std::string_view pem);

  Result<std::string> sign(Bytes message) const;  // DER
  Result<PublicKey> public_key() const;

 private:
  struct State;
  explicit PrivateKey(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace nodeproof
