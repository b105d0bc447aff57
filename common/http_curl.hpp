// The HttpClient over libcurl (TLS by mbedTLS, names by c-ares). http_curl.cpp is libcurl's only
// includer.
#pragma once

#include <memory>
#include <string>

#include "common/http.hpp"

namespace nodeproof {

// Keeps connections for reuse. Proxies come from http_proxy, https_proxy, HTTPS_PROXY and no_proxy,
// never for loopback hosts; the system's CA store from SSL_CERT_FILE or the usual places. A stop
// ends a transfer at once, also one on which nothing arrives. An origin whose HTTP/2 broke is asked
// in HTTP/1.1 from then on. A response's header block may hold 64 KiB.
class CurlHttpClient final : public HttpClient {
 public:
  CurlHttpClient();
  ~CurlHttpClient() override;
  CurlHttpClient(const CurlHttpClient&) = delete;
  CurlHttpClient& operator=(const CurlHttpClient&) = delete;

  // Besides the port's errors: invalid_document for the URL, invalid_config for a certificate file
  // that cannot be used, not_a_registry when no HTTP is spoken there, server_error for a header
  // block that is too large.
  Result<HttpResponse> send(const HttpRequest& request, const HttpHeadSink& head,
                            const ByteSink& body, std::stop_token stop) override;

 private:
  class Pool;
  std::unique_ptr<Pool> pool_;
};

[[nodiscard]] std::string
http_library();  // "libcurl/8.14.1 mbedTLS/3.6.6 c-ares/1.18.1 nghttp2/1.52.0"

}  // namespace nodeproof
