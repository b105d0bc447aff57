#include "common/http_url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

namespace nodeproof {

namespace {

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

using Ipv6 = std::array<unsigned char, 16>;

// IPv4 becomes ::ffff:a.b.c.d, so that one set of rules serves both.
std::optional<Ipv6> address_of(const std::string& host) {
  Ipv6 out{};
  if (inet_pton(AF_INET6, host.c_str(), out.data()) == 1) return out;
  out[10] = out[11] = 0xff;
  if (inet_pton(AF_INET, host.c_str(), &out[12]) == 1) return out;
  return std::nullopt;
}

bool is_ipv4(const Ipv6& ip) {
  return std::all_of(ip.begin(), ip.begin() + 10, [](unsigned char c) { return c == 0; }) &&
         ip[10] == 0xff && ip[11] == 0xff;
}

HostKind kind_of_ipv4(unsigned char first, unsigned char second) {
  if (first == 127) return HostKind::loopback;
  if (first == 0 || first >= 224 || (first == 169 && second == 254)) return HostKind::forbidden;
  return HostKind::address;
}

HostKind kind_of_address(const Ipv6& ip) {
  if (is_ipv4(ip)) return kind_of_ipv4(ip[12], ip[13]);
  const bool short_form = std::all_of(ip.begin(), ip.end() - 1, [](auto c) { return c == 0; });
  if (short_form) return ip[15] == 1 ? HostKind::loopback : HostKind::forbidden;
  if (ip[0] == 0xff || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80)) return HostKind::forbidden;
  // RFC 6052: a NAT64 gateway turns the last four into an IPv4 address.
  const Ipv6 kNat64 = {0x00, 0x64, 0xff, 0x9b};
  if (std::equal(ip.begin(), ip.begin() + 12, kNat64.begin())) return kind_of_ipv4(ip[12], ip[13]);
  const Ipv6 kAwsMetadata = {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
  return ip == kAwsMetadata ? HostKind::forbidden : HostKind::address;
}

// Spellings like 0x7f.1 or 2130706433 are IPv4 addresses to many resolvers: only the dotted quad is
// taken.
bool ends_in_number(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view label = host.substr(host.rfind('.') + 1);
  const bool digits = !label.empty() && std::all_of(label.begin(), label.end(), is_digit);
  return digits || label.starts_with("0x");
}

bool is_dns_name(std::string_view host) {
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') return false;
  if (host.find("..") != std::string_view::npos || ends_in_number(host)) return false;
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

std::unexpected<Error> bad_url(std::string_view why) {
  return fail(Errc::invalid_document, "not a usable http(s) URL: " + std::string(why));
}

Result<> read_port(HttpUrl& url, std::string_view text) {
  if (text.empty()) return {};
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535) {
    return bad_url("port out of range");
  }
  url.port = static_cast<std::uint16_t>(port);
  return {};
}

Result<> read_authority(HttpUrl& url, std::string_view text) {
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    url.user_info = true;
    text.remove_prefix(at + 1);
  }
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return bad_url("unclosed [ in the host");
    url.host = lower(text.substr(1, end - 1));
    port = text.substr(end + 1);
    Ipv6 ignored{};
    if (inet_pton(AF_INET6, url.host.c_str(), ignored.data()) != 1) {
      return bad_url("bad IPv6 address");
    }
  } else {
    url.host = lower(text.substr(0, text.find(':')));
    port = text.substr(std::min(text.size(), url.host.size()));
    if (!address_of(url.host) && !is_dns_name(url.host)) return bad_url("bad host name");
  }
  if (port.empty()) return {};
  if (port.front() != ':') return bad_url("text behind the host");
  return read_port(url, port.substr(1));
}

// RFC 3986, section 5.2.4.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool directory = true;  // the result ends in '/'
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment = path.substr(at + 1, end - at - 1);
    directory = segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!directory) kept.push_back(segment);
    at = end;
  }
  std::string out;
  for (const auto segment : kept) out.append("/").append(segment);
  if (directory) out += '/';
  return out;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

}  // namespace

std::string HttpUrl::host_port() const {
  const std::string bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return bracketed + ":" + std::to_string(port);
}

std::string HttpUrl::authority() const {
  std::string text = host_port();
  if (port == (tls ? 443 : 80)) text.resize(text.rfind(':'));
  return text;
}

std::string HttpUrl::str() const { return (tls ? "https://" : "http://") + authority() + target; }

Result<HttpUrl> parse_http_url(std::string_view text) {
  const bool clean =
      std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!clean || text.size() > 16384) return bad_url("illegal characters or too long");
  HttpUrl url;
  const auto colon = text.find("://");
  const std::string scheme = colon == std::string_view::npos ? "" : lower(text.substr(0, colon));
  if (scheme != "http" && scheme != "https") return bad_url("the scheme is neither http nor https");
  url.tls = scheme == "https";
  url.port = url.tls ? 443 : 80;
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));
  const auto slash = std::min(text.find_first_of("/?"), text.size());
  TRY(read_authority(url, text.substr(0, slash)));
  if (slash < text.size()) url.target = text.substr(slash);
  if (url.target.front() == '?') url.target.insert(0, "/");
  if (url.target.find('\\') != std::string::npos) return bad_url("backslash in the path");
  return url;
}

Result<HttpUrl> resolve_http_url(const HttpUrl& base, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  const auto scheme_end = reference.find("://");
  if (scheme_end != std::string_view::npos && scheme_end < reference.find_first_of("/?")) {
    return parse_http_url(reference);
  }
  if (reference.starts_with("//")) {
    return parse_http_url((base.tls ? "https:" : "http:") + std::string(reference));
  }
  HttpUrl plain = base;
  plain.target = "/";
  if (reference.empty()) return base;
  if (reference.front() == '?') {
    return parse_http_url(plain.str() + std::string(path_of(base.target).substr(1)) +
                          std::string(reference));
  }
  const std::string_view base_path = path_of(base.target);
  const std::string_view folder = base_path.substr(0, base_path.rfind('/') + 1);
  const std::string whole = reference.front() == '/' ? std::string(reference)
                                                     : std::string(folder) + std::string(reference);
  const std::string path = remove_dot_segments(path_of(whole));
  return parse_http_url(plain.str() + path.substr(1) + whole.substr(path_of(whole).size()));
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[octet >> 4];
    out += kHex[octet & 0xf];
  }
  return out;
}

HostKind kind_of_host(std::string_view host) {
  std::string name = lower(host);
  if (const auto ip = address_of(name)) return kind_of_address(*ip);
  if (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || name.ends_with(".localhost")) return HostKind::loopback;
  if (name == "metadata" || name == "metadata.google.internal") return HostKind::forbidden;
  return HostKind::name;
}

bool may_lead_to(std::string_view from_host, std::string_view to_host) {
  if (lower(from_host) == lower(to_host)) return true;
  const HostKind kind = kind_of_host(to_host);
  if (kind == HostKind::loopback) return kind_of_host(from_host) == HostKind::loopback;
  return kind != HostKind::forbidden;
}

}  // namespace nodeproof
