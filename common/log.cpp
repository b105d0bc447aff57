#include "common/log.hpp"

#include <unistd.h>

#include <atomic>
#include <string>

#include "common/words.hpp"

namespace nodeproof::log {
namespace {

constexpr std::size_t kMaxLine = 4096;  // bytes; also keeps one line one write(2) to a pipe

// The one piece of state of the process that is not owned by main: any thread may log.
constinit std::atomic<Level> threshold{Level::notice};
constinit std::atomic<bool> journal{false};

}  // namespace

void configure(Options options) {
  threshold = options.threshold;
  journal = options.journal;
}

void write(Level level, std::string_view text) {
  if (level > threshold.load()) return;
  std::string line;
  if (journal.load()) line = "<" + std::to_string(static_cast<int>(level)) + ">";
  line += excerpt(text, kMaxLine - 16) + "\n";
  // A log that cannot be written has nobody to be told.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace nodeproof::log
