#include "agent/registry/http_registry_writer.hpp"

#include "agent/registry/contact.hpp"
#include "common/text.hpp"

namespace nodeproof::registry {

namespace {

std::string right_to_push(const std::string& source) {
  if (source.empty()) {
    return "log in with an account that may push to the repository, in nodeproof's configuration "
           "or where docker, k3s or the kubelet keep theirs";
  }
  return "give the account (it comes from " + source + ") the right to push to the repository";
}

bool is_success(int status) { return status >= 200 && status < 300; }

std::vector<std::string> scopes_for(const Host& target, const char* actions) {
  return {"repository:" + target.repository + ":" + actions};
}

// A refusal that another attempt would not change is none of the registry's failures.
Error refusal_of(const OrderAnswer& answer) {
  Error error = failure_of(answer, answer.source);
  const int status = answer.head.status;
  if (status == 401 || status == 403) error.remedy = right_to_push(answer.source);
  if (error.code != Errc::server_error || status >= 500) return error;
  error.code = status == 405   ? Errc::unsupported
               : status == 412 ? Errc::busy
                               : Errc::invalid_document;
  return error;
}

std::string name_of(const Reference& reference) {
  return reference.digest() ? reference.name_with_digest(*reference.digest()) : reference.name();
}

// The upload's Location belongs to the registry: whatever its query holds stays as it is.
void add_digest(HttpUrl& location, const Digest& digest) {
  location.target += location.target.find('?') == std::string::npos ? '?' : '&';
  location.target += "digest=" + percent_encode(digest.str());
}

}  // namespace

// Any status below 500 is the caller's to judge, but for "later".
Result<OrderAnswer> HttpRegistryWriter::send_once(const Order& order, const std::stop_token& stop) {
  OrderAnswer answer = TRY(orders_.send(order, stop));
  if (answer.head.status < 500 && answer.head.status != 429) return answer;
  return std::unexpected(failure_of(answer, answer.source));
}

// A host that wants to be left alone is left alone meanwhile: PatientHttp waits before it sends.
Result<OrderAnswer> HttpRegistryWriter::send(const Order& order, const std::stop_token& stop) {
  Attempts attempts(retry_);
  for (int refused = 0;;) {
    auto answer = send_once(order, stop);
    if (answer) return answer;
    if (answer.error().code == Errc::throttled && ++refused < retry_.attempts) continue;
    TRY(attempts.after(std::move(answer).error(), stop));
  }
}

// What cannot be asked counts as absent: the push will say what is wrong.
bool HttpRegistryWriter::is_present(const Reference& target, const Descriptor& blob,
                                    const std::stop_token& stop) {
  const auto state = reader_.probe(target, blob, stop);
  return state && (*state == BlobState::whole || *state == BlobState::announced);
}

Result<HttpRegistryWriter::Session> HttpRegistryWriter::open_session(const Host& target,
                                                                     const Descriptor& blob,
                                                                     const Reference* mount_from,
                                                                     const std::stop_token& stop) {
  Order order{.host = target,
              .method = "POST",
              .url = target.url("/blobs/uploads/"),
              .headers = {},
              .body = {},
              .upload = {},
              .scopes = scopes_for(target, "pull,push")};
  if (mount_from != nullptr) {
    order.url.target += "?mount=" + percent_encode(blob.digest.str()) +
                        "&from=" + percent_encode(mount_from->path());
    order.scopes.push_back("repository:" + mount_from->path() + ":pull");
  }
  const OrderAnswer answer = TRY(send(order, stop));
  if (mount_from != nullptr && answer.head.status == 201) return Session{true, answer.url, {}};
  if (!is_success(answer.head.status)) {
    return std::unexpected(refusal_of(answer));
  }
  const auto location = answer.head.header("location");
  if (!location) {
    return fail(Errc::server_error, answer.url.host_port() + " takes an upload but names no place");
  }
  HttpUrl place = TRY(next_url(answer.url, *location, Purpose::upload));
  return Session{false, std::move(place), sender_of(answer)};
}

Result<> HttpRegistryWriter::upload(const Host& target, const Session& session,
                                    const UploadBody& body, const std::stop_token& stop) {
  Order order{.host = target,
              .method = "PUT",
              .url = session.location,
              .headers = {{"Content-Type", "application/octet-stream"}},
              .body = {},
              .upload = body,
              .scopes = scopes_for(target, "pull,push"),
              .led_by = session.led_by};
  add_digest(order.url, body.blob.digest);
  const auto answer = orders_.send(order, stop);
  if (answer && is_success(answer->head.status)) return {};
  // What was begun is given up; if the registry cannot be told, it forgets by itself.
  order.method = "DELETE";
  order.url = session.location;
  order.headers.clear();
  order.upload.reset();
  static_cast<void>(orders_.send(order, stop).has_value());
  if (!answer) return std::unexpected(answer.error());
  return std::unexpected(refusal_of(*answer));
}

Result<BlobPush> HttpRegistryWriter::push_once(const Reference& target, const Descriptor& blob,
                                               const BlobSource& source,
                                               const std::stop_token& stop) {
  if (is_present(target, blob, stop)) return BlobPush::present;
  const Host host = TRY(access_.routes().registry(target));
  std::optional<Session> session;
  if (target.domain() == source.repository.domain()) {
    auto tried = open_session(host, blob, &source.repository, stop);
    // A mount may be refused where a push is not: it needs the right to read the other repository.
    if (tried && !tried->mounted) session = *tried;
    // A blob that a garbage collection took can be mounted all the same.
    if (tried && tried->mounted && is_present(target, blob, stop)) return BlobPush::mounted;
  }
  if (!session) session = TRY(open_session(host, blob, nullptr, stop));
  TRY(upload(host, *session, UploadBody{blob, source.content}, stop));
  return BlobPush::uploaded;
}

Result<BlobPush> HttpRegistryWriter::push_blob(const Reference& target, const Descriptor& blob,
                                               const BlobSource& source, std::stop_token stop) {
  Attempts attempts(retry_);
  for (;;) {
    auto pushed = push_once(target, blob, source, stop);
    if (pushed) return pushed;
    auto again = attempts.after(std::move(pushed).error(), stop);
    if (again) continue;
    return std::unexpected(std::move(again).error().with_context(
        "pushing to " + target.name_with_digest(blob.digest)));
  }
}

Result<> HttpRegistryWriter::put_manifest(const Reference& target, const FetchedManifest& document,
                                          const std::optional<Digest>& replaces,
                                          std::stop_token stop) {
  const Host host = TRY(access_.routes().registry(target));
  Order order{.host = host,
              .method = "PUT",
              .url = host.url("/manifests/" + target.identifier()),
              .headers = {{"Content-Type", document.descriptor.media_type}},
              .body = document.bytes,
              .upload = {},
              .scopes = scopes_for(host, "pull,push")};
  if (replaces) order.headers.emplace_back("If-Match", "\"" + replaces->str() + "\"");
  const std::string context = "pushing " + name_of(target);
  auto answer = send(order, stop);
  if (!answer) return std::unexpected(std::move(answer).error().with_context(context));
  if (!is_success(answer->head.status)) {
    return std::unexpected(refusal_of(*answer).with_context(context));
  }
  const auto stored = Digest::parse(answer->head.header("docker-content-digest").value_or(""));
  const Digest& own = document.descriptor.digest;
  if (!stored || stored->algorithm() != own.algorithm() || *stored == own) return {};
  return fail(Errc::server_error, context + ": " + answer->url.host_port() + " stored it as " +
                                      stored->short_str() + " instead of " + own.short_str());
}

Result<std::optional<Digest>> HttpRegistryWriter::tag_digest(const Reference& tag,
                                                             std::stop_token stop) {
  // By a GET and its hash: a HEAD's Docker-Content-Digest may be absent, stale or of another
  // algorithm, and this answer decides what is overwritten.
  const auto found = reader_.manifest(tag, stop);
  if (found) return std::optional(found->descriptor.digest);
  if (found.error().code == Errc::not_found) return std::optional<Digest>();
  return std::unexpected(found.error());
}

Result<> HttpRegistryWriter::remove(const Reference& reference, std::stop_token stop) {
  const Host host = TRY(access_.routes().registry(reference));
  const Order order{.host = host,
                    .method = "DELETE",
                    .url = host.url("/manifests/" + reference.identifier()),
                    .headers = {},
                    .body = {},
                    .upload = {},
                    .scopes = scopes_for(host, "delete")};
  const std::string context = "deleting " + name_of(reference);
  auto answer = send(order, stop);
  if (!answer) return std::unexpected(std::move(answer).error().with_context(context));
  if (is_success(answer->head.status)) return {};
  Error error = refusal_of(*answer);
  // registry:2 takes a tag for a broken digest.
  if (answer->head.status == 400) error.code = Errc::unsupported;
  return std::unexpected(std::move(error).with_context(context));
}

}  // namespace nodeproof::registry
