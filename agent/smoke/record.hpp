// What the supervisor answers: one JSON object per line on its standard output. The container is
// hostile, so the host takes nothing from it but bounded, checked values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/smoke/cgroup_events.hpp"
#include "agent/smoke/plan.hpp"

namespace nodeproof::smoke {

enum class RunState { not_started, exited, signaled, timed_out, output_limit };

// Why a program did not start, beyond execve's errno.
enum class StartCause {
  none,
  file_missing,
  file_empty,          // 0 bytes
  file_zeroed,         // has a size, begins with NULs: a power cut before the data reached the disk
  file_truncated,      // an ELF file that ends too early
  wrong_architecture,  // detail: which one
  no_shebang,          // neither ELF nor "#!"
  interpreter_missing,   // detail: PT_INTERP or the name behind "#!"
  interpreter_unusable,  // detail: same; of another architecture or no program
  not_mapped,            // detail: which file; the kernel gave up after execve had begun
  not_executable,        // mode bits, a directory, noexec
  user_unknown,          // detail: what is wrong with it
  cwd_unusable,
  sandbox,  // our own preparations failed; detail: which
  other,
};

// A signal that killed a process, as ptrace saw it before it did.
struct Fault {
  int signal = 0;
  int code = 0;                   // si_code
  std::uint64_t address = 0;      // si_addr
  std::uint64_t instruction = 0;  // program counter
  std::string bytes;              // hex, at the program counter; "" = not readable
  bool main = true;               // the test's own process, not one it started
  int call = -1;                  // of SIGSYS: si_syscall; -1 = not known
  std::uint32_t arch = 0;         // and si_arch
  friend bool operator==(const Fault&, const Fault&) = default;
};

enum class ServiceState {
  not_up,          // nothing accepted a connection
  silent,          // accepted, and said nothing that ends
  garbage,         // accepted, and said something that is no HTTP
  wrong_status,    // answered, but with another status than expected
  check_failed,    // the command beside it ended with another status than 0, or not in time
  check_unusable,  // the command beside it cannot be started
  up,
};

// What became of asking a service; of the last attempt when it did not come up.
struct ServiceRecord {
  ServiceState state = ServiceState::not_up;
  int status = 0;    // HTTP's; of a command: its exit, 128 + signal, -1 = not in time
  std::string body;  // its first kMaxBodyBytes; of garbage the first bytes of all; of a command its
                     // output, or why it was not started
  bool body_cut = false;
  bool stopped = false;                // by our stop signal: its exit says nothing
  bool killed = false;                 // the stop signal did not end it in time
  double seconds = 0;                  // until it was up
  std::vector<std::string> listening;  // "0.0.0.0:8080"; only when it did not come up
  friend bool operator==(const ServiceRecord&, const ServiceRecord&) = default;
};

struct RunRecord {
  RunState state = RunState::not_started;
  StartCause cause = StartCause::none;
  std::string detail;
  int exit = -1;
  int signal = 0;
  int error = 0;        // errno of the step that failed
  std::string program;  // path of the file that was executed
  std::string
      mapped;  // what runs in its place (an emulator); "" = the program itself, or not known
  std::optional<Fault> fault;
  std::string out, err;  // first and last keep_bytes / 2
  std::uint64_t out_bytes = 0, err_bytes = 0;
  bool out_cut = false, err_cut = false;  // they were longer than what is kept
  std::string stdout_sha256;
  double seconds = 0, cpu_seconds = 0;
  std::uint64_t max_rss_kib = 0;  // of the largest process
  std::uint64_t page_faults = 0;  // minor and major, of all processes
  CgroupEvents cgroup = {};       // during the run
  std::optional<ServiceRecord> service;
  friend bool operator==(const RunRecord&, const RunRecord&) = default;
};

// One of the commands around a test, when it failed.
struct CommandRecord {
  unsigned place = 0;  // in the plan's list
  RunRecord run;
  friend bool operator==(const CommandRecord&, const CommandRecord&) = default;
};

// A file that a test asks for, symlinks followed inside the root.
struct FileFacts {
  int error = 0;      // errno: ENOENT and ENOTDIR = there is none
  std::string link;   // target, when the path itself is a symlink
  unsigned mode = 0;  // st_mode
  unsigned uid = 0, gid = 0;
  std::uint64_t size = 0;
  std::optional<std::string> content;  // whole; nothing = not asked for, too large, no regular file
  bool foreign = false;  // on a mount of the container's own: it says nothing about the image
  friend bool operator==(const FileFacts&, const FileFacts&) = default;
};

// Of several runs this is the last, which is the first that failed.
struct TestRecord : RunRecord {
  TestRecord() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a test of one run is that run
  TestRecord(RunRecord run) : RunRecord(std::move(run)), runs(1), all_seconds(seconds) {}

  unsigned runs = 0;       // that were made
  double all_seconds = 0;  // of all of them
  std::optional<CommandRecord> before, after;
  std::optional<FileFacts> file;
  std::optional<unsigned> cpus;  // that can be used here, where they are too few
  friend bool operator==(const TestRecord&, const TestRecord&) = default;
};

enum class FileProblem {
  missing,
  not_regular,
  unreadable,
  empty,      // and should not be
  truncated,  // shorter
  longer,
  zeroed,   // the right size, and nothing but zero bytes
  changed,  // the right size, other bytes
};

struct FileRecord {
  std::string path;
  FileProblem problem = FileProblem::missing;
  std::uint64_t size = 0;  // found
  std::string hash;        // found; "" = not hashed
  int error = 0;
  std::optional<std::uint64_t> place = {};  // in the list; none = of the plan's own files
  friend bool operator==(const FileRecord&, const FileRecord&) = default;
};

inline constexpr std::size_t kMaxBodyBytes = 64 << 10;
inline constexpr std::size_t kMaxListening = 16;
inline constexpr std::size_t kMaxFileRecords = 1000;  // more are counted only

struct Records {
  bool ended = false;     // the supervisor came to its end
  bool deadline = false;  // its own deadline ended it
  std::uint64_t files_compared = 0, files_wrong = 0;
  std::optional<unsigned> lowest_wrong = {};  // layer of a listed file; none = all are right
  std::vector<FileRecord> files;
  std::optional<RunRecord> loader;
  std::vector<std::optional<TestRecord>> tests;  // one per planned test
  int clone3 = 0;                                // errno, see try_clone3(); 0 = not told
  std::string problem;                           // a sentence of the supervisor's own
  std::string
      noise;  // what is no record: runc's own message when the supervisor could not be executed
};

// Lines, each ends with '\n'.
[[nodiscard]] std::string loader_line(const RunRecord& record);
[[nodiscard]] std::string test_line(std::size_t index, const TestRecord& record);
[[nodiscard]] std::string file_line(const FileRecord& record);
[[nodiscard]] std::string files_line(std::uint64_t compared, std::uint64_t wrong,
                                     std::optional<unsigned> lowest = {});
[[nodiscard]] std::string clone3_line(int error);
[[nodiscard]] std::string problem_line(std::string_view text);
inline constexpr std::string_view kEndLine = "{\"kind\":\"end\"}\n";
inline constexpr std::string_view kDeadlineLine =
    "{\"kind\":\"deadline\"}\n";  // also from a signal handler

// How much a well-behaved supervisor writes at most.
[[nodiscard]] std::size_t max_record_bytes(const Plan& plan);

// Errc::invalid_document for a record that no supervisor of this plan writes.
Result<Records> parse_records(std::string_view text, const Plan& plan);

}  // namespace nodeproof::smoke
