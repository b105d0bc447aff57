#include "agent/registry/token.hpp"

#include <algorithm>
#include <condition_variable>

#include "agent/registry/answer.hpp"
#include "common/crypto.hpp"
#include "common/json.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::size_t kMaxAnswerBytes = 256 * 1024;
constexpr std::size_t kMaxTokenBytes = 64 * 1024;
constexpr std::chrono::seconds kTimeout{60};
constexpr std::int64_t kShortestLife = 60;  // seconds; also what an answer without expires_in means

std::string url_of(const TokenRequest& request) {
  std::string url = request.realm.str();
  char separator = url.find('?') == std::string::npos ? '?' : '&';
  const auto add = [&](std::string_view name, std::string_view value) {
    url.append(1, separator).append(name).append("=").append(percent_encode(value));
    separator = '&';
  };
  if (!request.service.empty()) add("service", request.service);
  for (const auto& scope : request.scopes) add("scope", scope);
  return url;
}

// It goes into a header.
bool is_usable_token(std::string_view token) {
  return !token.empty() && token.size() <= kMaxTokenBytes &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

struct TokenSource::Granted {
  std::string token;
  std::chrono::steady_clock::time_point good_until;
};

struct TokenSource::Entry {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool fetching = false;
  Granted granted;
};

std::shared_ptr<TokenSource::Entry> TokenSource::entry_for(const TokenRequest& request) {
  const std::string key = request.username + "\n" + url_of(request);
  const std::scoped_lock lock(mutex_);
  auto& entry = entries_[key];
  if (!entry) entry = std::make_shared<Entry>();
  return entry;
}

Result<std::string> TokenSource::token(const TokenRequest& request, std::string_view rejected,
                                       const std::stop_token& stop) {
  const auto entry = entry_for(request);
  std::unique_lock lock(entry->mutex);
  if (!entry->changed.wait(lock, stop, [&] { return !entry->fetching; })) {
    return fail(Errc::cancelled, "stopped while waiting for a token");
  }
  const Granted& kept = entry->granted;
  if (!kept.token.empty() && kept.token != rejected && clock_.monotonic() < kept.good_until) {
    return kept.token;
  }
  entry->fetching = true;
  lock.unlock();
  auto granted = fetch(request, stop);
  lock.lock();
  entry->fetching = false;
  if (granted) entry->granted = *granted;
  entry->changed.notify_all();
  if (!granted) return std::unexpected(std::move(granted).error());
  return granted->token;
}

Result<TokenSource::Granted> TokenSource::fetch(const TokenRequest& request,
                                                const std::stop_token& stop) {
  HttpRequest ask;
  ask.url = url_of(request);
  ask.tls = request.tls;
  ask.led_by = request.led_by;
  ask.whole_timeout = kTimeout;
  ask.headers = {{"Accept", "application/json"}};
  if (!request.username.empty()) {
    ask.headers.emplace_back("Authorization",
                             basic_authorization(request.username, request.password));
  }
  const std::string who = "the token service " + request.realm.host_port();
  Answer answer{.head = {}, .url = request.realm, .body = {}};
  const auto collect = [&](Bytes bytes) -> Result<> {
    if (answer.body.size() + bytes.size() > kMaxAnswerBytes) {
      return fail(Errc::server_error, who + " answered with more than 256 KiB");
    }
    answer.body += as_text(bytes);
    return {};
  };
  answer.head =
      TRY(http_.send(ask, [](const HttpResponse&) -> Result<> { return {}; }, collect, stop));
  const auto asked_at = clock_.monotonic();
  if (answer.head.status != 200) {
    return std::unexpected(failure_of(answer, !request.username.empty()).with_context(who));
  }
  const auto unreadable = [&] { return fail(Errc::server_error, who + " gave no usable token"); };
  const auto document = json::parse(answer.body, {.max_bytes = kMaxAnswerBytes});
  if (!document) return unreadable();
  const json::Value* token = document->find("token");
  if (token == nullptr) token = document->find("access_token");
  const auto text =
      token == nullptr ? Result<std::string>(fail(Errc::not_found, "")) : token->string();
  if (!text || !is_usable_token(*text)) return unreadable();
  const json::Value* expires = document->find("expires_in");
  const auto seconds =
      expires == nullptr ? kShortestLife : expires->integer().value_or(kShortestLife);
  const auto life = std::clamp<std::int64_t>(seconds, kShortestLife, 24 * 3600);
  // A fifth of its life in reserve: clocks differ and blobs take long to be asked for.
  return Granted{*text, asked_at + std::chrono::seconds(life * 4 / 5)};
}

std::string basic_authorization(std::string_view username, std::string_view password) {
  return "Basic " + base64_encode(as_bytes(std::string(username) + ":" + std::string(password)));
}

}  // namespace nodeproof::registry
