#include "agent/cli/tag_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "common/crypto.hpp"

namespace nodeproof::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{100};  // flock(2) has no time-out

constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
constexpr mode_t kForAll = 0644;  // flock(2) needs no more than to read it

// Anybody may have made it. Where the folder is sticky, the kernel refuses even root O_CREAT for a
// file of another user (fs.protected_regular): it is only for one that is not there.
UniqueFd open_or_make(const std::string& path) {
  UniqueFd fd(open(path.c_str(), kFlags));
  if (fd || errno != ENOENT) return fd;
  fd.reset(open(path.c_str(), kFlags | O_CREAT | O_EXCL, kForAll));
  if (fd) fchmod(fd.get(), kForAll);  // whatever the umask is
  if (!fd && errno == EEXIST) fd.reset(open(path.c_str(), kFlags));
  return fd;
}

// Nothing: this folder cannot be used.
Result<std::optional<UniqueFd>> open_file(const std::filesystem::path& folder,
                                          const std::string& name) {
  const std::string path = (folder / name).string();
  UniqueFd fd = open_or_make(path);
  const int problem = errno;
  struct stat facts{};
  const bool there = lstat(path.c_str(), &facts) == 0;
  if (!fd && !there) return std::optional<UniqueFd>();
  if (there && !S_ISREG(facts.st_mode)) return fail(Errc::io, path + " is no file", "remove it");
  // Another lock elsewhere would keep nobody out.
  if (!fd) return std::unexpected(fail_errno(problem, path).error().with_remedy("remove it"));
  return std::optional(std::move(fd));
}

Result<UniqueFd> open_in_one_of(const LockRequest& request) {
  const std::string key(hash_of(as_bytes(request.tag.name())).hex().substr(0, 32));
  std::string tried;
  for (const auto& folder : request.folders) {
    auto found = TRY(open_file(folder, "nodeproof-tag-" + key + ".lock"));
    if (found) return *std::move(found);
    tried += (tried.empty() ? "" : ", ") + folder.string();
  }
  return fail(Errc::permission_denied, "no folder for the tag's lock can be written to: " + tried,
              "set TMPDIR to a folder that this user may write to");
}

}  // namespace

std::vector<std::filesystem::path> lock_folders() {
  std::vector<std::filesystem::path> folders = {"/run/lock"};
  const char* own = std::getenv("XDG_RUNTIME_DIR");
  if (own != nullptr && *own == '/') folders.emplace_back(own);
  folders.push_back(temporary_folder());
  return folders;
}

Result<TagLock> TagLock::take(const LockRequest& request, const std::stop_token& stop) {
  UniqueFd fd = TRY(open_in_one_of(request));
  const auto deadline = Clock::now() + request.wait;
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno(errno, "flock");
    if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
    if (Clock::now() >= deadline) {
      return fail(Errc::busy, "another nodeproof on this machine is changing " + request.tag.name(),
                  "wait for it to end, or give it longer with --wait SECONDS");
    }
    std::this_thread::sleep_for(kLook);
  }
  return TagLock(std::move(fd));
}

}  // namespace nodeproof::cli
