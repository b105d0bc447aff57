// Reports on their way to a receiver over HTTP.
#pragma once

#include <stop_token>
#include <string>

#include "common/http.hpp"

namespace nodeproof::report {

struct PostTarget {
  std::string name;  // of its section: "report.webhook"
  std::string url;
  TlsSettings tls;
  std::string token_file;  // what "Authorization: Bearer" says; "" = nothing
  std::string proxy;       // "" = the environment's
};

struct PostBody {
  std::string type;  // of its content
  std::string text;
};

struct PostAnswer {
  HttpResponse head;
  std::string body;  // its first 64 KiB
};

// One POST with the token and the certificates as they are now; redirects are not followed. Errors:
// invalid_config for a token file that cannot be used, else as HttpClient's.
Result<PostAnswer> post(HttpClient& http, const PostTarget& target, const PostBody& body,
                        const std::stop_token& stop);

}  // namespace nodeproof::report
