// The connection to containerd and the context of one call: namespace, lease, deadline, stop.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/containerd/connection.hpp"
#include "common/error.hpp"

namespace nodeproof::containerd {

struct CallOptions {
  std::chrono::milliseconds deadline{10'000};
  std::stop_token stop{};
  std::string lease{};  // "" = none
};

// Owns a call's ClientContext; a stop request cancels the call wherever it is.
class Call {
 public:
  Call(const std::string& name_space, const CallOptions& options);
  ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  [[nodiscard]] grpc::ClientContext& context() { return context_; }
  void cancel() { context_.TryCancel(); }

 private:
  struct Canceller {
    grpc::ClientContext* context;
    void operator()() const { context->TryCancel(); }
  };
  grpc::ClientContext context_;
  std::stop_callback<Canceller> on_stop_;  // after context_: gone before it
};

// Safe to use from several threads.
class Channel {
 public:
  // stop: ends every brief() call.
  explicit Channel(ConnectionOptions options, std::stop_token stop = {});
  ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  [[nodiscard]] const ConnectionOptions& options() const { return options_; }
  [[nodiscard]] const std::shared_ptr<grpc::Channel>& transport() const { return transport_; }

  // For the calls whose port has no stop token of its own. Up to a minute: on containerd 1.6
  // and 1.7 they wait behind the fsync of somebody's large layer.
  [[nodiscard]] CallOptions brief(std::string lease = {}) const {
    return {std::chrono::seconds(60), stop_, std::move(lease)};
  }

  // Before a call waits for a connection: tells "no such socket", "no permission" and "not running"
  // apart.
  Result<> reachable() const;

  // Runs method(context) unless containerd cannot be reached, which is UNAVAILABLE at once.
  template <class Method>
  grpc::Status call(const CallOptions& options, Method&& method) const {
    if (auto problem = connect_problem(); !problem.ok()) return problem;
    Call call(options_.namespace_, options);
    return method(&call.context());
  }

  // A failed status as an error of ours; `what` is "reading blob sha256:...".
  [[nodiscard]] Error error(const grpc::Status& status, std::string_view what) const;
  // The same of a layer that did not unpack: Errc::corrupt when its archive is to blame.
  [[nodiscard]] Error apply_error(const grpc::Status& status, std::string_view what) const;
  [[nodiscard]] std::unexpected<Error> failure(const grpc::Status& status,
                                               std::string_view what) const {
    return std::unexpected(error(status, what));
  }
  Result<> result(const grpc::Status& status, std::string_view what) const;

 private:
  grpc::Status connect_problem() const;

  ConnectionOptions options_;
  std::stop_token stop_;
  std::shared_ptr<grpc::Channel> transport_;
};

// connect(2) to the socket and nothing more.
Result<> probe_socket(const std::string& path);

// Path without "unix://".
std::string socket_path(std::string address);

inline bool is(const grpc::Status& status, grpc::StatusCode code) {
  return status.error_code() == code;
}
// Another writer holds the ref of an ingest.
bool is_locked(const grpc::Status& status);

}  // namespace nodeproof::containerd
