#include "agent/registry/contact.hpp"

namespace nodeproof::registry {

namespace {

std::string_view verb(Purpose purpose) {
  switch (purpose) {
    case Purpose::login:
      return "asks to log in at ";
    case Purpose::upload:
      return "sends the upload to ";
    case Purpose::redirect:
      break;
  }
  return "redirects to ";
}

}  // namespace

Result<> may_contact(const HttpUrl& from, const HttpUrl& to, Purpose purpose) {
  const std::string route = from.host_port() + " " + std::string(verb(purpose)) +
                            (to.tls ? "https://" : "http://") + to.host_port() + ", ";
  if (from.tls && !to.tls) return fail(Errc::untrusted, route + "which is not encrypted");
  if (to.user_info) return fail(Errc::untrusted, route + "with credentials in the URL");
  if (!may_lead_to(from.host, to.host)) {
    return fail(Errc::untrusted, route + "an address that only this host itself should use",
                "have the registry's configuration checked");
  }
  return {};
}

Result<HttpUrl> next_url(const HttpUrl& from, std::string_view reference, Purpose purpose) {
  auto url = resolve_http_url(from, reference);
  if (!url) {
    return fail(Errc::server_error, from.host_port() + " " + std::string(verb(purpose)) +
                                        "what is " + url.error().message);
  }
  TRY(may_contact(from, *url, purpose));
  return url;
}

}  // namespace nodeproof::registry
