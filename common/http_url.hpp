// URLs as far as HTTP clients of registries need them: RFC 3986 with the http(s) authority, parsed
// strictly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace nodeproof {

// Exists only validated: the host is a DNS name in ASCII, a dotted-quad IPv4 or an IPv6 address.
struct HttpUrl {
  bool tls = true;         // https
  bool user_info = false;  // "user:password@" was there; its text is not kept
  std::string host;        // lower case; IPv6 without brackets
  std::uint16_t port = 443;
  std::string target = "/";  // path and query as they go on the wire; the fragment is dropped

  [[nodiscard]] std::string str() const;        // never with user information
  [[nodiscard]] std::string authority() const;  // host[:port], the port only when not the scheme's
  [[nodiscard]] std::string host_port() const;  // always with the port; IPv6 in brackets
  [[nodiscard]] bool same_origin(const HttpUrl& other) const {
    return tls == other.tls && host == other.host && port == other.port;
  }
  friend bool operator==(const HttpUrl&, const HttpUrl&) = default;
};

// Errc::invalid_document; the message never holds the query.
Result<HttpUrl> parse_http_url(std::string_view text);

// RFC 3986, section 5.2: a Location or realm relative to the request's URL.
Result<HttpUrl> resolve_http_url(const HttpUrl& base, std::string_view reference);

// RFC 3986, section 2.1: everything but unreserved characters becomes %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

enum class HostKind {
  name,
  address,    // an IP literal of no special kind
  loopback,   // localhost, 127/8, ::1
  forbidden,  // link-local, unspecified, multicast, and the clouds' metadata services
};
[[nodiscard]] HostKind kind_of_host(std::string_view host);

// May an answer of one host (name or address) send its reader to another? Not to this very machine
// or to what is special on its network, unless the sender is there itself.
[[nodiscard]] bool may_lead_to(std::string_view from_host, std::string_view to_host);

}  // namespace nodeproof
