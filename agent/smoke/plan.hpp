// What the host asks of the supervisor inside the container: one JSON document, bind-mounted
// read-only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"
#include "common/error.hpp"

namespace nodeproof::smoke {

struct FileExpectation {
  std::string path;        // absolute, inside the image
  std::uint64_t size = 0;  // bytes
  std::string hash;        // a ContentHash in hex; "" = only the size is compared
  unsigned layer = 0;      // that brought it, bottom first; of listed files
  friend bool operator==(const FileExpectation&, const FileExpectation&) = default;
};

// When a service counts as up, and how it is stopped.
struct PlannedService {
  unsigned port = 0;
  std::string http_path = {};  // "" = a connection is enough
  unsigned http_status = 0;    // 0 = any of 200 to 399
  std::string http_body = {};  // Pattern; of each of several runs
  int stop_signal = 15;
  std::vector<std::string> check = {};  // a command beside it; empty = none
  std::chrono::milliseconds check_timeout{30000}, check_pause{1000};
  friend bool operator==(const PlannedService&, const PlannedService&) = default;
};

struct PlannedFile {
  std::string path;      // absolute
  bool content = false;  // is asked for
  friend bool operator==(const PlannedFile&, const PlannedFile&) = default;
};

// A program to run as a child of the supervisor, or a file to look at.
struct PlannedRun {
  std::string name;
  // args[0] is looked up in env's PATH when it has no slash. Empty: a file, or a service of an
  // image that names no program.
  std::vector<std::string> args;
  std::vector<std::string> env;  // the whole environment
  std::string user;  // as image configs write it: "", uid, uid:gid, name, name:group ...
  std::string cwd = "/";
  std::chrono::milliseconds timeout{20000};
  // Of tests only.
  std::string input = {};  // on standard input; "" = none
  unsigned repeat = 1;
  unsigned cpus = 0;                                              // with fewer nothing is run
  std::vector<std::vector<std::string>> before = {}, after = {};  // commands
  SmokeExpectation expect = {};                                   // of each of several runs
  std::optional<PlannedService> service = {};
  std::optional<PlannedFile> file = {};
  friend bool operator==(const PlannedRun&, const PlannedRun&) = default;
};

struct Plan {
  std::vector<FileExpectation> files;
  bool listed = false;               // compare what the list at kListInside names, too
  std::optional<PlannedRun> loader;  // the image's own loader with --list
  std::vector<PlannedRun> tests;
  std::chrono::milliseconds deadline{60000};  // of the supervisor as a whole
  std::uint64_t keep_bytes = 64 << 10;        // of each stream of each run
  std::uint64_t output_limit = 64ULL << 20;   // bytes of one run; beyond it the run is killed
  friend bool operator==(const Plan&, const Plan&) = default;
};

inline constexpr std::size_t kMaxPlanBytes = 64 << 20;
inline constexpr std::size_t kMaxRuns = 256;
inline constexpr std::size_t kMaxCommands = 64;  // before a test; and after it
inline constexpr unsigned kMaxRepeat = 1'000'000;
inline constexpr std::uint64_t kMaxKeepBytes = 256 << 10;
inline constexpr std::uint64_t kMaxCommandBytes = 8 << 10;  // kept of what is run before and after
inline constexpr std::size_t kMaxContentBytes = 1 << 20;    // of a file that is searched
inline constexpr std::chrono::seconds kStopGrace{
    10};  // after the stop signal, as docker stop has it

[[nodiscard]] std::string to_json(const Plan& plan);
Result<Plan> parse_plan(std::string_view text);

}  // namespace nodeproof::smoke
