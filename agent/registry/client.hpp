// One question to a registry, answered through logins and redirects (OCI distribution-spec 1.1,
// pull).
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/registry/access.hpp"

namespace nodeproof::registry {

struct Question {
  const Host& host;
  std::string path;  // below the repository: "/manifests/latest"
  std::vector<std::pair<std::string, std::string>> headers;
  bool long_body = false;      // a layer: no time limit, but a least rate
  std::string method = "GET";  // or HEAD
};

// What takes the answer of status 200 or 206; any other one that ends in an error is shown to
// `refusal` before.
struct Receiver {
  HttpHeadSink head;
  ByteSink body;
  std::function<void(const Answer&)> refusal = {};
};

// Thread-safe. Waits where a host says when to ask again (PatientHttp), retries nothing else.
class Client {
 public:
  explicit Client(Access& access) : access_(access) {}  // outlives it

  Result<> ask(const Question& question, const Receiver& receiver, const std::stop_token& stop);

 private:
  Result<Answer> follow_redirects(const Question& question, std::string authorization,
                                  const Receiver& receiver, const std::stop_token& stop);
  Result<Answer> exchange(const HttpRequest& request, const HttpUrl& url, const Receiver& receiver,
                          const std::stop_token& stop);

  Access& access_;
};

}  // namespace nodeproof::registry
