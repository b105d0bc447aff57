#include "agent/containerd/remains.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>

#include "common/file.hpp"

namespace nodeproof::containerd {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "nodeproof-smoke-";
constexpr std::string_view kTasks = "/io.containerd.runtime.v2.task/";
constexpr std::chrono::seconds kEnd{5};  // from SIGKILL to the end of a process
// runc makes a group and moves the first process into it within milliseconds.
constexpr std::chrono::seconds kYoung{60};
constexpr std::size_t kMost = 64;  // leftovers of one sweep; the next one goes on
constexpr std::size_t kMountInfo = 16U << 20U;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  DIR* const open = opendir(folder.c_str());
  if (open == nullptr) return names;
  while (const dirent* entry = readdir(open)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(open);
  return names;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

int number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

// Who listens at the socket; 0 when it is none of this process ID namespace.
int listener(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return 0;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return 0;
  }
  return std::max(peer.pid, 0);
}

// A mount point as mountinfo writes it: three octal digits after a backslash.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool has_no_process(const fs::path& group) {
  return read_file(group / "cgroup.procs").value_or("x").empty();
}

bool is_at_or_below(const std::string& path, const std::string& folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

// Sends SIGKILL to the process that was looked at, never to one that has its number since.
class Doomed {
 public:
  explicit Doomed(int pid) : fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  void end() const { syscall(SYS_pidfd_send_signal, fd_.get(), SIGKILL, nullptr, 0); }
  void wait(std::chrono::steady_clock::time_point until) const {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd ended{fd_.get(), POLLIN, 0};
    poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  }
  explicit operator bool() const { return static_cast<bool>(fd_); }

 private:
  UniqueFd fd_;
};

// As smoke::random_id makes them.
bool is_our_id(std::string_view name) {
  constexpr std::size_t kDigits = 16;
  return name.starts_with(kPrefix) && name.size() == kPrefix.size() + kDigits &&
         name.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

// Nobody else can put something of his in its place: the owner is root or who runs this, and where
// others write (/tmp) they cannot rename what is not theirs.
bool is_trusted(int folder) {
  struct stat info{};
  if (fstat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) return false;
  const bool open_to_others = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  return (info.st_uid == 0 || info.st_uid == geteuid()) &&
         (!open_to_others || (info.st_mode & S_ISVTX) != 0);
}

// Component by component: openat2(RESOLVE_NO_SYMLINKS) would not show the owners on the way.
UniqueFd open_trusted(const fs::path& path) {
  constexpr int kFlags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (!path.is_absolute() || path != path.lexically_normal()) return {};
  UniqueFd folder(open("/", O_PATH | kFlags));
  for (const fs::path& name : path.relative_path()) {
    if (!is_trusted(folder.get())) return {};
    folder.reset(openat(folder.get(), name.c_str(), O_PATH | kFlags));
  }
  return is_trusted(folder.get()) ? std::move(folder) : UniqueFd();
}

// Files and empty folders; never through what may be a link or a mount point.
void remove_flat(const fs::path& path) {
  const UniqueFd parent = open_trusted(path.parent_path());
  const UniqueFd folder = open_trusted(path);
  if (!parent || !folder) return;
  for (const std::string& name : names_in("/proc/self/fd/" + std::to_string(folder.get()))) {
    if (unlinkat(folder.get(), name.c_str(), 0) != 0) {
      unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR);
    }
  }
  unlinkat(parent.get(), path.filename().c_str(), AT_REMOVEDIR);
}

// The folder before the tail, without links; empty when it has none or is not there.
fs::path before(const std::string& path, const std::string& tail) {
  std::error_code unknown;
  if (!path.starts_with('/') || !path.ends_with(tail)) return {};
  const fs::path folder = fs::canonical(path.substr(0, path.size() - tail.size()), unknown);
  return unknown ? fs::path() : folder;
}

std::string value_of(const std::vector<std::string>& arguments, std::string_view name) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == name && i + 1 < arguments.size()) return arguments[i + 1];
    if (arguments[i].starts_with(std::string(name) + "=")) {
      return arguments[i].substr(name.size() + 1);
    }
  }
  return "";
}

// The numbers of a line of /proc/PID/status.
std::vector<std::string> status_of(const fs::path& process, std::string_view key) {
  for (const std::string& line : split(read_file(process / "status").value_or(""), '\n')) {
    auto fields = split(line, '\t');
    if (fields.empty() || fields[0] != key) continue;
    fields.erase(fields.begin());
    return fields;
  }
  return {};
}

// Which namespace, empty when unknown. The links need CAP_SYS_PTRACE, which our unit does not
// have; mount IDs are unique among all mount namespaces, and a process of a PID namespace below
// the one of this /proc has two numbers.
std::string namespace_of(const fs::path& process, const std::string& kind) {
  std::error_code hidden;
  const fs::path link = fs::read_symlink(process / "ns" / kind, hidden);
  if (!hidden) return link.string();
  if (kind == "pid") return status_of(process, "NSpid:").size() == 1 ? "this" : "";
  const std::string mounts = read_file(process / "mountinfo", kMountInfo).value_or("");
  return mounts.substr(0, mounts.find(' '));
}

