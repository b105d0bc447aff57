// Whole lines from several threads onto one stream.
#pragma once

#include <mutex>
#include <ostream>
#include <string_view>

namespace nodeproof::cli {

class LineWriter {
 public:
  explicit LineWriter(std::ostream& out) : out_(out) {}

  // The line brings its newline; flushed, for someone waits at the other end.
  void write(std::string_view line) {
    const std::scoped_lock lock(mutex_);
    out_ << line << std::flush;
  }

 private:
  std::mutex mutex_;
  std::ostream& out_;
};

}  // namespace nodeproof::cli
