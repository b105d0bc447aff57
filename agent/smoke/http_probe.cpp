#include "agent/smoke/http_probe.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace nodeproof::smoke {
namespace {

using Kind = HttpAnswer::Kind;

std::string lower(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return small;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::optional<std::size_t> number(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

// The value of a header field of this name, in small letters; "" = absent.
std::string field(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    const std::string_view line = head.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon != line.npos && lower(line.substr(0, colon)) == name)
      return lower(trimmed(line.substr(colon + 1)));
    head.remove_prefix(std::min(end + 1, head.size()));
  }
  return {};
}

// RFC 9112 section 7.1. nullopt = more is to come.
std::optional<std::string> dechunked(std::string_view bytes, bool closed) {
  std::string body;
  for (;;) {
    const std::size_t end = bytes.find('\n');
    const auto size = number(bytes.substr(0, end), 16);
    const bool here = end != bytes.npos && size && bytes.size() - end - 1 >= *size;
    if (here && *size == 0) return body;
    if (!here && !closed) return std::nullopt;
    if (!here) return body;
    body.append(bytes.substr(end + 1, *size));
    bytes.remove_prefix(end + 1 + *size);
    if (bytes.starts_with('\r')) bytes.remove_prefix(1);
    if (bytes.starts_with('\n')) bytes.remove_prefix(1);
  }
}

// Where the header section ends: its size, and that of the empty line behind it.
struct Head {
  std::size_t size = 0, body = 0;
};

std::optional<Head> find_head(std::string_view bytes) {
  const std::size_t strict = bytes.find("\r\n\r\n"), loose = bytes.find("\n\n");
  if (strict == bytes.npos && loose == bytes.npos) return std::nullopt;
  if (strict < loose) return Head{strict, strict + 4};
  return Head{loose, loose + 2};
}

// "HTTP/1.1 200 OK"; 0 = no status line.
int status_of(std::string_view line) {
  constexpr std::string_view kStart = "HTTP/1.";
  constexpr std::size_t kCode = 9;  // behind "HTTP/1.x "
  if (!line.starts_with(kStart) || line.size() < kCode + 3 || line[kCode - 1] != ' ') return 0;
  const auto code = number(line.substr(kCode, 3), 10);
  return code && *code >= 100 && *code <= 599 ? static_cast<int>(*code) : 0;
}

// Whether the bytes may still become a status line.
bool plausible(std::string_view bytes) {
  constexpr std::string_view kStart = "HTTP/1.";
  return bytes.starts_with(kStart.substr(0, bytes.size()));
}

}  // namespace

std::string http_request(std::string_view path) {
  return "GET " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: nodeproof\r\nAccept: */*\r\n"
         "Connection: close\r\n\r\n";
}

HttpAnswer read_answer(std::string_view bytes, bool closed) {
  const Kind unfinished = closed ? Kind::garbage : Kind::incomplete;
  for (;;) {
    if (!plausible(bytes)) return {.kind = Kind::garbage};
    const auto head = find_head(bytes);
    if (!head) return {.kind = unfinished};
    const int status = status_of(bytes);
    if (status == 0) return {.kind = Kind::garbage};
    const std::string_view fields = bytes.substr(0, head->size), rest = bytes.substr(head->body);
    if (status < 200) {
      bytes = rest;
      continue;
    }
    HttpAnswer answer{Kind::answer, status};
    const bool bodiless = status == 204 || status == 304;
    const auto length = number(field(fields, "content-length"), 10);
    if (bodiless) return answer;
    if (field(fields, "transfer-encoding").ends_with("chunked")) {
      auto body = dechunked(rest, closed);
      if (!body) return {};
      answer.body = *std::move(body);
    } else if (length) {
      if (rest.size() < *length && !closed) return {};
      answer.body = rest.substr(0, *length);
    } else {
      if (!closed) return {};
      answer.body = rest;
    }
    return answer;
  }
}

}  // namespace nodeproof::smoke
