#include "agent/unpack/errand.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "agent/unpack/broker_loop.hpp"
#include "agent/unpack/documents.hpp"
#include "agent/unpack/stream.hpp"

namespace nodeproof::unpack {
namespace {

struct Pair {
  UniqueFd ours, theirs;
};

// A socket rather than a pipe: writing to one whose reader has died raises no signal, and it takes
// half the time (measured: 1 GiB in 0.14 s, a pipe of 1 MiB 0.28 s).
Result<Pair> make_sockets(int type) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "a socket");
  }
  return Pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<Pair> make_input() {
  Pair pair = TRY(make_sockets(SOCK_STREAM));
  constexpr int kBuffer = 1 << 20;  // less where net.core.wmem_max says so
  ::setsockopt(pair.ours.get(), SOL_SOCKET, SO_SNDBUF, &kBuffer, sizeof kBuffer);
  return pair;
}

Result<Pair> make_result() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "a pipe");
  return Pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<> judge(EndStatus status) {
  if (status < 0) return fail_errno(-status, "starting the process that writes a layer");
  if (!WIFSIGNALED(status)) return {};
  const int signal = WTERMSIG(status);
  const char* const name = ::sigabbrev_np(signal);
  std::string what = "the process that writes the layer was ended by SIG";
  what += name == nullptr ? std::to_string(signal) : name;
  if (signal == SIGSYS) {
    return fail(Errc::internal, what + ": it made a system call that it may not");
  }
  if (signal == SIGXCPU) {
    return fail(Errc::too_large, what + ": the layer takes too much time to write");
  }
  if (signal == SIGKILL) {
    return fail(Errc::io, what, "look for the out-of-memory killer in the kernel's log");
  }
  return fail(Errc::internal, what);
}

}  // namespace

Result<Errand> Errand::start(int broker, Task task, const std::string& directory) {
  Pair input = TRY(make_input());
  Pair result = TRY(make_result());
  Pair life = TRY(make_sockets(SOCK_SEQPACKET));
  const Request request{task, directory, std::move(input.theirs), std::move(result.theirs),
                        std::move(life.theirs)};
  TRY(send_request(broker, request));
  return Errand(std::move(input.ours), std::move(result.ours), std::move(life.ours));
}

Errand::~Errand() {
  if (!life_) return;
  ::shutdown(life_.get(), SHUT_WR);
  // Its files are closed when nobody can write a result any more, whether or not the broker lives.
  static_cast<void>(FdReader(result_.get()).drain());
  static_cast<void>(end_of_child());
}

void Errand::abandon() const { ::shutdown(life_.get(), SHUT_WR); }

bool Errand::has_begun() {
  std::byte first{};
  const Result<std::size_t> count = FdReader(result_.get()).read({&first, 1});
  if (!count || *count == 0) return false;
  const char said = static_cast<char>(first);
  if (said == kBegun) return true;
  said_ += said;
  return false;
}

bool Errand::send(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(input_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

Result<std::string> Errand::outcome() {
  input_.reset();
  said_ += TRY(read_all(result_.get(), kMaxDocument + 1));
  TRY(end_of_child());
  if (said_.empty()) return fail(Errc::io, "the process that writes the layer said nothing");
  return std::move(said_);
}

Result<> Errand::end_of_child() const {
  EndStatus status = 0;
  ssize_t size = 0;
  while ((size = ::recv(life_.get(), &status, sizeof status, 0)) < 0 && errno == EINTR) {
  }
  if (size == sizeof status) return judge(status);
  return fail(Errc::io, "the process that starts the writers of layers has ended");
}

}  // namespace nodeproof::unpack
