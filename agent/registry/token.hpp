// Bearer tokens (distribution's token authentication): asked for once per scope, kept until shortly
// before their end.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "common/http.hpp"
#include "common/http_url.hpp"

namespace nodeproof::registry {

struct TokenRequest {
  HttpUrl realm;  // has passed may_contact()
  std::string service;
  std::vector<std::string> scopes;  // "repository:library/debian:pull", most wanted first
  std::string username, password;   // "" = anonymous
  TlsSettings tls;
  std::string led_by = {};          // who named the realm: HttpRequest::led_by
  std::string identity_token = {};  // instead of a password: exchanged by POST (oauth2)
  std::string proxy = {};           // HttpRequest::proxy
  std::string source = {};          // where the credentials come from; "" = anonymous
};

class TokenSource {
 public:
  // Both outlive it.
  TokenSource(HttpClient& http, const Clock& clock) : http_(http), clock_(clock) {}

  // A kept or a new token, never the one just rejected. One request per scope is under way at a
  // time. Errors: unauthorized, throttled, server_error, invalid_document and the transport's;
  // without any secret.
  Result<std::string> token(const TokenRequest& request, std::string_view rejected,
                            const std::stop_token& stop);

 private:
  struct Entry;
  struct Granted;
  std::shared_ptr<Entry> entry_for(const TokenRequest& request);
  Result<Granted> fetch(const TokenRequest& request, const std::stop_token& stop);
  HttpRequest post_of(const TokenRequest& request);
  void keep_rotated(const TokenRequest& request, std::string refresh_token);

  HttpClient& http_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
  std::map<std::string, std::string> rotated_;  // what replaced an identity token, by service
};

// "Basic dXNlcjpwYXNz"
[[nodiscard]] std::string basic_authorization(std::string_view username, std::string_view password);

}  // namespace nodeproof::registry
