#include "agent/smoke/service.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>

#include "agent/smoke/http_probe.hpp"

namespace nodeproof::smoke {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kInterval{
    50};  // between attempts; a service takes longer to start than this
// A server that took the connection before it was ready may never look at it again.
constexpr milliseconds kAttempt{10000};
constexpr std::size_t kMaxHeadBytes = 16 << 10;
constexpr std::size_t kGarbageBytes = 200;

bool expected(const PlannedService& planned, int status) {
  if (planned.http_status == 0) return status >= 200 && status < 400;
  return static_cast<unsigned>(status) == planned.http_status;
}

int connect_to(int socket, bool ipv6, unsigned port) {
  sockaddr_in four{};
  sockaddr_in6 six{};
  four.sin_family = AF_INET;
  four.sin_port = six.sin6_port = htons(static_cast<std::uint16_t>(port));
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  six.sin6_family = AF_INET6;
  six.sin6_addr = in6addr_loopback;
  const auto* address =
      ipv6 ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
  return connect(socket, address, ipv6 ? sizeof(six) : sizeof(four)) == 0 ? 0 : errno;
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  while (true) {
    const std::size_t first = line.find_first_not_of(' ');
    if (first == line.npos) return found;
    line.remove_prefix(first);
    found.push_back(line.substr(0, line.find(' ')));
    line.remove_prefix(found.back().size());
  }
}

bool read_hex(std::string_view text, std::uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size();
}

// "0100007F:1F90": the address as 32-bit words of this machine, the port as a number. "" = neither.
std::string address_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  std::array<std::uint32_t, 4> parts{};
  std::uint32_t port = 0;
  if (colon == text.npos || (colon != 8 && colon != 32) || !read_hex(text.substr(colon + 1), port))
    return {};
  for (std::size_t i = 0; i < colon / 8; ++i) {
    if (!read_hex(text.substr(i * 8, 8), parts[i])) return {};
  }
  std::array<char, INET6_ADDRSTRLEN> name{};
  const bool ipv6 = colon == 32;
  inet_ntop(ipv6 ? AF_INET6 : AF_INET, parts.data(), name.data(), name.size());
  const std::string address = ipv6 ? '[' + std::string(name.data()) + ']' : name.data();
  return address + ':' + std::to_string(port);
}

void add_listening(std::string_view table, std::set<std::string>& found) {
  constexpr std::string_view kListen = "0A";
  while (!table.empty() && found.size() < kMaxListening) {
    const std::size_t end = std::min(table.find('\n'), table.size());
    const auto column = words(table.substr(0, end));
    table.remove_prefix(std::min(end + 1, table.size()));
    if (column.size() < 4 || column[3] != kListen) continue;
    if (std::string address = address_of(column[1]); !address.empty())
      found.insert(std::move(address));
  }
}

}  // namespace

pollfd ServiceProbe::wanted() const {
  const bool writing = connecting_ || !unsent_.empty();
  return {socket_.get(), static_cast<short>(writing ? POLLOUT : POLLIN), 0};
}

void ServiceProbe::step(short events, Clock::time_point now) {
  if (up()) return;
  if (socket_ && events == 0 && now >= next_) return end(record_.state, now);
  if (socket_ && events == 0) return;
  if (!socket_ && now >= next_) return attempt(now);
  if (!socket_) return;
  if (connecting_) return connected(now);
  if (!unsent_.empty()) return send_some(now);
  receive_some(now);
}

void ServiceProbe::attempt(Clock::time_point now) {
  socket_.reset(socket(ipv6_ ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int error = socket_ ? connect_to(socket_.get(), ipv6_, planned_.port) : errno;
  if (error != 0 && error != EINPROGRESS) return end(ServiceState::not_up, now);
  connecting_ = true;
  next_ = now + kAttempt;
}

void ServiceProbe::connected(Clock::time_point now) {
  int error = 0;
  socklen_t size = sizeof(error);
  connecting_ = false;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
    return end(ServiceState::not_up, now);
  if (planned_.http_path.empty()) return end(ServiceState::up, now);
  record_ = ServiceRecord{};
  record_.state = ServiceState::silent;
  received_.clear();
  unsent_ = http_request(planned_.http_path);
  send_some(now);
}

void ServiceProbe::send_some(Clock::time_point now) {
  const ssize_t sent = send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (sent < 0) return end(ServiceState::silent, now);
  unsent_.erase(0, static_cast<std::size_t>(sent));
}

void ServiceProbe::receive_some(Clock::time_point now) {
  std::array<char, 16 << 10> buffer{};
  const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) received_.append(buffer.data(), static_cast<std::size_t>(got));
  const bool full = received_.size() > kMaxHeadBytes + kMaxBodyBytes;
  if (got > 0 || !received_.empty()) return answered(now, got <= 0 || full);
  end(ServiceState::silent, now);
}

void ServiceProbe::answered(Clock::time_point now, bool closed) {
  HttpAnswer answer = read_answer(received_, closed);
  if (answer.kind == HttpAnswer::Kind::incomplete) return;
  if (answer.kind == HttpAnswer::Kind::garbage) {
    record_.body = received_.substr(0, kGarbageBytes);
    return end(ServiceState::garbage, now);
  }
  record_.status = answer.status;
  const bool cut = received_.size() > kMaxHeadBytes + kMaxBodyBytes;
  record_.body_cut = cut || answer.body.size() > kMaxBodyBytes;
  record_.body = answer.body.substr(0, kMaxBodyBytes);
  end(expected(planned_, answer.status) ? ServiceState::up : ServiceState::wrong_status, now);
}

// Of an attempt. What an earlier one was told stays, when this one was not let in.
void ServiceProbe::end(ServiceState state, Clock::time_point now) {
  if (state != ServiceState::not_up) record_.state = state;
  if (state == ServiceState::up)
    record_.seconds = std::chrono::duration<double>(now - begin_).count();
  socket_.reset();
  connecting_ = false;
  unsent_.clear();
  // Refused by one address: the other may be the one it listens on.
  const bool other_at_once = state == ServiceState::not_up && !ipv6_;
  ipv6_ = state == ServiceState::not_up && !ipv6_;
  next_ = now + (other_at_once ? milliseconds(0) : kInterval);
}

std::vector<std::string> listening(std::string_view tcp, std::string_view tcp6) {
  std::set<std::string> found;
  add_listening(tcp, found);
  add_listening(tcp6, found);
  return {found.begin(), found.end()};
}

std::vector<std::string> listening_here() {
  const auto tcp = read_file("/proc/net/tcp"), tcp6 = read_file("/proc/net/tcp6");
  return listening(tcp ? *tcp : "", tcp6 ? *tcp6 : "");
}

}  // namespace nodeproof::smoke
