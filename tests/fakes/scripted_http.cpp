#include "tests/fakes/scripted_http.hpp"

#include <algorithm>
#include <array>

namespace nodeproof::fakes {

namespace {

Result<std::string> read_all(const HttpUpload& upload) {
  std::string body;
  std::array<std::byte, 7> piece{};
  while (body.size() < upload.size) {
    const std::size_t count = TRY(upload.bytes->read(piece));
    if (count == 0) return fail(Errc::truncated, "the upload ended early");
    body += as_text(Bytes(piece).first(count));
  }
  return body;
}

}  // namespace

void ScriptedHttp::answer(const std::string& url, std::vector<ScriptedAnswer> answers) {
  const std::scoped_lock lock(mutex_);
  answers_[url] = {answers.begin(), answers.end()};
}

std::vector<HttpRequest> ScriptedHttp::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

std::vector<std::string> ScriptedHttp::urls() const {
  std::vector<std::string> out;
  for (const auto& request : requests()) out.push_back(request.url);
  return out;
}

std::string ScriptedHttp::sent_header(std::size_t n, std::string_view name) const {
  const auto all = requests();
  if (n >= all.size()) return "(no such request)";
  for (const auto& [key, value] : all[n].headers) {
    if (key == name) return value;
  }
  return {};
}

ScriptedAnswer ScriptedHttp::next(const HttpRequest& request) {
  const std::scoped_lock lock(mutex_);
  requests_.push_back(request);
  auto found = answers_.find(request.method + " " + request.url);
  if (found == answers_.end()) found = answers_.find(request.url);
  if (found == answers_.end()) {
    return {.status = 0,
            .headers = {},
            .body = {},
            .broken = Error{Errc::internal, "no script for " + request.url, ""}};
  }
  ScriptedAnswer answer = found->second.front();
  if (found->second.size() > 1) found->second.pop_front();
  return answer;
}

Result<HttpResponse> ScriptedHttp::send(const HttpRequest& request, const HttpHeadSink& head,
                                        const ByteSink& body, std::stop_token stop) {
  if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
  HttpRequest whole = request;
  if (request.upload) whole.body = TRY(read_all(*request.upload));
  whole.upload.reset();
  const ScriptedAnswer answer = next(whole);
  if (answer.status == 0) return std::unexpected(*answer.broken);
  HttpResponse response{.status = answer.status, .headers = answer.headers, .address = {}};
  TRY(head(response));
  constexpr std::size_t kPiece = 5;  // so that pieces and documents never end together
  for (std::size_t at = 0; at < answer.body.size(); at += kPiece) {
    TRY(body(as_bytes(std::string_view(answer.body).substr(at, kPiece))));
  }
  if (answer.broken) return std::unexpected(*answer.broken);
  return response;
}

}  // namespace nodeproof::fakes
