#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/layer_root.hpp"

namespace nodeproof {
namespace {

constexpr int kToRead = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// 0, or ENOTEMPTY for a directory that has something in it, or what went wrong.
int remove_one(int folder, const char* name) {
  if (::unlinkat(folder, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR) return errno;
  if (::unlinkat(folder, name, AT_REMOVEDIR) == 0) return 0;
  return errno == EEXIST ? ENOTEMPTY : errno;
}

struct Close {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// A tree may be deeper than a process may have files open: only one directory is, and the way back
// is its "..", which must be what it was on the way down.
class Removal {
 public:
  explicit Removal(UniqueFd top) : at_(std::move(top)) {}

  // 0 or the error.
  int run(const std::string& name) {
    int error = descend(name);
    while (error == 0 && !down_.empty()) error = step();
    return error;
  }

 private:
  struct Level {
    std::string name;
    ::dev_t device = 0;
    ::ino_t inode = 0;  // of the directory that holds it
  };

  int descend(const std::string& name) {
    struct ::stat status{};
    if (!at_ || ::fstat(at_.get(), &status) != 0) return errno;
    UniqueFd next(::openat(at_.get(), name.c_str(), kToRead));
    if (!next) return errno;
    down_.push_back({name, status.st_dev, status.st_ino});
    at_ = std::move(next);
    return 0;
  }

  // Empties the directory as far as the first one in it that is not empty, and goes down there; or
  // goes up and removes it.
  int step() {
    UniqueFd fd(::openat(at_.get(), ".", kToRead));
    const std::unique_ptr<DIR, Close> list(fd ? ::fdopendir(fd.get()) : nullptr);
    if (list == nullptr) return errno;
    fd.release();
    for (errno = 0; const ::dirent* found = ::readdir(list.get()); errno = 0) {
      const std::string_view name = found->d_name;
      if (name == "." || name == "..") continue;
      const int error = remove_one(at_.get(), found->d_name);
      if (error == ENOTEMPTY) return descend(found->d_name);
      if (error != 0) return error;
    }
    return errno != 0 ? errno : ascend();
  }

  int ascend() {
    UniqueFd up(::openat(at_.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct ::stat status{};
    if (!up || ::fstat(up.get(), &status) != 0) return errno;
    const Level level = std::move(down_.back());
    down_.pop_back();
    if (status.st_dev != level.device || status.st_ino != level.inode) return EXDEV;
    at_ = std::move(up);
    const int error = remove_one(at_.get(), level.name.c_str());
    return error == ENOTEMPTY ? descend(level.name) : error;  // the reading missed something
  }

  UniqueFd at_;
  std::vector<Level> down_;
};

}  // namespace

Result<std::vector<std::string>> names_in(int folder) {
  UniqueFd fd(::openat(folder, ".", kToRead));
  const std::unique_ptr<DIR, Close> list(fd ? ::fdopendir(fd.get()) : nullptr);
  if (list == nullptr) return layer_failure(errno, "reading a directory");
  fd.release();
  std::vector<std::string> names;
  for (errno = 0; const ::dirent* found = ::readdir(list.get()); errno = 0) {
    const std::string_view name = found->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return layer_failure(errno, "reading a directory");
  return names;
}

Result<> remove_tree(int folder, const std::string& name) {
  int error = remove_one(folder, name.c_str());
  if (error == ENOTEMPTY) {
    UniqueFd top(::openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    error = top ? Removal(std::move(top)).run(name) : errno;
  }
  if (error != 0) return layer_failure(error, "removing what was there before");
  return {};
}

}  // namespace nodeproof
