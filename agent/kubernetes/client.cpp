#include "agent/kubernetes/client.hpp"

#include <algorithm>
#include <charconv>

#include "common/http_date.hpp"
#include "common/version.hpp"

namespace nodeproof::kubernetes {
namespace {

// etcd takes 1.5 MB; a node has a list of 50 images and some kilobytes of everything else.
constexpr json::ParseOptions kOfOne{};
// Hundreds of objects: one answer holds them all, for what comes from memory is given whole.
constexpr json::ParseOptions kOfAList{.max_bytes = 12 << 20, .max_values = 500'000};

const json::ParseOptions& limits_of(const Call& call) {
  return call.verb == "list" ? kOfAList : kOfOne;
}

constexpr std::chrono::seconds kLongestPause{3600};

std::string content_type(const Call& call) {
  if (call.verb == "create") return "application/json";
  switch (call.kind) {
    case PatchKind::strategic:
      return "application/strategic-merge-patch+json";
    case PatchKind::merge:
      return "application/merge-patch+json";
    case PatchKind::json:
      return "application/json-patch+json";
  }
  return {};
}

std::string method_of(const Call& call) {
  if (call.verb == "create") return "POST";
  return call.verb == "patch" ? "PATCH" : "GET";
}

// The text of a member that an answer may have.
std::string member(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  return value == nullptr ? std::string() : value->string().value_or("");
}

Result<> read_answer(const json::ParseOptions& limits, Answer& answer) {
  auto parsed = json::parse(answer.body, limits);
  if (answer.ok()) {
    if (!parsed && parsed.error().code == Errc::too_large) {
      return std::unexpected(std::move(parsed).error());
    }
    if (!parsed) {
      return fail(Errc::server_error, "the answer is no JSON: " + parsed.error().message,
                  "check that the kubeconfig's server is an API server");
    }
    answer.object = std::move(*parsed);
    return {};
  }
  answer.message = parsed ? member(*parsed, "message") : answer.body;
  answer.reason = parsed ? member(*parsed, "reason") : "";
  return {};
}

}  // namespace

Client::Client(HttpClient& http, const Clock& clock, FindCredentials find, Patience patience)
    : http_(http), clock_(clock), find_(std::move(find)), patience_(patience) {}

Result<> Client::load() {
  Credentials found = TRY(find_());
  TlsSettings tls{.ca_file = {}, .client_certificate = {}, .client_key = {}};
  tls.verify = found.verify;
  const auto hold = [this](const std::string& text, std::string& name) -> Result<> {
    if (text.empty()) return {};
    files_.push_back(TRY(MemoryFile::make(text)));
    name = files_.back().name();
    return {};
  };
  TRY(hold(found.ca, tls.ca_file));
  TRY(hold(found.certificate, tls.client_certificate));
  TRY(hold(found.key, tls.client_key));
  tls_ = std::move(tls);
  credentials_ = std::move(found);
  return {};
}

HttpRequest Client::request_for(const Call& call) const {
  HttpRequest request;
  request.method = method_of(call);
  request.url = credentials_->server + call.path;
  request.headers = {{"Accept", "application/json"},
                     {"User-Agent", "nodeproof/" + std::string(build_info().version)}};
  if (request.method != "GET") {
    request.url += "?fieldManager=nodeproof";
    request.headers.emplace_back("Content-Type", content_type(call));
    request.body = call.body;
  }
  if (!credentials_->token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + credentials_->token);
  }
  request.tls = tls_;
  request.proxy = credentials_->proxy;
  request.connect_timeout = patience_.connect;
  request.whole_timeout = patience_.answer;
  return request;
}

void Client::note_retry_after(const HttpResponse& head) {
  if (head.status != 429 && head.status != 503) return;
  const std::string text = head.header("retry-after").value_or("");
  std::chrono::seconds wait{0};
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem == std::errc() && end == text.data() + text.size()) {
    wait = std::chrono::seconds(number);
  } else if (const auto date = parse_http_date(text)) {
    wait = std::chrono::ceil<std::chrono::seconds>(*date - clock_.now());
  } else {
    return;
  }
  retry_after_ = std::clamp(wait, std::chrono::seconds(0), kLongestPause);
}

Result<Answer> Client::send_once(const Call& call, const std::stop_token& stop) {
  const json::ParseOptions& limits = limits_of(call);
  Answer answer;
  const auto head = [&](const HttpResponse& response) -> Result<> {
    answer.status = response.status;
    note_retry_after(response);
    return {};
  };
  const auto body = [&](Bytes bytes) -> Result<> {
    if (answer.body.size() + bytes.size() > limits.max_bytes) {
      return fail(Errc::too_large,
                  "the answer has more than " + std::to_string(limits.max_bytes >> 20) + " MiB");
    }
    answer.body += as_text(bytes);
    return {};
  };
  TRY(http_.send(request_for(call), head, body, stop));
  TRY(read_answer(limits, answer));
  return answer;
}

Result<> Client::still_time() {
  if (patience_.whole.count() == 0) return {};
  const auto now = clock_.monotonic();
  if (!begun_) begun_ = now;
  if (now - *begun_ <= patience_.whole - patience_.connect - patience_.answer) return {};
  return fail(Errc::timeout, "the API server takes too long");
}

Result<Answer> Client::send(const Call& call, const std::stop_token& stop) {
  TRY(still_time());
  if (!credentials_) TRY(load());
  auto answer = send_once(call, stop);
  if (answer && answer->status == 401) {
    const Credentials refused = *credentials_;
    if (load() && *credentials_ != refused) answer = send_once(call, stop);
  }
  if (answer) return answer;
  return std::unexpected(std::move(answer).error().with_context(call.verb + " " + call.resource +
                                                                " at " + credentials_->server));
}

}  // namespace nodeproof::kubernetes
