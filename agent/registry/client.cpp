#include "agent/registry/client.hpp"

#include <algorithm>
#include <iterator>

#include "agent/registry/contact.hpp"
#include "common/words.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::size_t kMaxErrorBytes = 64 * 1024;
constexpr int kMaxRedirects = 5;
constexpr std::chrono::seconds kDocumentTimeout{120};
constexpr std::uint64_t kLeastBytesPerMinute = 60 * 256;

bool is_success(int status) { return status == 200 || status == 206; }
bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// A link of a few KB/s, shared by some layers, must do; a server that only drips must not.
void set_pace(HttpRequest& request, bool long_body) {
  request.http1_only = long_body;
  if (long_body) {
    request.least_bytes = kLeastBytesPerMinute;
    request.stall_timeout = std::chrono::minutes(1);
  } else {
    request.whole_timeout = kDocumentTimeout;
  }
}

// The configured ones; a login replaces a configured Authorization.
void add_headers(const Host& host, bool logged_in, HttpRequest& request) {
  std::ranges::copy_if(host.headers, std::back_inserter(request.headers), [&](const auto& one) {
    return !logged_in || fold_case(one.first) != "authorization";
  });
}

}  // namespace

Result<Answer> Client::exchange(const HttpRequest& request, const HttpUrl& url,
                                const Receiver& receiver, const std::stop_token& stop) {
  Answer answer{.head = {}, .url = url, .body = {}};
  bool enough = false;
  const auto head = [&](const HttpResponse& response) -> Result<> {
    answer.head = response;
    if (!is_success(response.status)) return {};
    TRY(check_success(response, url));
    return receiver.head(response);
  };
  const auto body = [&](Bytes bytes) -> Result<> {
    if (is_success(answer.head.status)) return receiver.body(bytes);
    answer.body +=
        as_text(bytes.first(std::min(bytes.size(), kMaxErrorBytes - answer.body.size())));
    enough = answer.body.size() == kMaxErrorBytes;
    if (enough) return fail(Errc::too_large, "");
    return {};
  };
  auto sent = access_.http().send(request, head, body, stop);
  // A refusal is one even when its words break off: docker-registry 2.8's 416 declares the length
  // of the blob.
  const bool refused = answer.head.status != 0 && !is_success(answer.head.status);
  const bool cut = refused && !sent && sent.error().code == Errc::truncated;
  if (!sent && !enough && !cut) return std::unexpected(std::move(sent).error());
  return answer;
}

Result<Answer> Client::follow_redirects(const Question& question, std::string authorization,
                                        const Receiver& receiver, const std::stop_token& stop) {
  const Host& host = question.host;
  HttpUrl url = host.url(question.path);
  std::string led_by;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    HttpRequest request;
    request.method = question.method;
    request.url = url.str();
    request.headers = question.headers;
    request.tls = access_.routes().tls_for(url, host);
    request.proxy = host.proxy;
    request.connect_timeout = host.connect_timeout;
    set_pace(request, question.long_body);
    request.led_by = led_by;
    // What is configured for a host may be a secret.
    if (url.same_origin(host.api)) add_headers(host, !authorization.empty(), request);
    if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    Answer answer = TRY(exchange(request, url, receiver, stop));
    const auto location = answer.head.header("location");
    if (!is_redirect(answer.head.status) || !location) return answer;
    HttpUrl target = TRY(next_url(url, *location, Purpose::redirect));
    if (!url.same_origin(target)) authorization.clear();
    led_by = sender_of(answer);
    url = std::move(target);
  }
  return fail(Errc::server_error, url.host_port() + " is the end of more than 5 redirects");
}

Result<> Client::ask(const Question& question, const Receiver& receiver,
                     const std::stop_token& stop) {
  const Host& host = question.host;
  Authorization authorization = TRY(access_.logins().authorization(host, stop));
  const auto refuse = [&](const Answer& answer) {
    if (receiver.refusal) receiver.refusal(answer);
    Error error = failure_of(answer, authorization.source);
    // S3 without ListBucket tells an absent object from a forbidden one to nobody.
    if (answer.head.status == 403 && !answer.url.same_origin(host.api)) {
      error.remedy =
          "look at the registry's storage: its object store refuses what it was sent for, "
          "and some do so for what is not there, too";
    }
    return std::unexpected(std::move(error));
  };
  for (bool fresh = false;;) {
    const Answer answer = TRY(follow_redirects(question, authorization.header, receiver, stop));
    if (is_success(answer.head.status)) return {};
    // Only the registry itself may ask for credentials, not whom it redirects to.
    const bool own_challenge = answer.head.status == 401 && answer.url.same_origin(host.api);
    if (!own_challenge || fresh) return refuse(answer);
    auto next = TRY(access_.logins().answer_challenge({host, answer, authorization}, stop));
    if (!next || next->header == authorization.header) return refuse(answer);
    authorization = *std::move(next);
    fresh = !authorization.header.empty();
  }
}

}  // namespace nodeproof::registry
