#include "agent/report/sink/post.hpp"

#include <algorithm>
#include <cctype>

#include "common/file.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kMaxAnswer = 64 * 1024;
constexpr std::size_t kMaxToken = 16 * 1024;
constexpr std::chrono::seconds kWhole{60};

// Without what editors leave at its end. No error holds anything of it.
Result<std::string> read_token(const PostTarget& target) {
  const std::string key = target.name + ".token_file: ";
  auto text = read_file(target.token_file, kMaxToken);
  if (!text) {
    return fail(Errc::invalid_config, key + text.error().message,
                "write the token into it, for root alone to read");
  }
  while (!text->empty() && std::isspace(static_cast<unsigned char>(text->back())) != 0) {
    text->pop_back();
  }
  const bool printable =
      std::ranges::all_of(*text, [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (text->empty() || !printable) {
    return fail(Errc::invalid_config, key + target.token_file + " holds no token",
                "write one line of printable characters without spaces into it");
  }
  return *std::move(text);
}

}  // namespace

Result<PostAnswer> post(HttpClient& http, const PostTarget& target, const PostBody& body,
                        const std::stop_token& stop) {
  HttpRequest request;
  request.method = "POST";
  request.url = target.url;
  request.headers = {{"Content-Type", body.type}};
  if (!target.token_file.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + TRY(read_token(target)));
  }
  request.body = body.text;
  request.tls = target.tls;
  request.proxy = target.proxy;
  request.whole_timeout = kWhole;
  PostAnswer answer;
  answer.head = TRY(http.send(
      request, [](const HttpResponse&) { return Result<>{}; },
      [&answer](Bytes bytes) -> Result<> {
        const std::size_t room = kMaxAnswer - answer.body.size();
        answer.body.append(reinterpret_cast<const char*>(bytes.data()),
                           std::min(room, bytes.size()));
        return {};
      },
      stop));
  return answer;
}

}  // namespace nodeproof::report
