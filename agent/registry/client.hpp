// One question to a registry, answered through logins and redirects (OCI distribution-spec 1.1,
// pull).
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/registry/login.hpp"
#include "agent/registry/patient_http.hpp"

namespace nodeproof::registry {

struct Question {
  const Reference& reference;
  std::string path;  // "/v2/<name>/manifests/<reference>"
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
  Client(HttpClient& http, const Clock& clock, Settings settings, const RetryPolicy& patience = {})
      : http_(http, clock, patience), hosts_(std::move(settings)), logins_(http_, clock, hosts_) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() = default;

  Result<> ask(const Question& question, const Receiver& receiver, const std::stop_token& stop);

  [[nodiscard]] std::map<std::string, RateLimit> rate_limits() const { return http_.rate_limits(); }
  // Of the host that answers for the reference.
  [[nodiscard]] std::optional<RateLimit> rate_limit(const Reference& reference) const;

 private:
  Result<Answer> follow_redirects(const Question& question, std::string authorization,
                                  const Receiver& receiver, const std::stop_token& stop);
  Result<Answer> exchange(const HttpRequest& request, const HttpUrl& url, const Receiver& receiver,
                          const std::stop_token& stop);

  PatientHttp http_;
  const Hosts hosts_;
  Logins logins_;
};

}  // namespace nodeproof::registry
