// Requests that change something at a registry, with the logins they need (OCI distribution-spec
// 1.1, push). No redirect is followed: a body must not be sent where nobody asked for it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/registry/login.hpp"
#include "agent/registry/writer.hpp"

namespace nodeproof::registry {

// A body that is streamed; hashed before its last piece leaves.
struct UploadBody {
  const Descriptor& blob;
  const BlobContent& content;
};

struct Order {
  const Reference& reference;  // whose registry and credentials
  std::string method;
  HttpUrl
      url;  // at the registry, or where its Location pointed to: credentials stay with the first
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<UploadBody> upload;  // instead of `body`
  std::vector<std::string> scopes;   // "repository:team/app:pull,push"
  std::string led_by = {};           // whose answer named the url: HttpRequest::led_by
};

// Thread-safe. Never retries but for a login.
class Orders {
 public:
  // http and clock outlive it.
  Orders(HttpClient& http, const Clock& clock, Settings settings)
      : http_(http), hosts_(std::move(settings)), logins_(http, clock, hosts_) {}
  Orders(const Orders&) = delete;
  Orders& operator=(const Orders&) = delete;
  ~Orders() = default;

  // An answer of any status.
  Result<Answer> send(const Order& order, const std::stop_token& stop);

  [[nodiscard]] Result<HttpUrl> endpoint(const Reference& reference) const {
    return hosts_.endpoint(reference);
  }
  [[nodiscard]] bool has_credentials(const Reference& reference) const {
    return !hosts_.settings_of(reference).username.empty();
  }

 private:
  Result<Answer> exchange(const Order& order, const std::string& authorization,
                          const std::stop_token& stop);

  HttpClient& http_;
  const Hosts hosts_;
  Logins logins_;
};

}  // namespace nodeproof::registry
