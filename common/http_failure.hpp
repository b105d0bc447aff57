// What a person reads when a transfer broke: the cause in plain words and what to do.
#pragma once

#include <string>

#include "common/error.hpp"
#include "common/http_url.hpp"

namespace nodeproof {

enum class HttpFailure {
  name_not_found,
  proxy_name_not_found,
  not_connected,  // os_error says why
  connect_timeout,
  tls_handshake,
  certificate,         // detail: mbedtls_x509_crt_verify_info's lines
  ca_file,             // cannot be read
  client_certificate,  // cannot be read
  proxy,               // the proxy refused or broke the tunnel
  no_answer,           // closed or reset before the first byte
  short_body,          // fewer bytes than promised, or reset within the body
  not_http,
  other,
};

struct HttpFailureContext {
  HttpUrl url;
  std::string detail;  // the library's own words
  int os_error = 0;    // errno of the connection attempt
  bool through_proxy = false;
  std::string ca_file;  // what the certificate was checked against
  std::string client_certificate;
  std::string proxy = {};  // host:port of the one used, "" = not known
};

// host:port of the proxy that was named, else of the one that the environment names, as libcurl
// reads it; "" when that is no HTTP proxy.
[[nodiscard]] std::string proxy_of(std::string named, const HttpUrl& url);

[[nodiscard]] Error explain(HttpFailure failure, const HttpFailureContext& context);

}  // namespace nodeproof
