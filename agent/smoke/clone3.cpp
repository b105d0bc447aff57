#include "agent/smoke/clone3.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "agent/codes.hpp"
#include "common/file.hpp"

namespace nodeproof::smoke {
namespace {

std::filesystem::path file_in(const std::filesystem::path& folder) { return folder / "clone3"; }

std::string runtime_of(const HostFacts& host) {
  return host.boot_id + '\n' + host.runc + '\n' +
         (host.containerd ? host.containerd->version : "") + '\n';
}

}  // namespace

int try_clone3() {
#ifndef SYS_clone3
  constexpr long SYS_clone3 = 435;  // on every architecture
#endif
  errno = 0;
  return syscall(SYS_clone3, nullptr, 0) < 0 ? errno : 0;
}

std::string clone3_word(int error) {
  if (error == EINVAL || error == EFAULT) return "allowed";
  if (error == ENOSYS) return "ENOSYS";
  return error == EPERM ? "EPERM" : "";
}

void keep_clone3(const std::filesystem::path& folder, const HostFacts& host,
                 const std::string& word) {
  if (word.empty() || word == kept_clone3(folder, host)) return;
  // Without it the next container tells.
  static_cast<void>(write_file_atomically(file_in(folder), runtime_of(host) + word));
}

std::string kept_clone3(const std::filesystem::path& folder, const HostFacts& host) {
  const std::string text = read_file(file_in(folder)).value_or("");
  const std::string runtime = runtime_of(host);
  return text.starts_with(runtime) ? text.substr(runtime.size()) : "";
}

std::optional<Finding> threads_refused(const HostFacts& host) {
  if (host.clone3 != "EPERM") return {};
  return Finding{.code = std::string(code::kThreadsRefused),
                 .severity = Severity::warn,
                 .subject = host.runc.empty() ? "runc" : host.runc,
                 .layer = {},
                 .message =
                     "containers here get EPERM for clone3: programs with glibc 2.34 or "
                     "later start no thread",
                 .evidence = "clone3(2) in a smoke container, whose profile asks for ENOSYS: EPERM",
                 .remedy = "update runc (1.0.0-rc95 or later) and libseccomp (2.5.0 or later)"};
}

}  // namespace nodeproof::smoke
