#include "agent/kubernetes/pull_secret.hpp"

#include "agent/kubernetes/pod.hpp"
#include "common/crypto.hpp"

namespace nodeproof::kubernetes {
namespace {

Result<std::string> decoded(const json::Value& data, std::string_view key) {
  const std::string text = TRY(text_of(data, key));
  auto bytes = base64_decode(text);
  if (text.empty() || !bytes) {
    return fail(Errc::invalid_document, "the Secret's " + std::string(key) + " cannot be read");
  }
  return bytes;
}

}  // namespace

Result<std::string> docker_config_of(const json::Value& secret) {
  const std::string type = TRY(text_of(secret, "type"));
  const json::Value* data = TRY(object_of(secret, "data"));
  if (data == nullptr) return fail(Errc::invalid_document, "the Secret has no data");
  if (type == "kubernetes.io/dockerconfigjson") return decoded(*data, ".dockerconfigjson");
  if (type != "kubernetes.io/dockercfg") {
    return fail(Errc::unsupported, "the Secret is of no type that holds logins of registries");
  }
  const std::string logins = TRY(decoded(*data, ".dockercfg"));
  if (!json::is_valid(logins)) {
    return fail(Errc::invalid_document, "the Secret's .dockercfg cannot be read");
  }
  return "{\"auths\":" + logins + "}";
}

}  // namespace nodeproof::kubernetes
