#include <utility>

#include "agent/registry/http_registry.hpp"
#include "agent/registry/manifest_type.hpp"
#include "common/crypto.hpp"
#include "common/json.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::size_t kMaxListBytes = 4 << 20;
constexpr unsigned kMaxPages = 20;

// Of registries that do not know the question.
bool is_not_known(int status) {
  return status == 400 || status == 404 || status == 405 || status == 406;
}

// The query of the list's next page (RFC 8288). Of the address only that: it is asked of the same
// registry for the same list.
std::string next_query(const HttpResponse& head) {
  const std::string link = head.header("link").value_or("");
  const auto end = link.find('>');
  if (!link.starts_with('<') || end == std::string::npos) return "";
  const std::string_view about = std::string_view(link).substr(end);
  if (!about.contains("rel=\"next\"") && !about.contains("rel=next")) return "";
  const auto query = link.find('?');
  return query < end ? link.substr(query, end - query) : "";
}

FetchedManifest fetched(std::string bytes) {
  Descriptor descriptor{.media_type = std::string(media_type::kOciIndex),
                        .digest = hash_of(as_bytes(bytes)),
                        .size = bytes.size(),
                        .platform = {},
                        .annotations = {}};
  return {std::move(descriptor), std::move(bytes)};
}

// One index with the entries of all pages.
class Pages {
 public:
  Pages() {
    joined_.begin_object().member("schemaVersion", std::uint64_t{2});
    joined_.member("mediaType", media_type::kOciIndex).key("manifests").begin_array();
  }
  Result<> add(const std::string& page) {
    const json::Value list = TRY(json::parse(page, {.max_bytes = kMaxListBytes}));
    const json::Value* entries = TRY(list.at("manifests"));
    for (const json::Value& entry : entries->items()) joined_.raw(entry.source_in(page));
    size_ += page.size();
    return size_ <= kMaxListBytes
               ? Result<>()
               : fail(Errc::too_large, "the list of referrers has more than 4 MiB");
  }
  FetchedManifest all() { return fetched(joined_.end_array().end_object().str()); }

 private:
  json::Writer joined_;
  std::size_t size_ = 0;
};

}  // namespace

Result<std::optional<HttpRegistry::ReferrersPage>> HttpRegistry::referrers_at(
    const Question& question, const RetryPolicy& policy, const std::stop_token& stop) {
  std::string type, bytes, next;
  int refused = 0;
  const Receiver receiver{.head = [&](const HttpResponse& head) -> Result<> {
                            type = content_type(head);
                            next = next_query(head);
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
      return std::optional<ReferrersPage>();
    }
    TRY(attempts.after(std::move(asked).error(), stop));
  }
  const std::string index = TRY(manifest_media_type(type, bytes));
  if (!media_type::is_index(index)) {
    return fail(Errc::invalid_document, "the list of referrers is no index");
  }
  return ReferrersPage{std::move(bytes), std::move(next)};
}

Result<FetchedManifest> HttpRegistry::all_pages(ReferrersPage page, const ReferrersAt& page_at) {
  Pages pages;
  TRY(pages.add(page.bytes));
  for (unsigned asked = 1; !page.next.empty(); ++asked) {
    if (asked == kMaxPages) return fail(Errc::too_large, "the list of referrers has no end");
    auto next = TRY(page_at(page.next));
    if (!next) return fail(Errc::invalid_document, "the next page of the list is not there");
    page = *std::move(next);
    TRY(pages.add(page.bytes));
  }
  return pages.all();
}

// The registry itself is asked: the list changes, and a mirror may be behind or know no such
// question.
Result<std::optional<FetchedManifest>> HttpRegistry::referrers(const Reference& reference,
                                                               const Digest& subject,
                                                               const std::string& artifact_type,
                                                               std::stop_token stop) {
  const std::string list = "/referrers/" + subject.str();
  const auto page_at = [&](const std::string& query) -> Result<std::optional<ReferrersPage>> {
    const Host host = TRY(access_.routes().registry(reference));
    const Question question{.host = host,
                            .path = list + query,
                            .headers = {{"Accept", std::string(media_type::kOciIndex)}}};
    return referrers_at(question, retry_, stop);
  };
  const auto ask = [&]() -> Result<std::optional<FetchedManifest>> {
    auto page = TRY(page_at("?artifactType=" + percent_encode(artifact_type)));
    if (!page) return std::optional<FetchedManifest>();
    if (page->next.empty()) return fetched(std::move(page->bytes));
    return all_pages(*std::move(page), page_at);
  };
  auto said = ask();
  if (said) return said;
  return std::unexpected(std::move(said).error().with_context("the referrers of " +
                                                              reference.name_with_digest(subject)));
}

}  // namespace nodeproof::registry
