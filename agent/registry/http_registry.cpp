#include "agent/registry/http_registry.hpp"

#include <algorithm>
#include <charconv>

#include "agent/registry/blob_stream.hpp"
#include "agent/registry/manifest_type.hpp"
#include "common/crypto.hpp"
#include "common/text.hpp"

namespace nodeproof::registry {

namespace {

// containerd's MaxManifestSize: 4*1048*1048, so that both take the same images.
constexpr std::uint64_t kMaxManifestBytes = 4'393'216;
// Progress of this many bytes renews a blob's attempts.
constexpr std::uint64_t kProgressBytes = 1 << 20;

std::unexpected<Error> too_large() {
  return fail(Errc::too_large, "the manifest has more than " + std::to_string(kMaxManifestBytes) +
                                   " bytes, which containerd would not take either");
}

Result<> check_length(const HttpResponse& head) {
  const std::string text = head.header("content-length").value_or("");
  std::uint64_t length = 0;
  std::from_chars(text.data(), text.data() + text.size(), length);
  if (length > kMaxManifestBytes) return too_large();
  return {};
}

std::unexpected<Error> wrong_digest(const Digest& expected, const Digest& actual) {
  return fail(
      Errc::digest_mismatch,
      "the registry's bytes hash to " + actual.short_str() + " instead of " + expected.short_str(),
      "push the image again: the registry's copy is damaged");
}

// The tag is right and the bytes are not: a registry reads the digest from the tag's own link.
std::unexpected<Error> not_as_announced(const Digest& announced, const Digest& actual) {
  return fail(Errc::digest_mismatch,
              "the registry says that the tag names " + announced.short_str() +
                  ", and sends bytes that hash to " + actual.short_str(),
              "push a new build, or restore the tag from a backup under another digest (nodeproof "
              "index restore --new-digest): the registry's copy is damaged, and a push of the same "
              "bytes does not replace it");
}

std::unexpected<Error> not_readable(const Error& error) {
  return fail(Errc::corrupt, "the registry cannot read the manifest it keeps: " + error.message,
              "push the image again: the manifest's file in the registry is empty or cut off");
}

// CVE-2021-41190: a document must not be read as one thing here and as another elsewhere.
Result<> check_type(std::string_view answered, const Descriptor& child) {
  const bool known = media_type::is_index(answered) || media_type::is_manifest(answered);
  if (!known || answered == child.media_type) return {};
  return fail(Errc::invalid_document,
              "the registry calls the document " + printable(answered, 128) + ", the index " +
                  printable(child.media_type, 128),
              "build or push the image again");
}

// A configuration comes as a blob, too.
bool is_document(const Descriptor& blob) { return blob.media_type.ends_with("json"); }

}  // namespace

Result<std::vector<Host>> HttpRegistry::hosts(const Reference& reference,
                                              const Digest* digest) const {
  const Routes& routes = access_.routes();
  if (routing_ == Routing::registry_only) return std::vector{TRY(routes.registry(reference))};
  const auto capability = digest == nullptr ? Capability::resolve : Capability::pull;
  return memory_.ordered(TRY(routes.to(reference, capability)), digest);
}

// Where another host can be asked, one is not waited for long.
RetryPolicy HttpRegistry::policy(bool is_last) const {
  RetryPolicy policy = retry_;
  if (!is_last) policy.attempts = std::min(policy.attempts, 2);
  return policy;
}

Result<HttpRegistry::Document> HttpRegistry::document(const Question& question,
                                                      std::optional<std::uint64_t> size,
                                                      const RetryPolicy& policy,
                                                      const std::stop_token& stop) {
  Attempts attempts(policy);
  for (;;) {
    Document document;
    bool unreadable = false;
    const Receiver receiver{
        .head = [&](const HttpResponse& head) -> Result<> {
          document.type = content_type(head);
          document.bytes.clear();
          document.announced = announced_digest(head);
          return check_length(head);
        },
        .body = [&](Bytes bytes) -> Result<> {
          document.bytes += as_text(bytes);
          if (document.bytes.size() > kMaxManifestBytes) return too_large();
          return {};
        },
        .refusal = [&](const Answer& answer) { unreadable = cannot_read_its_document(answer); }};
    auto asked = client_.ask(question, receiver, stop);
    if (asked) {
      if (!size || document.bytes.size() == *size) return document;
      return fail(Errc::digest_mismatch,
                  "the registry holds " + std::to_string(document.bytes.size()) +
                      " bytes where the index says " + std::to_string(*size),
                  "push the image again: the registry's copy is damaged");
    }
    auto again = attempts.after(std::move(asked).error(), stop);
    if (again) continue;
    if (unreadable && again.error().code == Errc::server_error) return not_readable(again.error());
    return std::unexpected(std::move(again).error());
  }
}

Result<FetchedManifest> HttpRegistry::tag_at(const Host& host, const Reference& reference,
                                             const RetryPolicy& policy,
                                             const std::stop_token& stop) {
  const Question question{.host = host,
                          .path = "/manifests/" + reference.identifier(),
                          .headers = {{"Accept", std::string(kAcceptDocuments)}}};
  Document found = TRY(document(question, std::nullopt, policy, stop));
  const auto& asked = reference.digest();
  const Digest digest =
      hash_of(as_bytes(found.bytes), asked ? asked->algorithm() : HashAlgorithm::sha256);
  if (!asked && found.announced && digest != *found.announced) {
    return not_as_announced(*found.announced, digest);
  }
  const std::string type = TRY(manifest_media_type(found.type, found.bytes));
  if (asked && digest != *asked) return wrong_digest(*asked, digest);
  return FetchedManifest{Descriptor{.media_type = type,
                                    .digest = digest,
                                    .size = found.bytes.size(),
                                    .platform = {},
                                    .annotations = {}},
                         std::move(found.bytes)};
}

Result<FetchedManifest> HttpRegistry::manifest(const Reference& reference, std::stop_token stop) {
  const auto fetch = [&]() -> Result<FetchedManifest> {
    const auto& digest = reference.digest();
    const auto ways = TRY(hosts(reference, digest ? &*digest : nullptr));
    return ask_in_turn(ways, memory_, [&](const Host& host, bool is_last) {
      return tag_at(host, reference, policy(is_last), stop);
    });
  };
  auto fetched = fetch();
  if (!fetched) return std::unexpected(std::move(fetched).error().with_context(reference.name()));
  return fetched;
}

Result<FetchedManifest> HttpRegistry::child_at(const Host& host, const Descriptor& child,
                                               const RetryPolicy& policy,
                                               const std::stop_token& stop) {
  const Question question{.host = host,
                          .path = "/manifests/" + child.digest.str(),
                          .headers = {{"Accept", std::string(kAcceptDocuments)}}};
  Document found = TRY(document(question, child.size, policy, stop));
  const Digest digest = hash_of(as_bytes(found.bytes), child.digest.algorithm());
  if (digest != child.digest) return wrong_digest(child.digest, digest);
  TRY(check_type(found.type, child));
  return FetchedManifest{child, std::move(found.bytes)};
}

Result<FetchedManifest> HttpRegistry::child(const Reference& reference, const Descriptor& child,
                                            std::stop_token stop) {
  const auto fetch = [&]() -> Result<FetchedManifest> {
    if (child.size > kMaxManifestBytes) return too_large();
    const auto ways = TRY(hosts(reference, &child.digest));
    return ask_in_turn(ways, memory_, [&](const Host& host, bool is_last) {
      return child_at(host, child, policy(is_last), stop);
    });
  };
  auto fetched = fetch();
  if (fetched) return fetched;
  return std::unexpected(
      std::move(fetched).error().with_context(reference.name_with_digest(child.digest)));
}

Result<> HttpRegistry::blob_at(const Host& host, const Delivery& delivery,
                               const RetryPolicy& policy, const std::stop_token& stop) {
  const auto& [blob, stream] = delivery;
  bool beyond_its_end = false;  // 416: it has fewer bytes, however often it is asked
  const Receiver receiver{
      .head = [&](const HttpResponse& head) { return stream.begin(head); },
      .body = [&](Bytes bytes) { return stream.take(bytes); },
      .refusal = [&](const Answer& answer) { beyond_its_end = answer.head.status == 416; }};
  Attempts attempts(policy);
  for (auto renewed_at = stream.position();;) {
    Question question{.host = host,
                      .path = "/blobs/" + blob.digest.str(),
                      .headers = {},
                      .long_body = !is_document(blob)};
    if (const auto range = stream.range()) question.headers = {{"Range", *range}};
    auto asked = client_.ask(question, receiver, stop);
    if (asked) asked = stream.end();
    if (asked) return {};
    Error error = std::move(asked).error();
    if (stream.sink_refused() || beyond_its_end) return std::unexpected(std::move(error));
    // The connection broke behind the last byte.
    if (is_transient(error) && blob.size > 0 && stream.end()) return {};
    if (stream.position() - renewed_at >= kProgressBytes) {
      attempts.progress();
      renewed_at = stream.position();
    }
    TRY(attempts.after(std::move(error), stop));
  }
}

// NOLINTNEXTLINE(readability-function-size): the port's signature
Result<> HttpRegistry::blob(const Reference& reference, const Descriptor& blob,
                            std::uint64_t offset, const ByteSink& sink, std::stop_token stop) {
  BlobStream stream(blob.size, offset, sink);
  std::optional<Error> refused;  // by the sink: no other host changes that
  const auto fetch = [&]() -> Result<> {
    if (offset > blob.size) return fail(Errc::internal, "asked for beyond its end");
    // "bytes=<size>-" is never asked for: the blob is there already.
    if (offset == blob.size && offset > 0) return {};
    const auto ways = TRY(hosts(reference, &blob.digest));
    return ask_in_turn(ways, memory_, [&](const Host& host, bool is_last) -> Result<> {
      const auto begin = stream.position();
      // The one before sent more than the blob: whether its bytes are right is told by the digest.
      if (begin == blob.size && begin > offset) return {};
      auto done = blob_at(host, {blob, stream}, policy(is_last), stop);
      if (stream.position() != begin) memory_.delivered(host, blob.digest);
      if (done || !stream.sink_refused()) return done;
      refused = std::move(done).error();
      return {};
    });
  };
  auto fetched = fetch();
  if (refused) return std::unexpected(*std::move(refused));
  if (fetched) return fetched;
  // Whoever pulls has others to wait for, too.
  if (fetched.error().code == Errc::timeout) fetched.error().code = Errc::unreachable;
  return std::unexpected(
      std::move(fetched).error().with_context(reference.name_with_digest(blob.digest)));
}

std::optional<RateLimit> HttpRegistry::rate_limit(const Reference& reference) const {
  const auto host = access_.routes().registry(reference);
  if (!host) return std::nullopt;
  const auto all = access_.http().rate_limits();
  const auto found = all.find(host->api.host_port());
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

std::string HttpRegistry::personal_credentials(const Reference& reference) const {
  for (const Capability asked : {Capability::resolve, Capability::pull}) {
    for (const Host& host : access_.routes().to(reference, asked).value_or(std::vector<Host>())) {
      if (auto source = access_.logins().personal_source(host); !source.empty()) return source;
    }
  }
  return "";
}

}  // namespace nodeproof::registry
