// What the host asks of the supervisor inside the container: one JSON document, bind-mounted
// read-only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"

namespace nodeproof::smoke {

struct FileExpectation {
  std::string path;        // absolute, inside the image
  std::uint64_t size = 0;  // bytes
  std::string sha256;      // 64 lower hex digits; "" = only the size is compared
  friend bool operator==(const FileExpectation&, const FileExpectation&) = default;
};

// A program to run as a child of the supervisor.
struct PlannedRun {
  std::string name;
  std::vector<std::string> args;  // args[0] is looked up in env's PATH when it has no slash
  std::vector<std::string> env;   // the whole environment
  std::string user;  // as image configs write it: "", uid, uid:gid, name, name:group ...
  std::string cwd = "/";
  std::chrono::milliseconds timeout{20000};
  friend bool operator==(const PlannedRun&, const PlannedRun&) = default;
};

struct Plan {
  std::vector<FileExpectation> files;
  std::optional<PlannedRun> loader;  // the image's own loader with --list
  std::vector<PlannedRun> tests;
  std::chrono::milliseconds deadline{60000};  // of the supervisor as a whole
  std::uint64_t keep_bytes = 64 << 10;        // of each stream of each run
  std::uint64_t output_limit = 64ULL << 20;   // bytes of one run; beyond it the run is killed
  friend bool operator==(const Plan&, const Plan&) = default;
};

inline constexpr std::size_t kMaxPlanBytes = 64 << 20;
inline constexpr std::size_t kMaxRuns = 256;
inline constexpr std::uint64_t kMaxKeepBytes = 256 << 10;

[[nodiscard]] std::string to_json(const Plan& plan);
Result<Plan> parse_plan(std::string_view text);

}  // namespace nodeproof::smoke
