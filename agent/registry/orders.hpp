// Requests that change something at a registry, with the logins they need (OCI distribution-spec
// 1.1, push). No redirect is followed: a body must not be sent where nobody asked for it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/registry/access.hpp"
#include "agent/registry/writer.hpp"

namespace nodeproof::registry {

// A body that is streamed; hashed before its last piece leaves.
struct UploadBody {
  const Descriptor& blob;
  const BlobContent& content;
};

struct Order {
  const Host& host;  // whose credentials, whatever the url
  std::string method;
  HttpUrl url;  // at the host, or where its Location pointed to: credentials stay with the first
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<UploadBody> upload;  // instead of `body`
  std::vector<std::string> scopes;   // "repository:team/app:pull,push"
  std::string led_by = {};           // whose answer named the url: HttpRequest::led_by
};

struct OrderAnswer : Answer {
  std::string source;  // Authorization::source
};

// Thread-safe. Waits where a host says when to ask again (PatientHttp); never retries but for a
// login.
class Orders {
 public:
  explicit Orders(Access& access) : access_(access) {}  // outlives it

  // An answer of any status.
  Result<OrderAnswer> send(const Order& order, const std::stop_token& stop);

 private:
  Result<Answer> exchange(const Order& order, const std::string& authorization,
                          const std::stop_token& stop);

  Access& access_;
};

}  // namespace nodeproof::registry
