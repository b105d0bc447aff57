// A Kubernetes API server as an HttpClient: nodes and events that change as the real one changes
// them, and faults on demand.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/http.hpp"
#include "common/json.hpp"
#include "tests/fakes/scripted_http.hpp"

namespace nodeproof::fakes {

struct FakeTaint {
  std::string key;
  std::string effect = "NoSchedule";
  std::string value = {};
  friend bool operator==(const FakeTaint&, const FakeTaint&) = default;
};

struct FakeNode {
  std::string uid;
  std::map<std::string, std::string> labels = {};
  std::vector<FakeTaint> taints = {};
  std::map<std::string, std::map<std::string, std::string>> conditions = {};  // by type
};

class FakeKubernetes final : public HttpClient {
 public:
  std::map<std::string, FakeNode> nodes;
  std::map<std::string, std::map<std::string, std::string>> events;  // by name; flat members
  std::string token;  // that it believes; "" = every one

  // The next request of "PATCH /api/v1/nodes/pi-1/status" is answered so, and changes nothing.
  void answer_next(const std::string& request, ScriptedAnswer answer);
  // Called before the next such request is looked at: what another writer does.
  void before_next(const std::string& request, std::function<void()> act);

  struct Seen {
    std::string request;  // "GET /api/v1/nodes/pi-1"
    std::string body;
    std::string content_type;
    std::string authorization;
    std::string ca, certificate, key;  // the files' text, as it was when they were asked for
    HttpRequest whole;
  };
  [[nodiscard]] const std::vector<Seen>& seen() const { return seen_; }
  [[nodiscard]] std::vector<std::string> requests() const;
  void forget_requests() { seen_.clear(); }

  Result<HttpResponse> send(const HttpRequest& request, const HttpHeadSink& head,
                            const ByteSink& body, std::stop_token stop) override;

 private:
  ScriptedAnswer answer(const Seen& seen);
  ScriptedAnswer node_request(const Seen& seen, const std::string& rest);
  ScriptedAnswer event_request(const Seen& seen, const std::string& rest);

  std::vector<Seen> seen_;
  std::map<std::string, std::deque<ScriptedAnswer>> scripted_;
  std::map<std::string, std::deque<std::function<void()>>> acts_;
};

// A Status object, as the API server says what went wrong.
[[nodiscard]] ScriptedAnswer status_answer(int status, const std::string& reason,
                                           const std::string& message);

}  // namespace nodeproof::fakes
