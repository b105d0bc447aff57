// The Kubernetes API over the HttpClient port: one call, one JSON answer, errors that say what to
// do.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/kubernetes/credentials.hpp"
#include "common/clock.hpp"
#include "common/file.hpp"
#include "common/http.hpp"
#include "common/json.hpp"

namespace nodeproof::kubernetes {

enum class PatchKind { strategic, merge, json };

struct Call {
  std::string verb;      // as RBAC has it: get, create, patch
  std::string resource;  // the same: "nodes", "nodes/status", "events"
  std::string path;      // "/api/v1/nodes/pi-17/status"
  std::string body = {};
  PatchKind kind = PatchKind::strategic;
};

struct Answer {
  int status = 0;
  std::string body;
  json::Value object;   // of the body of a 2xx
  std::string reason;   // of the Status object of another: "Conflict", "Forbidden"; "" = none
  std::string message;  // the same; whatever came when it was none
  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

// Text held in memory under a file name, for programs that take names only: no key touches a disk.
class MemoryFile {
 public:
  static Result<MemoryFile> make(const std::string& text);
  [[nodiscard]] std::string name() const;  // good in this process, while this lives

 private:
  explicit MemoryFile(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;
};

// How long it waits; `whole` is for all calls of one client, 0 = no limit.
struct Patience {
  std::chrono::seconds connect{15}, answer{30}, whole{0};
};

using FindCredentials = std::function<Result<Credentials>()>;

class Client {
 public:
  // The clock says what a Retry-After's date means. All outlive it.
  Client(HttpClient& http, const Clock& clock, FindCredentials find)
      : Client(http, clock, std::move(find), Patience{}) {}
  // NOLINTNEXTLINE(readability-function-size): wiring
  Client(HttpClient& http, const Clock& clock, FindCredentials find, Patience patience);

  // Reads the credentials; send() does it by itself the first time.
  Result<> load();

  // A 401 makes it look for the credentials again, and ask once more with others. Errors: those of
  // the transport and the credentials; an answer that is no JSON, or too large; timeout where a
  // call might not end in time any more. Any HTTP status is an answer.
  Result<Answer> send(const Call& call, const std::stop_token& stop);

  // Where it is; "" before load().
  [[nodiscard]] std::string server() const { return credentials_ ? credentials_->server : ""; }

  // How long the server wants to be left alone, from its last answer that said so.
  [[nodiscard]] std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

  // What an answer that is not ok() means, with what to do.
  [[nodiscard]] Error failure(const Call& call, const Answer& answer) const;

 private:
  [[nodiscard]] HttpRequest request_for(const Call& call) const;
  Result<Answer> send_once(const Call& call, const std::stop_token& stop);
  Result<> still_time();
  void note_retry_after(const HttpResponse& head);

  HttpClient& http_;
  const Clock& clock_;
  const FindCredentials find_;
  const Patience patience_;
  std::optional<std::chrono::steady_clock::time_point> begun_;
  std::optional<Credentials> credentials_;
  TlsSettings tls_;
  std::vector<MemoryFile> files_;  // also the replaced ones: their names may name open connections
  std::optional<std::chrono::seconds> retry_after_;
};

}  // namespace nodeproof::kubernetes