bool shares_namespaces(const fs::path& process, const fs::path& other) {
  return std::ranges::all_of(std::array{"pid", "mnt"}, [&](const char* kind) {
    const std::string one = namespace_of(process, kind);
    return !one.empty() && one == namespace_of(other, kind);
  });
}

// `remedy` is for what a program without privileges must leave.
std::unexpected<Error> still_there(const std::string& id, const std::string& what) {
  return std::unexpected(Error{
      Errc::io, "of the smoke container " + id + " is left: " + what,
      "it harms nothing and containerd's next start or a reboot removes it; a nodeproof check "
      "as root outside of the unit does, too"});
}

}  // namespace

Remains::Remains(std::string socket, std::string name_space, fs::path proc, fs::path cgroups)
    : socket_(std::move(socket)),
      namespace_(std::move(name_space)),
      proc_(std::move(proc)),
      cgroups_(std::move(cgroups)),
      containerd_(listener(socket_)) {}

// containerd-shim-runc-v2 -namespace k8s.io -id nodeproof-smoke-… -address /run/…/containerd.sock
// Anybody can call a process so; root's beside containerd are its own.
bool Remains::is_shim(const fs::path& process, const std::vector<std::string>& arguments) const {
  if (arguments.empty() ||
      !fs::path(arguments[0]).filename().string().starts_with("containerd-shim")) {
    return false;
  }
  std::string address = value_of(arguments, "-address");
  if (address.starts_with("unix://")) address.erase(0, 7);
  std::error_code unknown;
  if (address != socket_ && !fs::equivalent(address, socket_, unknown)) return false;
  const auto users = status_of(process, "Uid:");  // real, effective, saved, of the file system
  return users.size() == 4 && users[0] == "0" && users[1] == "0" &&
         shares_namespaces(process, proc_ / std::to_string(containerd_));
}

std::vector<Remains::Shim> Remains::shims() const {
  std::vector<Shim> found;
  if (containerd_ == 0) return found;
  for (const std::string& name : names_in(proc_)) {
    const int pid = number(name);
    if (pid == 0) continue;
    const auto arguments = split(read_file(proc_ / name / "cmdline").value_or(""), '\0');
    if (!is_shim(proc_ / name, arguments)) continue;
    found.push_back({pid, value_of(arguments, "-namespace"), value_of(arguments, "-id")});
  }
  return found;
}

std::vector<int> Remains::shims_of(const std::string& id) const {
  std::vector<int> found;
  for (const Shim& shim : shims()) {
    if (shim.name_space == namespace_ && shim.id == id) found.push_back(shim.pid);
  }
  return found;
}

// On cgroup v1 a root per controller.
std::vector<fs::path> Remains::slices() const {
  std::vector<fs::path> found = {cgroups_ / "nodeproof.slice"};
  std::error_code none;
  if (fs::exists(cgroups_ / "cgroup.controllers", none)) return found;
  for (const std::string& name : names_in(cgroups_)) {
    found.push_back(cgroups_ / name / "nodeproof.slice");
  }
  return found;
}

// What systemd made (nodeproof-<id>.scope) it removes itself.
std::vector<fs::path> Remains::groups_of(const std::string& id) const {
  std::vector<fs::path> found;
  for (const fs::path& slice : slices()) {
    for (const std::string& name : {id, "nodeproof-" + id + ".scope"}) {
      fs::path group = slice / name;
      std::error_code none;
      if (fs::is_directory(group, none)) found.push_back(std::move(group));
    }
  }
  return found;
}

std::vector<std::string> Remains::mounts() const {
  std::vector<std::string> points;
  const std::string text = read_file(proc_ / "self/mountinfo", kMountInfo).value_or("");
  for (const std::string& line : split(text, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() >= 5) points.push_back(unescaped(fields[4]));
  }
  return points;
}

// Of another mount namespace nothing can be unmounted from here, only a copy.
bool Remains::shares_mounts() const {
  std::error_code unknown;
  const auto theirs = fs::read_symlink(proc_ / std::to_string(containerd_) / "ns/mnt", unknown);
  if (unknown) return false;
  return fs::read_symlink(proc_ / "self/ns/mnt", unknown) == theirs && !unknown;
}

