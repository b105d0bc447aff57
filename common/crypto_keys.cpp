#include "common/crypto_keys.hpp"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <string.h>  // NOLINT(modernize-deprecated-headers): explicit_bzero

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "common/crypto.hpp"

namespace nodeproof {
namespace {

constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kNumberBytes = 32;         // r or s on P-256
constexpr std::size_t kMaxPublicKeyBytes = 256;  // its DER has 91
constexpr std::size_t kMaxPemBytes = 16384;

const unsigned char* octets(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

Bytes as_bytes_of(std::span<const unsigned char> octets) { return std::as_bytes(octets); }

std::array<unsigned char, kHashBytes> sha256(Bytes message) {
  const Digest digest = hash_of(message);
  const std::string_view hex = digest.hex();
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::array<unsigned char, kHashBytes> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<unsigned char>(value(hex[2 * i]) * 16 + value(hex[2 * i + 1]));
  }
  return out;
}

class Context {
 public:
  Context() { mbedtls_pk_init(&pk_); }
  ~Context() { mbedtls_pk_free(&pk_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  [[nodiscard]] mbedtls_pk_context* get() { return &pk_; }

  [[nodiscard]] bool is_p256() const {
    const mbedtls_ecp_keypair* pair = mbedtls_pk_ec(pk_);
    return pair != nullptr && mbedtls_ecp_keypair_get_group_id(pair) == MBEDTLS_ECP_DP_SECP256R1;
  }

 private:
  mbedtls_pk_context pk_{};
};

class Random {
 public:
  Random() {
    mbedtls_entropy_init(&entropy_);
    mbedtls_ctr_drbg_init(&generator_);
    ready_ = mbedtls_ctr_drbg_seed(&generator_, mbedtls_entropy_func, &entropy_, nullptr, 0) == 0;
  }
  ~Random() {
    mbedtls_ctr_drbg_free(&generator_);
    mbedtls_entropy_free(&entropy_);
  }
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;
  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] mbedtls_ctr_drbg_context* get() { return &generator_; }

 private:
  mbedtls_entropy_context entropy_{};
  mbedtls_ctr_drbg_context generator_{};
  bool ready_ = false;
};

Result<> check_pem(std::string_view pem) {
  if (pem.size() <= kMaxPemBytes && pem.find("-----BEGIN ") != std::string_view::npos &&
      pem.find('\0') == std::string_view::npos) {
    return {};
  }
  return fail(Errc::invalid_document, "this is no key in PEM");
}

std::unexpected<Error> other_kind() {
  return fail(Errc::unsupported, "this key is not of the kind that is used here",
              "make one with: openssl ecparam -name prime256v1 -genkey -noout");
}

// The bytes that mbedTLS wants behind a PEM text, which it ends with a zero.
struct Terminated {
  explicit Terminated(std::string_view pem) : text(pem) {}
  [[nodiscard]] const unsigned char* data() const {
    return reinterpret_cast<const unsigned char*>(text.c_str());
  }
  [[nodiscard]] std::size_t size() const { return text.size() + 1; }
  std::string text;
};

// One number of a DER signature: without leading zeros, and not read as negative.
void add_integer(std::string& out, std::string_view number) {
  number.remove_prefix(std::min(number.find_first_not_of('\0'), number.size() - 1));
  const bool negative = (static_cast<unsigned char>(number.front()) & 0x80U) != 0;
  out += '\x02';
  out += static_cast<char>(number.size() + (negative ? 1 : 0));
  if (negative) out += '\0';
  out += number;
}

std::string der_of(Bytes pair) {
  const std::string_view text = as_text(pair);
  std::string numbers;
  add_integer(numbers, text.substr(0, kNumberBytes));
  add_integer(numbers, text.substr(kNumberBytes));
  return std::string("\x30") + static_cast<char>(numbers.size()) + numbers;
}

Result<std::string> public_der(mbedtls_pk_context* key) {
  std::array<unsigned char, kMaxPublicKeyBytes> out{};
  const int written = mbedtls_pk_write_pubkey_der(key, out.data(), out.size());
  if (written <= 0) return fail(Errc::internal, "the public key cannot be written");
  // It is written at the buffer's end.
  const auto der = std::span(out).last(static_cast<std::size_t>(written));
  return std::string(as_text(as_bytes_of(der)));
}

}  // namespace

struct PublicKey::State {
  Context key;
};

struct PrivateKey::State {
  Context key;
};

PublicKey::PublicKey(std::shared_ptr<State> state, Digest id)
    : state_(std::move(state)), id_(std::move(id)) {}

Result<PublicKey> PublicKey::parse(std::string_view pem) {
  TRY(check_pem(pem));
  const Terminated text(pem);
  auto state = std::make_shared<State>();
  if (mbedtls_pk_parse_public_key(state->key.get(), text.data(), text.size()) != 0) {
    return fail(Errc::invalid_document, "this is no public key in PEM",
                "the public part of a key is made with: openssl pkey -in KEY.pem -pubout");
  }
  if (!state->key.is_p256()) return other_kind();
  const std::string der = TRY(public_der(state->key.get()));
  return PublicKey(std::move(state), hash_of(as_bytes(der)));
}

bool PublicKey::verifies(Bytes message, Bytes signature) const {
  const auto hash = sha256(message);
  const auto fits = [&](Bytes der) {
    return mbedtls_pk_verify(state_->key.get(), MBEDTLS_MD_SHA256, hash.data(), hash.size(),
                             octets(der), der.size()) == 0;
  };
  if (fits(signature)) return true;
  return signature.size() == 2 * kNumberBytes && fits(as_bytes(der_of(signature)));
}

Result<PrivateKey> PrivateKey::parse(std::string_view pem) {
  TRY(check_pem(pem));
  if (pem.find("ENCRYPTED") != std::string_view::npos) {
    return fail(Errc::unsupported, "this key is encrypted",
                "decrypt it into a file that only its owner can read: openssl pkey -in KEY.pem");
  }
  Terminated text(pem);
  Random random;
  auto state = std::make_shared<State>();
  const int parsed = random.ready()
                         ? mbedtls_pk_parse_key(state->key.get(), text.data(), text.size(), nullptr,
                                                0, mbedtls_ctr_drbg_random, random.get())
                         : -1;
  ::explicit_bzero(text.text.data(), text.text.size());
  if (parsed != 0) {
    return fail(Errc::invalid_document, "this is no private key in PEM",
                "make one with: openssl ecparam -name prime256v1 -genkey -noout");
  }
  if (!state->key.is_p256()) return other_kind();
  return PrivateKey(std::move(state));
}

Result<std::string> PrivateKey::sign(Bytes message) const {
  Random random;
  if (!random.ready()) return fail(Errc::io, "the system gives no random numbers");
  const auto hash = sha256(message);
  std::array<unsigned char, MBEDTLS_PK_SIGNATURE_MAX_SIZE> out{};
  std::size_t size = 0;
  if (mbedtls_pk_sign(state_->key.get(), MBEDTLS_MD_SHA256, hash.data(), hash.size(), out.data(),
                      out.size(), &size, mbedtls_ctr_drbg_random, random.get()) != 0) {
    return fail(Errc::internal, "signing failed");
  }
  return std::string(as_text(as_bytes_of(std::span(out).first(size))));
}

Result<PublicKey> PrivateKey::public_key() const {
  std::array<unsigned char, 2 * kMaxPublicKeyBytes> pem{};
  if (mbedtls_pk_write_pubkey_pem(state_->key.get(), pem.data(), pem.size()) != 0) {
    return fail(Errc::internal, "the public key cannot be written");
  }
  return PublicKey::parse(reinterpret_cast<const char*>(pem.data()));
}

}  // namespace nodeproof
