// What a registry's refusal means, in words for people.
#pragma once

#include <string>

#include "common/error.hpp"
#include "common/http.hpp"
#include "common/http_url.hpp"

namespace nodeproof::registry {

struct Answer {
  HttpResponse head;
  HttpUrl url;       // who answered
  std::string body;  // bounded; not kept for the documents that were asked for
};

// Of any status but success: unauthorized (401, 403), not_found (404; not_a_registry for a web
// page), throttled (429, or 503 with Retry-After), truncated (416: it has fewer bytes than it
// should), else server_error. The registry's own words are made inert and bounded.
// `source`: where the credentials that were sent come from; "" = none were.
[[nodiscard]] Error failure_of(const Answer& answer, const std::string& source);

// docker-registry's answer when the manifest that it keeps is empty or cut off: its JSON parser's
// error, with the offset, as the detail of an UNKNOWN.
[[nodiscard]] bool cannot_read_its_document(const Answer& answer);

// The address of who answered, else the name: whether it may lead elsewhere depends on it.
[[nodiscard]] std::string sender_of(const Answer& answer);

// The media type without parameters, in lower case; "" when there is none.
[[nodiscard]] std::string content_type(const HttpResponse& head);

// Errc::not_a_registry for a web page, Errc::unsupported for an encoded body.
Result<> check_success(const HttpResponse& head, const HttpUrl& url);

}  // namespace nodeproof::registry
