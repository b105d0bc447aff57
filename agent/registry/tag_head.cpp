#include "agent/registry/http_registry.hpp"
#include "agent/registry/manifest_type.hpp"

namespace nodeproof::registry {

// Docker Hub counts GETs of manifests, not HEADs.
Result<std::optional<Digest>> HttpRegistry::ask_digest(const Reference& tag, std::stop_token stop) {
  const auto ask = [&](const Host& host, bool is_last) -> Result<std::optional<Digest>> {
    std::optional<Digest> said;
    const Question question{.host = host,
                            .path = "/manifests/" + tag.identifier(),
                            .headers = {{"Accept", std::string(kAcceptDocuments)}},
                            .method = "HEAD"};
    const auto keep = [&](const HttpResponse& head) -> Result<> {
      said = announced_digest(head);
      return {};
    };
    const Receiver receiver{.head = keep, .body = [](Bytes) -> Result<> { return {}; }};
    Attempts attempts(policy(is_last));
    auto asked = client_.ask(question, receiver, stop);
    // 405, or a document that the registry cannot read: only a GET's answer has words to say so.
    while (!asked && asked.error().code != Errc::server_error) {
      auto may = attempts.after(std::move(asked).error(), stop);
      if (!may) return std::unexpected(std::move(may).error());
      asked = client_.ask(question, receiver, stop);
    }
    return asked ? said : std::nullopt;
  };
  const auto fetch = [&]() -> Result<std::optional<Digest>> {
    return ask_in_turn(TRY(hosts(tag, nullptr)), memory_, ask);
  };
  auto said = fetch();
  if (!said) return std::unexpected(std::move(said).error().with_context(tag.name()));
  return said;
}

}  // namespace nodeproof::registry
