// Follows a test's processes by ptrace to learn two things and change nothing else: which
// executable the kernel mapped, and which instruction drew the signal that killed a process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/smoke/program.hpp"
#include "agent/smoke/user.hpp"

namespace nodeproof::smoke {

class Trace {
 public:
  // main: the forked child; expected: what it should come to run as.
  Trace(pid_t main, const Root& root, Executable expected, User user)
      : main_(main), root_(root), expected_(std::move(expected)), user_(std::move(user)) {}

  // Another child that become() makes, beside main.
  void follow(pid_t child) { others_.insert(child); }

  // A status of wait4(2), of any process; lets a stopped one go on. true = the process has ended.
  bool take(pid_t pid, int status);

  [[nodiscard]] const std::optional<Fault>& fatal() const { return fatal_; }
  // Main was traced and ended before its first execve was done.
  [[nodiscard]] bool stillborn() const { return followed_ && !executed_; }
  // What ran in the program's place; "" = nothing, or not known. Only after a successful execve.
  [[nodiscard]] std::string mapped() const;
  // KiB, of the largest process that ended by itself; 0 = not known.
  [[nodiscard]] std::uint64_t peak_memory() const { return peak_; }
  void kill_all() const;  // SIGKILL for every process that is traced

 private:
  void stopped(pid_t pid, int status);
  void ended(pid_t pid, int status);
  void executed(pid_t pid);
  void leaving(pid_t pid);

  pid_t main_;
  const Root& root_;
  Executable expected_;
  User user_;
  bool followed_ = false, executed_ = false;  // main; executed for the first time
  std::set<pid_t> others_;
  std::set<pid_t> tracees_;  // threads too
  std::map<pid_t, Fault> last_fault_;
  std::optional<Fault> fatal_;
  std::string mapped_;
  std::uint64_t peak_ = 0;
};

}  // namespace nodeproof::smoke
