#include "agent/unpack/message.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string_view>

namespace nodeproof::unpack {
namespace {

constexpr std::size_t kFds = 3;
using Fds = std::array<int, kFds>;

struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(sizeof(Fds))> bytes{};
};

bool is_task(char c) {
  return c == static_cast<char>(Task::write_overlay) ||
         c == static_cast<char>(Task::write_remove) || c == static_cast<char>(Task::adopt);
}

// Owned from here on, whatever becomes of the message.
std::array<UniqueFd, kFds> take_fds(msghdr& message) {
  std::array<UniqueFd, kFds> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t size = part->cmsg_len - CMSG_LEN(0);
    for (std::size_t i = 0; i < size / sizeof(int) && i < kFds; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      fds[i].reset(fd);
    }
  }
  return fds;
}

}  // namespace

Result<> send_request(int socket, const Request& request) {
  std::string text(1, static_cast<char>(request.task));
  text += request.directory;
  if (request.directory.size() >= PATH_MAX) return fail_errno(ENAMETOOLONG, "a snapshot's path");
  const Fds fds{request.input.get(), request.result.get(), request.life.get()};
  Control control;
  iovec data{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  cmsghdr* const part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(fds));
  std::memcpy(CMSG_DATA(part), fds.data(), sizeof(fds));
  ssize_t sent = 0;
  while ((sent = ::sendmsg(socket, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
  }
  if (sent < 0) return fail_errno(errno, "asking the process that writes layers");
  return {};
}

Received receive_request(int socket) {
  std::array<char, 1 + PATH_MAX> text{};
  Control control;
  iovec data{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const ssize_t size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0) return {{}, errno != EINTR && errno != EAGAIN};
  std::array<UniqueFd, kFds> fds = take_fds(message);
  if (size == 0) return {{}, true};
  const bool whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && fds[kFds - 1];
  if (!whole || !is_task(text[0])) return {};
  const std::string_view directory(text.data() + 1, static_cast<std::size_t>(size) - 1);
  return {Request{static_cast<Task>(text[0]), std::string(directory), std::move(fds[0]),
                  std::move(fds[1]), std::move(fds[2])},
          false};
}

}  // namespace nodeproof::unpack
