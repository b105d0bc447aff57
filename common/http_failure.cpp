#include "common/http_failure.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "common/clock.hpp"

namespace nodeproof {

namespace {

// The library's words, on one line and without what a terminal would obey.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 256)) {
    const bool plain = c > 0x20 && c < 0x7f;
    if (plain || (!out.empty() && out.back() != ' ')) out += plain ? c : ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string with_detail(const std::string& text, const HttpFailureContext& context) {
  const std::string detail = one_line(context.detail);
  return detail.empty() ? text : text + " (" + detail + ")";
}

Error name_error(const HttpFailureContext& context) {
  const std::string& host = context.url.host;
  std::string remedy = "check the name, /etc/resolv.conf and /etc/hosts";
  if (host.ends_with(".local")) {
    remedy = "names in .local are multicast DNS, which is not asked: add the host to /etc/hosts";
  }
  return {Errc::unreachable, "the name '" + host + "' was not found", remedy};
}

// Nobody but the proxy was asked for a connection.
Error proxy_connect_error(const HttpFailureContext& context) {
  const bool timeout = context.os_error == ETIMEDOUT;
  std::string cause = context.os_error == 0 ? with_detail("no connection to the proxy", context)
                                            : std::string("no connection to the proxy: ") +
                                                  std::strerror(context.os_error);
  if (context.os_error == ECONNREFUSED) cause = "the proxy itself refused the connection";
  return {timeout ? Errc::timeout : Errc::unreachable, std::move(cause),
          "check that " + (context.proxy.empty() ? "the proxy" : context.proxy) +
              " is the right proxy and runs: http_proxy, https_proxy and no_proxy in the "
              "environment, or the registry's 'proxy'"};
}

Error connect_error(const HttpFailureContext& context) {
  if (context.through_proxy) return proxy_connect_error(context);
  switch (context.os_error) {
    case ECONNREFUSED:
      return {Errc::unreachable, "connection refused",
              "check that the server runs and listens on port " + std::to_string(context.url.port)};
    case ENETUNREACH:
    case EHOSTUNREACH:
      return {Errc::unreachable, "no route to the host", "check this host's network and routes"};
    case ETIMEDOUT:
      return {Errc::timeout, "no answer to the connection attempt",
              "check the address, firewalls and routes between here and there"};
    case 0:
      return {Errc::unreachable, with_detail("no connection", context),
              "check this host's network and the server"};
    default:
      return {Errc::unreachable, std::string("no connection: ") + std::strerror(context.os_error),
              "check this host's network and the server"};
  }
}

enum class Note { none, host, clock, ca_file };

struct CertificateProblem {
  std::string_view sign;  // part of mbedTLS's text
  std::string_view cause;
  Note note;
  std::string_view remedy;
};

// In the order in which they explain each other: with a wrong clock every certificate is wrong.
constexpr CertificateProblem kCertificateProblems[] = {
    {"starts in the future", "is not yet valid", Note::clock,
     "set this host's clock: a board without a battery clock starts in the past"},
    {"has expired", "has expired", Note::clock,
     "have the certificate renewed, or set this host's clock if it is wrong"},
    {"does not match", "is not valid for", Note::host,
     "use a host name that the certificate holds, or have it reissued with this one as a subject "
     "alternative name"},
    {"not correctly signed by the trusted CA", "is signed by no CA of", Note::ca_file,
     "name the file of its CA as this host's 'ca' in the configuration"},
    {"revoked", "has been revoked", Note::none, "have the certificate replaced"},
};

std::string text_of(Note note, const HttpFailureContext& context) {
  switch (note) {
    case Note::host:
      return " " + context.url.host;
    case Note::clock:
      return " (this host's clock says " + to_rfc3339(std::chrono::system_clock::now()) + ")";
    case Note::ca_file:
      return " " + context.ca_file;
    case Note::none:
      break;
  }
  return {};
}

Error certificate_error(const HttpFailureContext& context) {
  std::string causes;
  std::string_view remedy;
  for (const auto& problem : kCertificateProblems) {
    if (context.detail.find(problem.sign) == std::string::npos) continue;
    causes.append(causes.empty() ? "" : " and ").append(problem.cause);
    causes += text_of(problem.note, context);
    if (remedy.empty()) remedy = problem.remedy;
  }
  if (causes.empty()) {
    return {Errc::untrusted, with_detail("its TLS certificate is not accepted", context), ""};
  }
  return {Errc::untrusted, "its TLS certificate " + causes, std::string(remedy)};
}

Error cause_of(HttpFailure failure, const HttpFailureContext& context) {
  switch (failure) {
    case HttpFailure::name_not_found:
      return name_error(context);
    case HttpFailure::proxy_name_not_found:
      return {Errc::unreachable, "the name of the proxy was not found",
              "check http_proxy and https_proxy in the environment, or the registry's 'proxy'"};
    case HttpFailure::not_connected:
      return connect_error(context);
    case HttpFailure::connect_timeout:
      return {Errc::timeout, with_detail("no connection in time", context),
              "check the address, firewalls and routes between here and there"};
    case HttpFailure::tls_handshake:
      return {Errc::unreachable, with_detail("the TLS handshake failed", context),
              "if plain HTTP is spoken there, allow it with 'plain_http' in the configuration"};
    case HttpFailure::certificate:
      return certificate_error(context);
    case HttpFailure::ca_file:
      return {Errc::invalid_config,
              with_detail("the CA file " + context.ca_file + " cannot be used", context),
              "name a readable file of PEM certificates"};
    case HttpFailure::client_certificate:
      return {
          Errc::invalid_config,
          with_detail("the client certificate " + context.client_certificate + " cannot be used",
                      context),
          "name readable PEM files that belong together"};
    case HttpFailure::proxy:
      return {Errc::unreachable,
              with_detail("the proxy did not let the connection through", context),
              "check http_proxy, https_proxy and no_proxy in the environment, or the registry's "
              "'proxy'"};
    case HttpFailure::no_answer:
      return {Errc::unreachable,
              with_detail("the connection was closed before an answer came", context), ""};
    case HttpFailure::short_body:
      return {Errc::truncated, with_detail("the answer broke off", context), ""};
    case HttpFailure::not_http:
      return {Errc::not_a_registry, with_detail("what answers there does not speak HTTP", context),
              "check host and port; a TLS server needs https"};
    case HttpFailure::other:
      break;
  }
  return {Errc::unreachable, with_detail("the transfer failed", context), ""};
}

}  // namespace

std::string proxy_of(std::string named, const HttpUrl& url) {
  for (const char* variable :
       url.tls ? std::array{"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}
               : std::array{"http_proxy", "", "all_proxy", "ALL_PROXY"}) {
    const char* value = std::getenv(variable);
    if (named.empty() && value != nullptr) named = value;
  }
  if (named.find("://") == std::string::npos) named.insert(0, "http://");
  const auto proxy = parse_http_url(named);
  return proxy ? proxy->host_port() : "";
}

Error explain(HttpFailure failure, const HttpFailureContext& context) {
  std::string where = context.url.host_port();
  if (context.through_proxy) {
    where +=
        " (through " + (context.proxy.empty() ? "a proxy" : "the proxy " + context.proxy) + ")";
  }
  return cause_of(failure, context).with_context(where);
}

}  // namespace nodeproof
