#include "common/content_hash.hpp"

#include <xxhash.h>

#include <cstdlib>

namespace nodeproof {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";

}  // namespace

std::string to_hex(const ContentHash& hash) {
  std::string text;
  text.reserve(kContentHashDigits);
  for (const unsigned char octet : hash) {
    text += kHex[octet >> 4];
    text += kHex[octet & 0xf];
  }
  return text;
}

std::optional<ContentHash> content_hash_of_hex(std::string_view digits) {
  if (digits.size() != kContentHashDigits) return std::nullopt;
  ContentHash hash{};
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const std::size_t value = kHex.find(digits[i]);
    if (value == std::string_view::npos) return std::nullopt;
    hash[i / 2] = static_cast<unsigned char>(hash[i / 2] * 16U + value);
  }
  return hash;
}

struct ContentHasher::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() {
    if (xxh == nullptr) std::abort();  // no memory for half a kilobyte
  }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

ContentHasher::ContentHasher() : state_(std::make_unique<State>()) { reset(); }
ContentHasher::~ContentHasher() = default;

void ContentHasher::reset() { XXH3_128bits_reset(state_->xxh); }

void ContentHasher::update(Bytes bytes) {
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

ContentHash ContentHasher::finish() {
  XXH128_canonical_t canonical{};
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh));
  return std::to_array(canonical.digest);
}

ContentHash content_hash(Bytes bytes) {
  ContentHasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

}  // namespace nodeproof
