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

HttpRequest get_of(const TokenRequest& request) {
  HttpRequest ask;
  ask.url = url_of(request);
  if (!request.username.empty()) {
    ask.headers.emplace_back("Authorization",
                             basic_authorization(request.username, request.password));
  }
  return ask;
}

// distribution's oauth2 reference: the scopes in one value.
std::string form_of(const TokenRequest& request, const std::string& refresh_token) {
  std::string scopes;
  for (const auto& scope : request.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  std::string form = "grant_type=refresh_token&client_id=nodeproof";
  const auto add = [&](std::string_view name, std::string_view value) {
    form.append("&").append(name).append("=").append(percent_encode(value));
  };
  if (!request.service.empty()) add("service", request.service);
  if (!scopes.empty()) add("scope", scopes);
  add("refresh_token", refresh_token);
  return form;
}

std::string rotation_key(const TokenRequest& request) {
  return request.realm.str() + "\n" + request.service + "\n" + request.identity_token;
}

Error refusal_of(const Answer& answer, const TokenRequest& request) {
  const std::string remedy =
      "log in again, or with a user and a password or access token (the "
      "refused one comes from " +
      request.source + ")";
  const int status = answer.head.status;
  const bool by_post = !request.identity_token.empty();
  if (by_post && (status == 404 || status == 405 || status == 501)) {
    return {Errc::unauthorized, "it takes no identity tokens: status " + std::to_string(status),
            remedy};
  }
  // RFC 6749, section 5.2: invalid_grant.
  if (by_post && status == 400) {
    return {Errc::unauthorized, "it does not take this identity token: status 400", remedy};
  }
  Error error = failure_of(answer, request.source);
  // What a token service does not have is not the image.
  if (error.code == Errc::unauthorized || error.code == Errc::throttled) return error;
  return {Errc::server_error, std::move(error.message), "check the registry's login service"};
}

// It goes into a header.
bool is_usable_token(std::string_view token) {
  return !token.empty() && token.size() <= kMaxTokenBytes &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// "" = there is none that can be used.
std::string usable_member(const json::Value& document, std::string_view key) {
  const auto text = document.string_or(key, "");
  return text && is_usable_token(*text) ? *text : "";
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
  const std::string key = request.username + "\n" + request.identity_token + "\n" + url_of(request);
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

HttpRequest TokenSource::post_of(const TokenRequest& request) {
  const std::scoped_lock lock(mutex_);
  const auto rotated = rotated_.find(rotation_key(request));
  HttpRequest ask;
  ask.method = "POST";
  ask.url = request.realm.str();
  ask.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  ask.body = form_of(request, rotated == rotated_.end() ? request.identity_token : rotated->second);
  return ask;
}

void TokenSource::keep_rotated(const TokenRequest& request, std::string refresh_token) {
  if (request.identity_token.empty() || refresh_token.empty()) return;
  const std::scoped_lock lock(mutex_);
  rotated_.insert_or_assign(rotation_key(request), std::move(refresh_token));
}

Result<TokenSource::Granted> TokenSource::fetch(const TokenRequest& request,
                                                const std::stop_token& stop) {
  const bool by_post = !request.identity_token.empty();
  HttpRequest ask = by_post ? post_of(request) : get_of(request);
  ask.tls = request.tls;
  ask.led_by = request.led_by;
  ask.proxy = request.proxy;
  ask.whole_timeout = kTimeout;
  ask.headers.emplace_back("Accept", "application/json");
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
    return std::unexpected(refusal_of(answer, request).with_context(who));
  }
  const auto document = json::parse(answer.body, {.max_bytes = kMaxAnswerBytes});
  std::string token = document ? usable_member(*document, "token") : "";
  if (document && token.empty() && document->find("token") == nullptr) {
    token = usable_member(*document, "access_token");
  }
  if (token.empty()) return fail(Errc::server_error, who + " gave no usable token");
  keep_rotated(request, usable_member(*document, "refresh_token"));
  const json::Value* expires = document->find("expires_in");
  const auto seconds =
      expires == nullptr ? kShortestLife : expires->integer().value_or(kShortestLife);
  const auto life = std::clamp<std::int64_t>(seconds, kShortestLife, 24 * 3600);
  // A fifth of its life in reserve: clocks differ and blobs take long to be asked for.
  return Granted{std::move(token), asked_at + std::chrono::seconds(life * 4 / 5)};
}

std::string basic_authorization(std::string_view username, std::string_view password) {
  return "Basic " + base64_encode(as_bytes(std::string(username) + ":" + std::string(password)));
}

}  // namespace nodeproof::registry
