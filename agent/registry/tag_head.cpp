#include "agent/registry/http_registry.hpp"
#include "agent/registry/manifest_type.hpp"

namespace nodeproof::registry {

// Docker Hub counts GETs of manifests, not HEADs.
Result<std::optional<Digest>> HttpRegistry::ask_digest(const Reference& tag, std::stop_token stop) {
  std::optional<Digest> said;
  const Question question{.reference = tag,
                          .path = "/v2/" + tag.path() + "/manifests/" + tag.identifier(),
                          .headers = {{"Accept", std::string(kAcceptDocuments)}},
                          .method = "HEAD"};
  const Receiver receiver{.head = [&](const HttpResponse& head) -> Result<> {
                            const auto digest =
                                Digest::parse(head.header("docker-content-digest").value_or(""));
                            // Of another algorithm it cannot be compared with our own.
                            if (digest && digest->algorithm() == HashAlgorithm::sha256) {
                              said = *digest;
                            }
                            return {};
                          },
                          .body = [](Bytes) -> Result<> { return {}; }};
  Attempts attempts(retry_);
  for (;;) {
    auto asked = client_.ask(question, receiver, stop);
    if (asked) return said;
    Error error = std::move(asked).error();
    // 405, or a document that the registry cannot read: only a GET's answer has words to say so.
    if (error.code == Errc::server_error) return std::optional<Digest>();
    auto again = attempts.after(std::move(error), stop);
    if (!again) return std::unexpected(std::move(again).error().with_context(tag.name()));
  }
}

std::optional<RateLimit> HttpRegistry::rate_limit(const Reference& reference) const {
  return client_.rate_limit(reference);
}

}  // namespace nodeproof::registry
