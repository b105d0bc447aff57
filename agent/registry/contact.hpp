// Where a registry may send this client: the one guard before credentials or requests leave for
// another host.
#pragma once

#include <string_view>

#include "common/error.hpp"
#include "common/http_url.hpp"

namespace nodeproof::registry {

enum class Purpose {
  redirect,  // Location of an answer
  login,     // realm of a Bearer challenge: gets the credentials
  upload,    // Location of an upload: gets a blob
};

// Errc::untrusted. No way from https to http, no user information in the URL, and no loopback,
// link-local or metadata address that the sender's own host is not (CVE-2020-15157 and its
// relatives).
Result<> may_contact(const HttpUrl& from, const HttpUrl& to, Purpose purpose);

// Where an answer of `from` points to, when it may be contacted. Errc::server_error when it is no
// URL.
Result<HttpUrl> next_url(const HttpUrl& from, std::string_view reference, Purpose purpose);

}  // namespace nodeproof::registry