// Containerd's command line or its shims, which work in their bundles, tell its state folder; else
// it is the socket's, as by default. Another containerd's is none of these.
std::set<fs::path> Remains::task_folders() const {
  std::set<fs::path> states;
  const auto add = [&states](const fs::path& state) {
    if (!state.empty() && open_trusted(state)) states.insert(state);
  };
  const auto arguments =
      split(read_file(proc_ / std::to_string(containerd_) / "cmdline").value_or(""), '\0');
  add(before(value_of(arguments, "--state"), ""));
  for (const Shim& shim : shims()) {
    std::error_code hidden;
    const fs::path cwd = fs::read_symlink(proc_ / std::to_string(shim.pid) / "cwd", hidden);
    const std::string tail = std::string(kTasks) + shim.name_space + "/" + shim.id;
    if (!hidden) add(before(cwd.string(), tail));
  }
  if (states.empty()) add(before(fs::path(socket_).parent_path().string(), ""));
  std::set<fs::path> folders;
  for (const fs::path& state : states)
    folders.insert(state.string() + std::string(kTasks) + namespace_);
  return folders;
}

std::vector<fs::path> Remains::bundles_of(const std::string& id) const {
  std::vector<fs::path> found;
  for (const fs::path& folder : task_folders()) {
    if (open_trusted(folder / id)) found.push_back(folder / id);
  }
  return found;
}

std::set<std::string> Remains::ids() const {
  std::set<std::string> found;
  if (containerd_ == 0) return found;
  const auto add = [&found](const std::string& id) {
    if (is_our_id(id) && found.size() < kMost) found.insert(id);
  };
  for (const Shim& shim : shims()) {
    if (shim.name_space == namespace_) add(shim.id);
  }
  const std::set<fs::path> folders = task_folders();
  for (const std::string& mount : mounts()) {
    const fs::path point = mount;
    const fs::path bundle = point.parent_path();
    if (point.filename() == "rootfs" && folders.contains(bundle.parent_path())) {
      add(bundle.filename());
    }
  }
  for (const fs::path& slice : slices()) {
    for (const std::string& name : names_in(slice)) {
      struct stat made{};
      if (!is_our_id(name) || stat((slice / name).c_str(), &made) != 0) continue;
      const auto age = std::chrono::system_clock::now() -
                       std::chrono::system_clock::from_time_t(made.st_mtim.tv_sec);
      // A second containerd's, maybe: it is empty.
      if (age > kYoung && has_no_process(slice / name)) add(name);
    }
  }
  return found;
}

void Remains::end_processes(const std::string& id) const {
  std::vector<Doomed> doomed;
  for (const int pid : shims_of(id)) {
    Doomed shim(pid);
    if (shim && std::ranges::count(shims_of(id), pid) > 0) doomed.push_back(std::move(shim));
  }
  for (const fs::path& group : groups_of(id)) {
    for (const std::string& line : split(read_file(group / "cgroup.procs").value_or(""), '\n')) {
      Doomed process(number(line));
      const std::string its = read_file(proc_ / line / "cgroup").value_or("");
      if (process && its.contains(id)) doomed.push_back(std::move(process));
    }
  }
  for (const Doomed& process : doomed) process.end();
  const auto until = std::chrono::steady_clock::now() + kEnd;
  for (const Doomed& process : doomed) process.wait(until);
}

void Remains::unmount(const fs::path& bundle) const {
  if (!shares_mounts()) return;
  for (const std::string& point : mounts()) {
    if (point == bundle / "rootfs") umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

// With its folder below containerd's root, to which `work` in the bundle leads.
void Remains::remove_bundle(const fs::path& bundle, const std::string& id) const {
  const bool mounted = std::ranges::any_of(
      mounts(), [&](const std::string& point) { return is_at_or_below(point, bundle.string()); });
  if (mounted) return;
  std::error_code none;
  const fs::path work = fs::read_symlink(bundle / "work", none);
  const std::string tail = std::string(kTasks) + namespace_ + "/" + id;
  const fs::path root = none ? fs::path() : before(work.string(), tail);
  remove_flat(bundle);
  if (!root.empty()) remove_flat(root.string() + tail);
}

Result<> Remains::remove(const std::string& id) const {
  if (containerd_ == 0 || !is_our_id(id)) return {};
  const std::vector<fs::path> bundles = bundles_of(id);
  const bool of_this_containerd = !bundles.empty() || has_shim(id);
  if (!of_this_containerd && !std::ranges::all_of(groups_of(id), has_no_process)) return {};
  if (of_this_containerd) end_processes(id);
  std::string left;
  const auto note = [&left](const fs::path& path) {
    left.append(left.empty() ? "" : ", ").append(path.string());
  };
  for (const fs::path& bundle : bundles) {
    unmount(bundle);
    remove_bundle(bundle, id);
    std::error_code error;
    if (fs::exists(bundle, error)) note(bundle);
  }
  remove_flat(fs::path("/run/containerd/runc") / namespace_ / id);
  for (const fs::path& group : groups_of(id)) {
    if (rmdir(group.c_str()) != 0 && errno != ENOENT && group.filename() == id) note(group);
  }
  if (!left.empty()) return still_there(id, left);
  return {};
}

}  // namespace nodeproof::containerd
