#include "agent/status_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <variant>

#include "agent/report/cycle_stream.hpp"
#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxAnswer = 32U << 20U;  // bytes

Result<UniqueFd> connect_to(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.native().size() >= sizeof address.sun_path) {
    return fail(Errc::usage, socket.string() + ": too long for a socket's name");
  }
  std::memcpy(address.sun_path, socket.c_str(), socket.native().size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, "socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return fd;
  }
  if (errno == ENOENT || errno == ECONNREFUSED) {
    return fail(Errc::not_found, "no nodeproof daemon listens at " + socket.string(),
                "start it: systemctl start nodeproof");
  }
  return fail_errno(errno, socket.string());
}

struct Patience {
  Clock::time_point deadline;
  std::chrono::milliseconds every{60'000};
  const std::function<bool()>* meanwhile = nullptr;
};

Result<> wait_for(const UniqueFd& fd, short events, const Patience& patience) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(patience.deadline - Clock::now());
    if (left.count() <= 0)
      return fail(Errc::timeout, "the nodeproof daemon did not answer in time");
    pollfd waiting{fd.get(), events, 0};
    const int count = ::poll(&waiting, 1, static_cast<int>(std::min(left, patience.every).count()));
    if (count > 0) return {};
    if (count < 0 && errno != EINTR) return fail_errno(errno, "poll");
    if (patience.meanwhile != nullptr && !(*patience.meanwhile)()) {
      return fail(Errc::cancelled, "waiting for the nodeproof daemon: stopped");
    }
  }
}

Result<> send_line(const UniqueFd& fd, std::string_view line, const Patience& patience) {
  while (!line.empty()) {
    TRY(wait_for(fd, POLLOUT, patience));
    const ssize_t sent = ::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
      return fail_errno(errno, "asking the daemon");
    if (sent > 0) line.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::string> receive_all(const UniqueFd& fd, const Patience& patience) {
  std::string answer;
  std::array<char, 16384> buffer{};
  for (;;) {
    TRY(wait_for(fd, POLLIN, patience));
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got == 0) return answer;
    if (got < 0 && errno != EAGAIN && errno != EINTR)
      return fail_errno(errno, "the daemon's answer");
    if (got > 0) answer.append(buffer.data(), static_cast<std::size_t>(got));
    if (answer.size() > kMaxAnswer) return fail(Errc::too_large, "the daemon's answer has no end");
  }
}

Result<std::string> ask(const std::filesystem::path& socket, std::string_view method,
                        const Patience& patience) {
  const UniqueFd fd = TRY(connect_to(socket));
  json::Writer request;
  request.begin_object().member("method", method).end_object();
  TRY(send_line(fd, request.str() + "\n", patience));
  std::string answer = TRY(receive_all(fd, patience));
  if (answer.empty()) {
    return fail(Errc::io, "the nodeproof daemon closed the connection",
                "see its journal: journalctl -u nodeproof");
  }
  if (answer.starts_with("{\"error\"")) {
    auto said = TRY(report::parse_stream_line(answer));
    if (auto* error = std::get_if<Error>(&said)) return std::unexpected(std::move(*error));
  }
  return answer;
}

}  // namespace

Result<std::string> ask_daemon(const std::filesystem::path& socket, std::string_view method,
                               std::chrono::milliseconds timeout) {
  return ask(socket, method, {.deadline = Clock::now() + timeout});
}

Result<std::string> ask_daemon(const std::filesystem::path& socket, std::string_view method,
                               const Waiting& waiting) {
  return ask(socket, method,
             {.deadline = Clock::time_point::max(),
              .every = waiting.every,
              .meanwhile = &waiting.meanwhile});
}

}  // namespace nodeproof
