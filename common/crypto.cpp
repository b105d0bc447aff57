// SHA-256 is OpenSSL's: it uses the processor's own instructions where there are some, and is
// several times faster than mbedTLS' also where there are none. Its plain functions need no
// provider and read no configuration, though OpenSSL would rather have others called.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/crypto.hpp"

#include <mbedtls/base64.h>
#include <mbedtls/build_info.h>
#include <mbedtls/sha512.h>
#include <openssl/sha.h>

#include <array>
#include <cstdlib>
#include <utility>
#include <variant>

namespace nodeproof {

namespace {

// Hashes fail only for arguments that this file never passes.
void must_succeed(bool done) {
  if (!done) std::abort();
}

const unsigned char* octets(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

class Sha256 {
 public:
  static constexpr std::string_view kPrefix = "sha256:";
  Sha256() { must_succeed(SHA256_Init(&context_) == 1); }

  void update(Bytes bytes) {
    must_succeed(SHA256_Update(&context_, bytes.data(), bytes.size()) == 1);
  }
  std::array<unsigned char, SHA256_DIGEST_LENGTH> finish() {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> out{};
    must_succeed(SHA256_Final(out.data(), &context_) == 1);
    return out;
  }

 private:
  SHA256_CTX context_{};
};

class Sha512 {
 public:
  static constexpr std::string_view kPrefix = "sha512:";
  Sha512() {
    mbedtls_sha512_init(&context_);
    must_succeed(mbedtls_sha512_starts(&context_, 0) == 0);
  }
  ~Sha512() { mbedtls_sha512_free(&context_); }
  Sha512(const Sha512&) = delete;
  Sha512& operator=(const Sha512&) = delete;

  void update(Bytes bytes) {
    must_succeed(mbedtls_sha512_update(&context_, octets(bytes), bytes.size()) == 0);
  }
  std::array<unsigned char, 64> finish() {
    std::array<unsigned char, 64> out{};
    must_succeed(mbedtls_sha512_finish(&context_, out.data()) == 0);
    return out;
  }

 private:
  mbedtls_sha512_context context_{};
};

template <std::size_t Size>
Digest to_digest(std::string_view prefix, const std::array<unsigned char, Size>& octets) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text(prefix);
  text.reserve(prefix.size() + 2 * Size);
  for (const unsigned char octet : octets) {
    text += kHex[octet >> 4];
    text += kHex[octet & 0xf];
  }
  return Digest::parse(text).value();
}

}  // namespace

struct Hasher::State {
  explicit State(HashAlgorithm algorithm) {
    if (algorithm == HashAlgorithm::sha512) {
      hash.emplace<Sha512>();
    } else {
      hash.emplace<Sha256>();
    }
  }
  std::variant<std::monostate, Sha256, Sha512> hash;  // monostate: finished
};

Hasher::Hasher(HashAlgorithm algorithm) : state_(std::make_unique<State>(algorithm)) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(Bytes bytes) {
  if (auto* sha256 = std::get_if<Sha256>(&state_->hash)) {
    sha256->update(bytes);
  } else if (auto* sha512 = std::get_if<Sha512>(&state_->hash)) {
    sha512->update(bytes);
  } else {
    std::abort();
  }
}

Digest Hasher::finish() {
  if (auto* sha256 = std::get_if<Sha256>(&state_->hash)) {
    const auto octets = sha256->finish();
    state_->hash.emplace<std::monostate>();
    return to_digest(Sha256::kPrefix, octets);
  }
  if (auto* sha512 = std::get_if<Sha512>(&state_->hash)) {
    const auto octets = sha512->finish();
    state_->hash.emplace<std::monostate>();
    return to_digest(Sha512::kPrefix, octets);
  }
  std::abort();
}

Digest hash_of(Bytes bytes, HashAlgorithm algorithm) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.finish();
}

std::string crypto_library() { return MBEDTLS_VERSION_STRING_FULL; }

std::string base64_encode(Bytes bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // mbedTLS writes a terminator too
  std::size_t written = 0;
  must_succeed(mbedtls_base64_encode(reinterpret_cast<unsigned char*>(out.data()), out.size(),
                                     &written, octets(bytes), bytes.size()) == 0);
  out.resize(written);
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  std::string padded;
  for (const char c : text) {
    if (c != '\r' && c != '\n') padded += c;
  }
  while (padded.size() % 4 != 0) padded += '=';
  std::string out(padded.size(), '\0');
  std::size_t written = 0;
  if (mbedtls_base64_decode(reinterpret_cast<unsigned char*>(out.data()), out.size(), &written,
                            octets(as_bytes(padded)), padded.size()) != 0) {
    return fail(Errc::invalid_document, "this is not base64");
  }
  out.resize(written);
  return out;
}

}  // namespace nodeproof
