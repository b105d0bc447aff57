#include "agent/unpack/broker_loop.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <span>
#include <utility>
#include <vector>

namespace nodeproof::unpack {
namespace {

class Children {
 public:
  Children() = default;
  ~Children() { end_all(); }
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  void start(Request request, WriteLayer write) {
    const Parent parent{::getpid()};
    const pid_t pid = ::fork();
    if (pid == 0) serve(std::move(request), write, parent);
    if (pid < 0) {
      tell(request.life.get(), -errno);
    } else {
      all_.push_back({pid, std::move(request.life)});
    }
  }

  void reap() {
    std::erase_if(all_, [](const Child& child) {
      int status = 0;
      if (::waitpid(child.pid, &status, WNOHANG) != child.pid) return false;
      tell(child.life.get(), status);
      return true;
    });
  }

  void add_to(std::vector<pollfd>& waited) const {
    for (const Child& child : all_) {
      waited.push_back({child.doomed ? -1 : child.life.get(), POLLIN, 0});
    }
  }

  // `waited` as add_to() made it; nothing is ever sent to the broker over `life`.
  void end_abandoned(std::span<const pollfd> waited) {
    for (std::size_t i = 0; i < waited.size(); ++i) {
      if (waited[i].revents == 0) continue;
      ::kill(all_[i].pid, SIGKILL);
      all_[i].doomed = true;
    }
  }

 private:
  struct Child {
    pid_t pid = -1;
    UniqueFd life;
    bool doomed = false;
  };

  static void tell(int life, EndStatus status) {
    static_cast<void>(::send(life, &status, sizeof status, MSG_NOSIGNAL | MSG_DONTWAIT));
  }

  void end_all() {
    for (const Child& child : all_) ::kill(child.pid, SIGKILL);
    for (const Child& child : all_) {
      while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }

  std::vector<Child> all_;
};

UniqueFd watch_children() {
  ::signal(SIGCHLD, SIG_DFL);  // ignored ones leave no status behind
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  if (::sigprocmask(SIG_BLOCK, &child, nullptr) != 0) return {};
  return UniqueFd(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
}

void forget_signals(int signals) {
  signalfd_siginfo info{};
  while (::read(signals, &info, sizeof info) > 0) {
  }
}

}  // namespace

void serve_requests(int requests, WriteLayer write) {
  const UniqueFd signals = watch_children();
  if (!signals) return;
  Children children;
  std::vector<pollfd> waited;
  for (;;) {
    waited.assign({{requests, POLLIN, 0}, {signals.get(), POLLIN, 0}});
    children.add_to(waited);
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) return;
    children.end_abandoned(std::span(waited).subspan(2));
    forget_signals(signals.get());
    children.reap();
    if (waited[0].revents == 0) continue;
    Received received = receive_request(requests);
    if (received.ended) return;
    if (received.request) children.start(std::move(*received.request), write);
  }
}

}  // namespace nodeproof::unpack
