// A bounded pipe of bytes in memory between two threads: one pushes (a download), one pulls (an
// unpacker).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "common/bytes.hpp"

namespace nodeproof {

class BytePipe final : public ByteReader {
 public:
  // A stop request wakes both ends: write() gives up, read() answers Errc::cancelled.
  explicit BytePipe(std::size_t capacity, std::stop_token stop = {});
  ~BytePipe() override = default;
  BytePipe(const BytePipe&) = delete;
  BytePipe& operator=(const BytePipe&) = delete;

  // The writer's end. Blocks while the pipe is full; false = nobody reads any more, so do not
  // bother.
  bool write(Bytes bytes);
  void close();            // the reader gets the rest, then the end
  void fail(Error error);  // the reader gets the rest, then this error

  // The reader's end.
  Result<std::size_t> read(std::span<std::byte> buffer) override;
  void abandon();  // wakes the writer; what it writes from now on is dropped

 private:
  void take_in(Bytes& bytes);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::byte> ring_;
  std::size_t start_ = 0;   // of what is held
  std::size_t length_ = 0;  // of what is held
  bool closed_ = false, abandoned_ = false, stopped_ = false;
  std::optional<Error> error_;
  struct Wake {
    BytePipe& pipe;
    void operator()() const noexcept;
  };
  std::stop_callback<Wake> on_stop_;  // last: may run while the others are alive only
};

}  // namespace nodeproof
