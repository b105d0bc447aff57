#include "agent/cli/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace nodeproof::cli {

SignalStop::SignalStop() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &wanted, &before_);
  signals_.reset(signalfd(-1, &wanted, SFD_CLOEXEC));
  quit_.reset(eventfd(0, EFD_CLOEXEC));
  watcher_ = std::jthread([this] { watch(); });
}

SignalStop::~SignalStop() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(quit_.get(), &one, sizeof one);
  watcher_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void SignalStop::watch() const {
  std::array<pollfd, 2> fds{pollfd{signals_.get(), POLLIN, 0}, pollfd{quit_.get(), POLLIN, 0}};
  while (poll(fds.data(), fds.size(), -1) < 0) {
  }
  if ((fds[0].revents & POLLIN) == 0) return;
  signalfd_siginfo taken{};  // else it would strike when the mask is restored
  [[maybe_unused]] const auto got = read(signals_.get(), &taken, sizeof taken);
  source_.request_stop();
}

}  // namespace nodeproof::cli
