#include "agent/smoke/root.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace nodeproof::smoke {
namespace {

class DescriptorSource final : public ByteSource {
 public:
  DescriptorSource(UniqueFd fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }

  Result<> read_at(std::uint64_t offset, std::span<std::byte> buffer) const override {
    if (offset > size_) return fail(Errc::truncated, "the file ends early");
    while (!buffer.empty()) {
      const ssize_t got =
          pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(errno, "reading the file");
      if (got == 0) return fail(Errc::truncated, "the file ends early");
      buffer = buffer.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
    return {};
  }

 private:
  UniqueFd fd_;
  std::uint64_t size_;
};

}  // namespace

Result<Root> Root::open(const std::filesystem::path& directory) {
  UniqueFd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "opening " + directory.string());
  return Root(std::move(fd), directory == "/");
}

Root::Opened Root::open_file(std::string_view path, int flags) const {
  const std::string name(path);
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  if ((flags & O_PATH) == 0)
    how.flags |= O_NOCTTY | O_NONBLOCK;  // a FIFO or a terminal must not hold us up
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, fd_.get(), name.c_str(), &how, sizeof(how))));
  if (fd) return {std::move(fd), 0};
  // Linux before 5.6, or a runtime whose seccomp library does not know the call. Inside the
  // container the kernel itself keeps us in the root.
  if (whole_ && (errno == ENOSYS || errno == EPERM)) {
    fd.reset(::open(name.c_str(), static_cast<int>(how.flags)));
    if (fd) return {std::move(fd), 0};
  }
  return {UniqueFd(), errno};
}

Root::Status Root::status(std::string_view path) const {
  Status found;
  const Opened opened = open_file(path, O_PATH);
  found.error = opened.error;
  if (opened.error == 0 && fstat(opened.fd.get(), &found.stat) != 0) found.error = errno;
  return found;
}

Result<std::unique_ptr<ByteSource>> Root::source(std::string_view path) const {
  Opened opened = open_file(path, O_RDONLY);
  if (opened.error != 0) return fail_errno(opened.error, "opening " + std::string(path));
  struct stat stat{};
  if (fstat(opened.fd.get(), &stat) != 0) return fail_errno(errno, "reading " + std::string(path));
  if (!S_ISREG(stat.st_mode))
    return fail(Errc::unsupported, std::string(path) + " is no regular file");
  return std::make_unique<DescriptorSource>(std::move(opened.fd),
                                            static_cast<std::uint64_t>(stat.st_size));
}

Result<std::string> Root::read(std::string_view path, std::size_t max_bytes) const {
  const auto file = TRY(source(path));
  if (file->size() > max_bytes) return fail(Errc::too_large, std::string(path) + " is too large");
  std::string text(file->size(), '\0');
  TRY(file->read_at(0, std::as_writable_bytes(std::span(text))));
  return text;
}

}  // namespace nodeproof::smoke
