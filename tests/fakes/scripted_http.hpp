// An HttpClient whose servers are a table: what is asked, what is answered, in turn.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/http.hpp"

namespace nodeproof::fakes {

struct ScriptedAnswer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::optional<Error>
      broken;  // how the transfer ends, behind the body; with status 0 before any answer
};

class ScriptedHttp final : public HttpClient {
 public:
  // The answers to "https://host/path" or to "PUT https://host/path", one per request; the last one
  // stays. An upload is read whole into the recorded request's body.
  void answer(const std::string& url, std::vector<ScriptedAnswer> answers);

  [[nodiscard]] std::vector<HttpRequest> requests() const;
  [[nodiscard]] std::vector<std::string> urls() const;
  // Of the n-th request; "" when it was not sent.
  [[nodiscard]] std::string sent_header(std::size_t n, std::string_view name) const;

  Result<HttpResponse> send(const HttpRequest& request, const HttpHeadSink& head,
                            const ByteSink& body, std::stop_token stop) override;

 private:
  ScriptedAnswer next(const HttpRequest& request);

  mutable std::mutex mutex_;
  std::map<std::string, std::deque<ScriptedAnswer>> answers_;
  std::vector<HttpRequest> requests_;
};

}  // namespace nodeproof::fakes
