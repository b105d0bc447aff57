#include "tests/fakes/loopback_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace nodeproof::fakes {

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// False when the server ends first.
bool wait_for(int fd, int end, short events) {
  std::array<pollfd, 2> watched = {{{fd, events, 0}, {end, POLLIN, 0}}};
  return poll(watched.data(), watched.size(), -1) > 0 && watched[1].revents == 0;
}

std::uint16_t bind_to(int fd, const std::string& address) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  const bool is_v6 = address.find(':') != std::string::npos;
  storage.ss_family = is_v6 ? AF_INET6 : AF_INET;
  void* raw = is_v6 ? static_cast<void*>(&v6->sin6_addr) : &v4->sin_addr;
  require(inet_pton(storage.ss_family, address.c_str(), raw) == 1);
  socklen_t size = is_v6 ? sizeof(*v6) : sizeof(*v4);
  require(bind(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0);
  require(getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0);
  return ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
}

}  // namespace

std::optional<std::string> Peer::request() {
  for (;;) {
    if (const auto end = rest_.find("\r\n\r\n"); end != std::string::npos) {
      std::string request = rest_.substr(0, end + 4);
      rest_.erase(0, end + 4);
      return request;
    }
    std::array<char, 4096> buffer{};
    if (!wait_for(socket_, end_, POLLIN)) return std::nullopt;
    const ssize_t size = recv(socket_, buffer.data(), buffer.size(), 0);
    if (size <= 0) return std::nullopt;
    rest_.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

std::size_t Peer::body(std::size_t size) {
  std::size_t taken = std::min(rest_.size(), size);
  rest_.erase(0, taken);
  std::array<char, 65536> buffer{};
  while (taken < size && wait_for(socket_, end_, POLLIN)) {
    const ssize_t count = recv(socket_, buffer.data(), std::min(buffer.size(), size - taken), 0);
    if (count <= 0) break;
    taken += static_cast<std::size_t>(count);
  }
  return taken;
}

void Peer::send(std::string_view bytes) const {
  while (!bytes.empty() && wait_for(socket_, end_, POLLOUT)) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Peer::hold() const { wait_for(socket_, end_, POLLRDHUP); }

void Peer::reset() const {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

LoopbackServer::LoopbackServer(Handler handler, const std::string& address)
    : handler_(std::move(handler)),
      host_(address.find(':') == std::string::npos ? address : "[" + address + "]"),
      listener_(socket(address.find(':') == std::string::npos ? AF_INET : AF_INET6,
                       SOCK_STREAM | SOCK_CLOEXEC, 0)),
      end_(eventfd(0, EFD_CLOEXEC)) {
  require(listener_.get() >= 0 && end_.get() >= 0);
  port_ = bind_to(listener_.get(), address);
  require(listen(listener_.get(), 16) == 0);
  thread_ = std::jthread([this] { serve(); });
}

LoopbackServer::~LoopbackServer() { require(eventfd_write(end_.get(), 1) == 0); }

void LoopbackServer::serve() {
  while (wait_for(listener_.get(), end_.get(), POLLIN)) {
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    peers_.emplace_back([this, fd] {
      const UniqueFd owner(fd);
      Peer peer(fd, end_.get());
      handler_(peer);
    });
  }
}

std::string LoopbackServer::url(std::string_view path) const {
  return "http://" + host_ + ":" + std::to_string(port_) + std::string(path);
}

std::string http_ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

}  // namespace nodeproof::fakes
