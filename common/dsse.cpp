#include "common/dsse.hpp"

#include <algorithm>
#include <utility>

#include "common/crypto.hpp"
#include "common/json.hpp"

namespace nodeproof::dsse {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;
constexpr std::size_t kMaxSignatures = 16;

// Standard or URL-safe, as a verifier must take either.
Result<std::string> decoded(const json::Value& value) {
  std::string text = TRY(value.string());
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  auto bytes = base64_decode(text);
  if (!bytes) return std::unexpected(value.wrong("base64"));
  return bytes;
}

}  // namespace

std::string pre_authentication_encoding(std::string_view type, std::string_view body) {
  std::string out = "DSSEv1 " + std::to_string(type.size()) + ' ';
  out.append(type).append(" " + std::to_string(body.size()) + ' ').append(body);
  return out;
}

Result<Envelope> parse(std::string_view text) {
  const json::Value document = TRY(json::parse(text, {.max_bytes = kMaxBytes, .max_depth = 8}));
  const json::Value* type = TRY(document.at("payloadType"));
  const json::Value* payload = TRY(document.at("payload"));
  const json::Value* signatures = TRY(document.at("signatures"));
  if (signatures->kind() != json::Value::Kind::array) {
    return std::unexpected(signatures->wrong("an array"));
  }
  if (signatures->items().size() > kMaxSignatures) {
    return fail(Errc::too_large, "an envelope with more than " + std::to_string(kMaxSignatures) +
                                     " signatures is not read");
  }
  Envelope envelope{TRY(type->string()), TRY(decoded(*payload)), {}};
  for (const json::Value& item : signatures->items()) {
    const json::Value* signature = TRY(item.at("sig"));
    envelope.signatures.push_back(TRY(decoded(*signature)));
  }
  return envelope;
}

std::string to_json(const Envelope& envelope) {
  json::Writer out;
  out.begin_object().member("payloadType", envelope.payload_type);
  out.member("payload", base64_encode(as_bytes(envelope.payload)));
  out.key("signatures").begin_array();
  for (const std::string& signature : envelope.signatures) {
    out.begin_object().member("sig", base64_encode(as_bytes(signature))).end_object();
  }
  return out.end_array().end_object().str();
}

Result<> sign(Envelope& envelope, const PrivateKey& key) {
  const std::string signed_text =
      pre_authentication_encoding(envelope.payload_type, envelope.payload);
  envelope.signatures.push_back(TRY(key.sign(as_bytes(signed_text))));
  return {};
}

const PublicKey* signer(const Envelope& envelope, std::span<const PublicKey> keys) {
  const std::string signed_text =
      pre_authentication_encoding(envelope.payload_type, envelope.payload);
  for (const std::string& signature : envelope.signatures) {
    const auto found = std::ranges::find_if(keys, [&](const PublicKey& key) {
      return key.verifies(as_bytes(signed_text), as_bytes(signature));
    });
    if (found != keys.end()) return &*found;
  }
  return nullptr;
}

}  // namespace nodeproof::dsse
