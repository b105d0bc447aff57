#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>

#include "agent/daemon_metrics.hpp"
#include "common/file.hpp"

namespace nodeproof {
namespace {

constexpr std::string_view kGet = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

class Metrics : public ::testing::Test {
 protected:
  Metrics() : port_(free_port()) {}

  static in_port_t free_port() {
    const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin_port);
  }
  static sockaddr_in loopback(in_port_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  [[nodiscard]] UniqueFd client() const {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port_);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  static void ask(const UniqueFd& fd) {
    EXPECT_EQ(::send(fd.get(), kGet.data(), kGet.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(kGet.size()));
  }
  // Until the server has hung up.
  std::string answer(const UniqueFd& fd) {
    std::string text;
    for (;;) {
      loop_.poll();
      loop_.restart();
      pollfd waiting{fd.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 1) <= 0) continue;
      std::string part(4096, '\0');
      const ssize_t got = ::recv(fd.get(), part.data(), part.size(), 0);
      if (got <= 0) return text;
      text.append(part, 0, static_cast<std::size_t>(got));
    }
  }
  Result<MetricsListener> listen() {
    return MetricsListener::listen(loop_, "127.0.0.1:" + std::to_string(port_),
                                   [] { return std::string("up 1\n"); });
  }

  boost::asio::io_context loop_{1};
  const in_port_t port_;
};

TEST_F(Metrics, AreGivenToWhoAsks) {
  const auto listener = listen();
  ASSERT_TRUE(listener) << listener.error().message;
  const UniqueFd fd = client();
  ask(fd);
  const std::string text = answer(fd);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n")) << text;
  EXPECT_TRUE(text.ends_with("\r\n\r\nup 1\n")) << text;
}

TEST_F(Metrics, WhoConnectsAndDoesNotAskMakesRoom) {
  const auto listener = listen();
  ASSERT_TRUE(listener);
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 30; ++i) {
    idle.push_back(client());
    loop_.poll();
    loop_.restart();
  }
  const UniqueFd fd = client();
  ask(fd);
  EXPECT_NE(answer(fd).find("up 1"), std::string::npos);
}

TEST_F(Metrics, AListenerThatGoesWhileItIsAskedLeavesNothingBehind) {
  for (int steps = 0; steps < 8; ++steps) {
    for (int round = 0; round < 20; ++round) {
      auto opened = listen();
      ASSERT_TRUE(opened) << opened.error().message;
      std::optional<MetricsListener> listener(*std::move(opened));
      const UniqueFd first = client();
      ask(first);
      const UniqueFd second = client();
      for (int step = 0; step < steps; ++step) loop_.poll_one();
      listener.reset();
      loop_.poll();  // what was under way
      loop_.restart();
    }
  }
}

TEST_F(Metrics, AnAddressThatIsTakenIsNamedWithWhatToDo) {
  const auto listener = listen();
  ASSERT_TRUE(listener);
  const auto second = listen();
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find(std::to_string(port_)), std::string::npos);
  EXPECT_NE(second.error().remedy.find("report.metrics.listen"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof
