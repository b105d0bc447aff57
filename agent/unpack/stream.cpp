#include "agent/unpack/stream.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>

namespace nodeproof::unpack {

Result<std::size_t> FdReader::read(std::span<std::byte> buffer) {
  for (;;) {
    const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return fail_errno(errno, "reading what another process sends");
  }
}

Result<> FdReader::drain() {
  std::array<std::byte, 65536> buffer{};
  while (TRY(read(buffer)) != 0) {
  }
  return {};
}

Result<std::string> read_all(int fd, std::size_t most) {
  FdReader reader(fd);
  std::string text;
  std::array<std::byte, 16384> buffer{};
  for (;;) {
    const std::size_t count = TRY(reader.read(buffer));
    if (count == 0) return text;
    if (text.size() + count > most) return fail(Errc::too_large, "another process says too much");
    text += as_text(Bytes(buffer).first(count));
  }
}

Result<> send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "answering another process");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace nodeproof::unpack
