#include <grpcpp/support/channel_arguments.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/containerd/channel_grpc.hpp"
#include "common/file.hpp"

namespace nodeproof::containerd {
namespace {

constexpr int kMaxMessage = 16 << 20;  // containerd's own defaults.DefaultMaxRecvMsgSize
constexpr std::string_view kScheme = "unix://";

// A restarted containerd is back within 0.1 s; gRPC's own back-off would first look after a second
// and more.
grpc::ChannelArguments channel_arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessage);
  arguments.SetMaxSendMessageSize(kMaxMessage);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY,
                      "localhost");  // newer gRPC sends the socket's path
  return arguments;
}

std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

bool says_no_space(std::string_view text) {
  return text.contains("no space left on device") || text.contains("disk quota exceeded");
}

// The Go libraries' words for a layer whose archive is broken although its digest is right.
bool says_corrupt(std::string_view text) {
  return text.contains("archive/tar: ") || text.contains("gzip: invalid") ||
         text.contains("flate: corrupt") || text.contains("unexpected EOF");
}

Errc errc_of(const grpc::Status& status) {
  // What a plugin or shim says comes with the code UNKNOWN.
  const std::string text = status.error_message();
  if (says_no_space(text)) return Errc::no_space;
  if (text.contains("context deadline exceeded")) return Errc::timeout;
  if (text.contains("context canceled")) return Errc::cancelled;
  switch (status.error_code()) {
    case grpc::StatusCode::CANCELLED:
      return Errc::cancelled;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Errc::timeout;
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return Errc::permission_denied;
    case grpc::StatusCode::UNIMPLEMENTED:
      return Errc::unsupported;
    case grpc::StatusCode::ALREADY_EXISTS:
      return Errc::busy;
    case grpc::StatusCode::UNAVAILABLE:
      return is_locked(status) ? Errc::busy : Errc::runtime_unavailable;
    default:
      // Also NOT_FOUND and RESOURCE_EXHAUSTED: a lease that ended or a full message are
      // containerd's own trouble, and say nothing about an image.
      return Errc::io;
  }
}

std::string remedy_of(Errc code) {
  switch (code) {
    case Errc::no_space:
      return "free disk space where containerd keeps its data";
    case Errc::runtime_unavailable:
      return "look at containerd's own log";
    default:
      return {};
  }
}

}  // namespace

std::string socket_path(std::string address) {
  if (address.starts_with(kScheme)) address.erase(0, kScheme.size());
  return address;
}

Result<> probe_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/' || path.size() >= sizeof address.sun_path) {
    return fail(Errc::invalid_config, "'" + path + "' is no absolute path of a Unix socket",
                "set containerd.address to the path of containerd's socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(errno, "socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN) {  // its queue is full: somebody listens
    return {};
  }
  switch (const int problem = errno; problem) {
    case EACCES:
    case EPERM:
      return fail(Errc::permission_denied, "no permission to use containerd's socket " + path,
                  "run as root or join the group that owns " + path);
    case ENOENT:
    case ENOTDIR:
      return fail(Errc::runtime_unavailable, "there is no containerd socket " + path,
                  "start containerd, or set containerd.address to its socket");
    case ECONNREFUSED:
      return fail(Errc::runtime_unavailable,
                  "containerd is not running: nothing listens on " + path, "start containerd");
    default:
      return fail(Errc::runtime_unavailable,
                  "cannot connect to containerd's socket " + path + ": " + std::strerror(problem));
  }
}

bool is_locked(const grpc::Status& status) {
  return is(status, grpc::StatusCode::UNAVAILABLE) && status.error_message().contains("locked");
}

Call::Call(const std::string& name_space, const CallOptions& options)
    : on_stop_(options.stop, Canceller{&context_}) {
  if (!name_space.empty()) context_.AddMetadata("containerd-namespace", name_space);
  if (!options.lease.empty()) context_.AddMetadata("containerd-lease", options.lease);
  context_.set_deadline(std::chrono::system_clock::now() + options.deadline);
  context_.set_wait_for_ready(true);
}

Channel::Channel(ConnectionOptions options, std::stop_token stop)
    : options_(std::move(options)), stop_(std::move(stop)) {
  options_.socket = socket_path(std::move(options_.socket));
  transport_ = grpc::CreateCustomChannel("unix://" + options_.socket,
                                         grpc::InsecureChannelCredentials(), channel_arguments());
}

Result<> Channel::reachable() const { return probe_socket(options_.socket); }

grpc::Status Channel::connect_problem() const {
  if (transport_->GetState(true) == GRPC_CHANNEL_READY || reachable()) return grpc::Status::OK;
  return {grpc::StatusCode::UNAVAILABLE, "no connection"};
}

Error Channel::error(const grpc::Status& status, std::string_view what) const {
  const Errc code = errc_of(status);
  if (code == Errc::runtime_unavailable) {
    if (auto probe = reachable(); !probe) return std::move(probe).error().with_context(what);
  }
  std::string text(what);
  text += ": containerd at " + options_.socket;
  if (code == Errc::timeout) {
    text += " did not answer in time";
  } else if (code == Errc::cancelled) {
    text += ": stopped";
  } else {
    text += " answers: " + one_line(status.error_message());
  }
  return {code, std::move(text), remedy_of(code)};
}

Error Channel::apply_error(const grpc::Status& status, std::string_view what) const {
  Error told = error(status, what);
  if (told.code == Errc::io && says_corrupt(status.error_message())) told.code = Errc::corrupt;
  return told;
}

Result<> Channel::result(const grpc::Status& status, std::string_view what) const {
  if (status.ok()) return {};
  return failure(status, what);
}

}  // namespace nodeproof::containerd
