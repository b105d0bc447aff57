#include "agent/registry/answer.hpp"

#include <algorithm>

#include "agent/registry/rate_limit.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::size_t kMaxQuotedBytes = 512;
constexpr std::size_t kMaxTitleBytes = 128;

std::string member_text(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  return value == nullptr ? "" : value->string().value_or("");
}

// The servers in front of registries say in a page's title what they miss.
std::string page_words(std::string_view page) {
  constexpr std::string_view kOpen = "<title>";
  const auto begin = page.find(kOpen);
  const auto end = page.find("</title>", begin);
  if (begin == page.npos || end == page.npos) return "a web page";
  const auto title = page.substr(begin + kOpen.size(), end - begin - kOpen.size());
  return "a web page: " + printable(title, kMaxTitleBytes);
}

// distribution-spec, section "Error Codes": {"errors":[{"code":..,"message":..}]}.
std::string registry_words(const Answer& answer) {
  if (content_type(answer.head) == "text/html") return page_words(answer.body);
  const auto document = json::parse(answer.body);
  const json::Value* errors = document ? document->find("errors") : nullptr;
  if (errors == nullptr || errors->items().empty()) return printable(answer.body, kMaxQuotedBytes);
  std::string words;
  for (const auto& error : errors->items()) {
    const std::string code = member_text(error, "code");
    const std::string message = member_text(error, "message");
    if (!words.empty()) words += "; ";
    words += code + (code.empty() || message.empty() ? "" : ": ") + message;
  }
  return printable(words, kMaxQuotedBytes);
}

std::string summary(const Answer& answer) {
  std::string text = answer.url.host_port() + " answered " + std::to_string(answer.head.status);
  const std::string words = registry_words(answer);
  return words.empty() ? text : text + " (" + words + ")";
}

Error unauthorized(const Answer& answer, const std::string& source) {
  if (answer.head.status == 403) {
    return {Errc::unauthorized, "access denied: " + summary(answer),
            "give the account" + (source.empty() ? "" : " (it comes from " + source + ")") +
                " the right to pull, or name an account that has it"};
  }
  if (!source.empty()) {
    return {Errc::unauthorized,
            "the credentials were refused, or the image does not exist: " + summary(answer),
            "check the image's name and this registry's login, which comes from " + source};
  }
  return {Errc::unauthorized, "not found or no access: " + summary(answer),
          "check the image's name; a private one needs a login, in nodeproof's configuration or "
          "where docker, k3s or the kubelet keep theirs"};
}

// A registry answers in JSON, or at least says that it is one.
Error not_found(const Answer& answer) {
  const bool web_page = content_type(answer.head) == "text/html";
  if (web_page && !answer.head.header("docker-distribution-api-version")) {
    return {Errc::not_a_registry, "not a registry: " + summary(answer), "check host and port"};
  }
  return {Errc::not_found, "not found: " + summary(answer), "check repository, tag and digest"};
}

Error throttled(const Answer& answer) {
  const bool busy = answer.head.status == 503;
  std::string text = (busy ? "not available now: " : "too many requests: ") + summary(answer);
  if (const auto limit = rate_limit_of(answer.head)) text += ", " + text_of(*limit);
  if (const auto after = answer.head.header("retry-after")) {
    const bool seconds = !after->empty() && std::all_of(after->begin(), after->end(), [](char c) {
      return c >= '0' && c <= '9';
    });
    text += ", try again after " + printable(*after, 64) + (seconds ? " s" : "");
  }
  if (busy) return {Errc::throttled, text, "wait until the registry is back"};
  return {Errc::throttled, text, "wait, or log in: registries allow more requests to accounts"};
}

std::string remedy_of(const Answer& answer) {
  if (answer.head.status >= 500) return "check the registry's own log";
  if (answer.head.status != 400) return "";
  const auto says = [&](std::string_view words) {
    return answer.body.find(words) != std::string::npos;
  };
  if (!answer.url.tls && says("HTTPS")) {
    return "this port speaks HTTPS: name its CA, and leave 'plain_http' off, in the configuration";
  }
  // nginx: "No required SSL certificate was sent", "The SSL certificate error".
  if (answer.url.tls && says("SSL certificate")) {
    return "this registry wants a client certificate of a CA it knows: check 'client_certificate' "
           "and 'client_key' in the configuration";
  }
  return "";
}

}  // namespace

Error failure_of(const Answer& answer, const std::string& source) {
  switch (answer.head.status) {
    case 401:
    case 403:
      return unauthorized(answer, source);
    case 404:
      return not_found(answer);
    case 416:
      return {Errc::truncated, "the registry has fewer bytes than it should: " + summary(answer),
              "push the image again"};
    case 429:
      return throttled(answer);
    case 503:
      if (answer.head.header("retry-after")) return throttled(answer);
      break;
    default:
      break;
  }
  return {Errc::server_error, summary(answer), remedy_of(answer)};
}

bool cannot_read_its_document(const Answer& answer) {
  if (answer.head.status != 500) return false;
  const auto document = json::parse(answer.body);
  const json::Value* errors = document ? document->find("errors") : nullptr;
  if (errors == nullptr || errors->items().empty()) return false;
  const json::Value& first = errors->items().front();
  const json::Value* detail = first.find("detail");
  return member_text(first, "code") == "UNKNOWN" && detail != nullptr &&
         detail->find("Offset") != nullptr;
}

std::string sender_of(const Answer& answer) {
  return answer.head.address.empty() ? answer.url.host : answer.head.address;
}

std::string content_type(const HttpResponse& head) {
  std::string type = head.header("content-type").value_or("");
  type.resize(std::min(type.find(';'), type.size()));
  while (type.ends_with(' ') || type.ends_with('\t')) type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return type;
}

Result<> check_success(const HttpResponse& head, const HttpUrl& url) {
  if (content_type(head) == "text/html") {
    return fail(Errc::not_a_registry,
                url.host_port() + " is not a registry: it answered with a web page",
                "check host and port; a login page of the network (captive portal) or a proxy may "
                "be in the way");
  }
  const std::string encoding = head.header("content-encoding").value_or("identity");
  if (encoding != "identity" && !encoding.empty()) {
    return fail(Errc::unsupported,
                url.host_port() + " answered with the content encoding '" +
                    printable(encoding, 64) + "', which was not asked for",
                "have compression of answers turned off there");
  }
  return {};
}

}  // namespace nodeproof::registry
