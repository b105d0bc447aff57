// HTTP as this program needs it: one request, a streamed answer, redirects by hand. Real client:
// http_curl.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes.hpp"

namespace nodeproof {

struct TlsSettings {
  std::string ca_file;                          // "" = the system's store
  std::string client_certificate;               // PEM file, "" = none
  std::string client_key;                       // PEM file
  std::vector<std::string> more_ca_files = {};  // besides ca_file or the system's store
  bool verify = true;                           // false: whoever answers is believed
  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

// A body that is sent as it is read, never held whole. Borrowed for one send().
struct HttpUpload {
  ByteReader* bytes = nullptr;  // an error ends the transfer with that error
  std::uint64_t size = 0;       // how many it will give
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http:// or https:// only
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<HttpUpload> upload;  // instead of `body`
  TlsSettings tls;
  // "http://proxy.lan:3128", maybe with a login; "" = what the environment says (https_proxy,
  // http_proxy, no_proxy), and none for loopback hosts.
  std::string proxy;
  bool http1_only = false;  // for long bodies: HTTP/2's flow control and GOAWAY only hurt them
  std::chrono::milliseconds connect_timeout{15000};
  std::chrono::milliseconds first_byte_timeout{30000};  // from the connection to the last header
  std::chrono::seconds stall_timeout{60};  // fewer than least_bytes in that time end the transfer
  std::uint64_t least_bytes = 1;
  std::chrono::seconds whole_timeout{0};  // from the connection to the last byte; 0 = no limit
  // The address (else the name) of the server whose answer led here; "" = nobody's did. A
  // connection is then only made where that server may_lead_to() (http_url.hpp), whatever the name
  // in the URL resolves to. A proxy connects for itself.
  std::string led_by;
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::string address = {};                                  // the server's; "" behind a proxy
  [[nodiscard]] std::optional<std::string> header(std::string_view lower_name) const;
  [[nodiscard]] std::vector<std::string> header_values(std::string_view lower_name) const;
};

// Called once, before any body byte; an error refuses the answer and ends the transfer with that
// error.
using HttpHeadSink = std::function<Result<>(const HttpResponse&)>;

// Never follows redirects, never decodes a Content-Encoding, never retries. Safe to call from
// several threads.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Errors: unreachable, untrusted (also for an address that led_by forbids), timeout, truncated,
  // cancelled, or the sinks' own. A 4xx/5xx is an answer, not an error.
  virtual Result<HttpResponse> send(const HttpRequest& request, const HttpHeadSink& head,
                                    const ByteSink& body, std::stop_token stop) = 0;
};

}  // namespace nodeproof
