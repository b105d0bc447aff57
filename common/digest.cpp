#include "common/digest.hpp"

#include <algorithm>

#include "common/words.hpp"

namespace nodeproof {
namespace {

constexpr std::size_t kShortHex = 12;

// Lower case only: descriptor.md#sha-256 and #sha-512.
bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return fail(Errc::invalid_document,
                "digest '" + excerpt(text) + "' has no algorithm (want sha256:<64 hex digits>)");
  }
  const std::string_view name = text.substr(0, colon);
  const std::string_view hex = text.substr(colon + 1);
  if (name != "sha256" && name != "sha512") {
    return fail(Errc::unsupported, "digest algorithm '" + excerpt(name, 32) +
                                       "' is not supported (sha256 and sha512 are)");
  }
  const bool is_sha256 = name == "sha256";
  if (hex.size() != (is_sha256 ? 64 : 128) || !is_lower_hex(hex)) {
    return fail(Errc::invalid_document,
                "digest '" + excerpt(text) + "' is not " + (is_sha256 ? "64" : "128") +
                    " lower-case hex digits after '" + std::string(name) + ":'");
  }
  return Digest(is_sha256 ? HashAlgorithm::sha256 : HashAlgorithm::sha512, std::string(text));
}

std::string_view Digest::hex() const { return std::string_view(text_).substr(text_.find(':') + 1); }

std::string Digest::short_str() const { return text_.substr(0, text_.find(':') + 1 + kShortHex); }

}  // namespace nodeproof
