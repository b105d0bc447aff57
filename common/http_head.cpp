#include "common/http_head.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace nodeproof {

namespace {

constexpr std::size_t kMaxHeaderBytes = 64 * 1024;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

void add_header(HttpResponse& head, std::string_view line) {
  const bool folded = line.front() == ' ' || line.front() == '\t';
  if (folded && !head.headers.empty()) {
    head.headers.back().second.append(" ").append(trim(line));
    return;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string name(trim(line.substr(0, colon)));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  head.headers.emplace_back(std::move(name), trim(line.substr(colon + 1)));
}

// RFC 9110 8.6: lengths that differ leave open where the body ends. The same one repeated is fine.
bool lengths_differ(const HttpResponse& head) {
  std::optional<std::string_view> known;
  for (const auto& [name, value] : head.headers) {
    if (name != "content-length") continue;
    std::string_view rest = value;
    for (;;) {
      const auto comma = std::min(rest.find(','), rest.size());
      const std::string_view length = trim(rest.substr(0, comma));
      if (known && *known != length) return true;
      known = length;
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

}  // namespace

Result<bool> HttpHeadReader::take(std::string_view line) {
  bytes_ += line.size();
  if (bytes_ > kMaxHeaderBytes) {
    return fail(Errc::server_error, "the answer has more than 64 KiB of headers");
  }
  if (done_) return false;  // trailers
  if (line.starts_with("HTTP/")) {
    const auto space = std::min(line.find(' '), line.size());
    head_ = {
        .status = std::atoi(std::string(line.substr(space)).c_str()), .headers = {}, .address = {}};
    return false;
  }
  if (trim(line).empty()) {
    // Behind 100 Continue and 103 Early Hints the answer is still to come.
    done_ = head_.status >= 200;
    if (done_ && lengths_differ(head_)) {
      return fail(Errc::server_error, "the answer has Content-Length headers that differ");
    }
    return done_;
  }
  add_header(head_, line);
  return false;
}

}  // namespace nodeproof
