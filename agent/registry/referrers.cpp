#include "agent/registry/http_registry.hpp"
#include "agent/registry/manifest_type.hpp"
#include "common/crypto.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::size_t kMaxListBytes = 4 << 20;

// Of registries that do not know the question.
bool is_not_known(int status) {
  return status == 400 || status == 404 || status == 405 || status == 406;
}

}  // namespace

// One page: what a registry puts on a second one, of one artifact type, is not looked at.
Result<std::optional<FetchedManifest>> HttpRegistry::referrers_at(const Question& question,
                                                                  const RetryPolicy& policy,
                                                                  const std::stop_token& stop) {
  std::string type, bytes;
  int refused = 0;
  const Receiver receiver{.head = [&](const HttpResponse& head) -> Result<> {
                            type = content_type(head);
                            bytes.clear();
                            return {};
                          },
                          .body = [&](Bytes more) -> Result<> {
                            bytes += as_text(more);
                            if (bytes.size() <= kMaxListBytes) return {};
                            return fail(Errc::too_large,
                                        "the list of referrers has more than 4 MiB");
                          },
                          .refusal = [&](const Answer& answer) { refused = answer.head.status; }};
  Attempts attempts(policy);
  for (;;) {
    auto asked = client_.ask(question, receiver, stop);
    if (asked) break;
    // Some answer whatever they do not know with their web page.
    if (is_not_known(refused) || asked.error().code == Errc::not_a_registry) {
      return std::optional<FetchedManifest>();
    }
    TRY(attempts.after(std::move(asked).error(), stop));
  }
  const std::string index = TRY(manifest_media_type(type, bytes));
  if (!media_type::is_index(index)) {
    return fail(Errc::invalid_document, "the list of referrers is no index");
  }
  const Digest digest = hash_of(as_bytes(bytes));
  return FetchedManifest{Descriptor{.media_type = index,
                                    .digest = digest,
                                    .size = bytes.size(),
                                    .platform = {},
                                    .annotations = {}},
                         std::move(bytes)};
}

// The registry itself is asked: the list changes, and a mirror may be behind or know no such
// question.
Result<std::optional<FetchedManifest>> HttpRegistry::referrers(const Reference& reference,
                                                               const Digest& subject,
                                                               const std::string& artifact_type,
                                                               std::stop_token stop) {
  const auto ask = [&]() -> Result<std::optional<FetchedManifest>> {
    const Host host = TRY(access_.routes().registry(reference));
    const Question question{
        .host = host,
        .path = "/referrers/" + subject.str() + "?artifactType=" + percent_encode(artifact_type),
        .headers = {{"Accept", std::string(media_type::kOciIndex)}}};
    return referrers_at(question, retry_, stop);
  };
  auto said = ask();
  if (said) return said;
  return std::unexpected(std::move(said).error().with_context("the referrers of " +
                                                              reference.name_with_digest(subject)));
}

}  // namespace nodeproof::registry
