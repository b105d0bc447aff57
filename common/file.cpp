#include "common/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace nodeproof {
namespace {

namespace fs = std::filesystem;

Result<> write_all(int fd, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "writing " + path.string());
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<> sync_directory(const fs::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "opening " + directory.string());
  if (::fsync(fd.get()) != 0) return fail_errno(errno, "syncing " + directory.string());
  return {};
}

// A file that is removed again unless it has been renamed to its name.
class TemporaryFile {
 public:
  static Result<TemporaryFile> beside(const fs::path& path) {
    std::string name = (path.parent_path() / ("." + path.filename().string() + ".XXXXXX")).string();
    UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd) return fail_errno(errno, "making a temporary file beside " + path.string());
    return TemporaryFile(std::move(fd), std::move(name));
  }
  TemporaryFile(TemporaryFile&& other) noexcept
      : fd_(std::move(other.fd_)), name_(std::exchange(other.name_, {})) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }

  // Errors name the file that is to be: its temporary name would make each of them another one.
  Result<> fill(std::string_view content, unsigned mode, const fs::path& path) {
    TRY(write_all(fd_.get(), content, path));
    if (::fchmod(fd_.get(), mode) != 0) {
      return fail_errno(errno, "setting the mode of " + path.string());
    }
    if (::fsync(fd_.get()) != 0) return fail_errno(errno, "syncing " + path.string());
    return {};
  }
  Result<> become(const fs::path& path) {
    if (::rename(name_.c_str(), path.c_str()) != 0) {
      return fail_errno(errno, "replacing " + path.string());
    }
    name_.clear();
    return {};
  }

 private:
  TemporaryFile(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  UniqueFd fd_;
  std::string name_;
};

}  // namespace

UniqueFd::~UniqueFd() { reset(); }

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) reset(other.release());
  return *this;
}

int UniqueFd::release() { return std::exchange(fd_, -1); }

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> read_file(const fs::path& path, std::size_t max_bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "opening " + path.string());
  std::string content;
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "reading " + path.string());
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > max_bytes) {
      return fail(Errc::too_large,
                  path.string() + " is larger than " + std::to_string(max_bytes) + " bytes");
    }
  }
}

Result<> write_file_atomically(const fs::path& path, std::string_view content, unsigned mode) {
  const fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
  TRY(make_directories(directory));
  TemporaryFile file = TRY(TemporaryFile::beside(directory / path.filename()));
  TRY(file.fill(content, mode, path));
  TRY(file.become(path));
  return sync_directory(directory);
}

Result<> make_directories(const fs::path& path, unsigned mode) {
  struct ::stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return fail_errno(ENOTDIR, "making the directory " + path.string());
  }
  if (path.has_parent_path() && path.parent_path() != path) {
    TRY(make_directories(path.parent_path(), mode));
  }
  // Somebody else may have made it meanwhile.
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return fail_errno(errno, "making the directory " + path.string());
  }
  return {};
}

Result<> remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail_errno(errno, "removing " + path.string());
  }
  return {};
}

fs::path temporary_folder() {
  std::error_code problem;
  fs::path named = fs::temp_directory_path(problem);
  return problem ? fs::path("/tmp") : named;
}

Result<> sync_file_system(const fs::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "opening " + path.string());
  if (::syncfs(fd.get()) != 0) {
    return fail_errno(errno, "syncing the file system of " + path.string());
  }
  return {};
}

}  // namespace nodeproof
