// A server on a loopback socket that does exactly what its test says, right or wrong.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "common/file.hpp"

namespace nodeproof::fakes {

// One connection. All calls return early when the server ends.
class Peer {
 public:
  Peer(int socket, int end) : socket_(socket), end_(end) {}

  // Up to and with the empty line; nothing at the end of the connection.
  std::optional<std::string> request();
  std::size_t body(std::size_t size);  // takes that many bytes; how many came
  void send(std::string_view bytes) const;
  void hold() const;   // until the client closes or the server ends
  void reset() const;  // the connection ends with RST

 private:
  int socket_;
  int end_;
  std::string rest_;
};

class LoopbackServer {
 public:
  // Called for each connection in a thread of its own; the connection is closed when it returns.
  using Handler = std::function<void(Peer&)>;

  explicit LoopbackServer(Handler handler, const std::string& address = "127.0.0.1");
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view path) const;  // "http://127.0.0.1:port/path"
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void serve();

  Handler handler_;
  std::string host_;  // as in a URL
  UniqueFd listener_;
  UniqueFd end_;  // readable once the server ends
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::list<std::jthread> peers_;
  std::jthread thread_;
};

// "HTTP/1.1 200 OK" with a Content-Length and the body.
[[nodiscard]] std::string http_ok(std::string_view body);

}  // namespace nodeproof::fakes
