// What the supervisor answers: one JSON object per line on its standard output. The container is
// hostile, so the host takes nothing from it but bounded, checked values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  friend bool operator==(const Fault&, const Fault&) = default;
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
  std::string stdout_sha256;
  double seconds = 0, cpu_seconds = 0;
  std::uint64_t max_rss_kib = 0;
  friend bool operator==(const RunRecord&, const RunRecord&) = default;
};

enum class FileProblem { missing, not_regular, unreadable, empty, truncated, longer, changed };

struct FileRecord {
  std::string path;
  FileProblem problem = FileProblem::missing;
  std::uint64_t size = 0;  // found
  std::string sha256;      // found; "" = not hashed
  int error = 0;
  friend bool operator==(const FileRecord&, const FileRecord&) = default;
};

inline constexpr std::size_t kMaxFileRecords = 1000;  // more are counted only

struct Records {
  bool ended = false;     // the supervisor came to its end
  bool deadline = false;  // its own deadline ended it
  std::uint64_t files_compared = 0, files_wrong = 0;
  std::vector<FileRecord> files;
  std::optional<RunRecord> loader;
  std::vector<std::optional<RunRecord>> tests;  // one per planned test
  std::string problem;                          // a sentence of the supervisor's own
  std::string
      noise;  // what is no record: runc's own message when the supervisor could not be executed
};

// Lines, each ends with '\n'.
[[nodiscard]] std::string loader_line(const RunRecord& record);
[[nodiscard]] std::string test_line(std::size_t index, const RunRecord& record);
[[nodiscard]] std::string file_line(const FileRecord& record);
[[nodiscard]] std::string files_line(std::uint64_t compared, std::uint64_t wrong);
[[nodiscard]] std::string problem_line(std::string_view text);
inline constexpr std::string_view kEndLine = "{\"kind\":\"end\"}\n";
inline constexpr std::string_view kDeadlineLine =
    "{\"kind\":\"deadline\"}\n";  // also from a signal handler

// How much a well-behaved supervisor writes at most.
[[nodiscard]] std::size_t max_record_bytes(const Plan& plan);

// Errc::invalid_document for a record that no supervisor of this plan writes.
Result<Records> parse_records(std::string_view text, const Plan& plan);

}  // namespace nodeproof::smoke
