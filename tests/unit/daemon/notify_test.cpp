#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "agent/daemon_notify.hpp"

namespace nodeproof {
namespace {

std::string receive(int fd) {
  std::array<char, 1024> buffer{};
  const ssize_t size = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  return size < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(size));
}

TEST(Notifier, ReachesAnAbstractSocket) {
  const std::string name = "nodeproof-test-" + std::to_string(getpid());
  const UniqueFd manager(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ASSERT_EQ(bind(manager.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  Notifier("@" + name).send("READY=1");
  EXPECT_EQ(receive(manager.get()), "READY=1");
}

TEST(Notifier, IsSilentWithoutAManager) {
  for (const char* socket : {"", "relative", "/nonexistent/notify", "@"}) {
    Notifier(socket).send("READY=1");
  }
  Notifier(std::string(200, '/')).send("READY=1");
}

TEST(Notifier, HasAWatchdogOnlyWhenItIsMeant) {
  const auto with = [](const char* usec, const std::string& pid) {
    setenv("WATCHDOG_USEC", usec, 1);
    setenv("WATCHDOG_PID", pid.c_str(), 1);
    return Notifier::from_environment().watchdog();
  };
  EXPECT_EQ(with("60000000", std::to_string(getpid())), std::chrono::minutes(1));
  EXPECT_EQ(with("60000000", ""), std::chrono::minutes(1));
  EXPECT_EQ(with("60000000", "1"), std::nullopt);
  EXPECT_EQ(with("soon", ""), std::nullopt);
  EXPECT_EQ(with("0", ""), std::nullopt);
  EXPECT_EQ(getenv("WATCHDOG_USEC"), nullptr);
}

}  // namespace
}  // namespace nodeproof
