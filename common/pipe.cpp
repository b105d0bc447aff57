#include "common/pipe.hpp"

#include <algorithm>

namespace nodeproof {

BytePipe::BytePipe(std::size_t capacity, std::stop_token stop)
    : ring_(std::max<std::size_t>(capacity, 1)), on_stop_(std::move(stop), Wake{*this}) {}

void BytePipe::Wake::operator()() const noexcept {
  const std::lock_guard lock(pipe.mutex_);
  pipe.stopped_ = true;
  pipe.changed_.notify_all();
}

bool BytePipe::write(Bytes bytes) {
  std::unique_lock lock(mutex_);
  while (!bytes.empty()) {
    changed_.wait(lock, [&] { return length_ < ring_.size() || abandoned_ || stopped_; });
    if (abandoned_ || stopped_) return false;
    take_in(bytes);
    changed_.notify_all();
  }
  return !abandoned_ && !stopped_;
}

void BytePipe::take_in(Bytes& bytes) {
  const std::size_t end = (start_ + length_) % ring_.size();
  const std::size_t room = end < start_ ? start_ - end : ring_.size() - end;
  const std::size_t count = std::min({bytes.size(), room, ring_.size() - length_});
  std::ranges::copy(bytes.first(count), ring_.begin() + static_cast<std::ptrdiff_t>(end));
  length_ += count;
  bytes = bytes.subspan(count);
}

void BytePipe::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void BytePipe::fail(Error error) {
  const std::lock_guard lock(mutex_);
  if (!closed_) error_ = std::move(error);
  closed_ = true;
  changed_.notify_all();
}

Result<std::size_t> BytePipe::read(std::span<std::byte> buffer) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return length_ > 0 || closed_ || stopped_; });
  if (stopped_) return nodeproof::fail(Errc::cancelled, "stopped while waiting for bytes");
  if (length_ == 0 && error_) return std::unexpected(*error_);
  const std::size_t count = std::min({buffer.size(), length_, ring_.size() - start_});
  std::copy_n(ring_.begin() + static_cast<std::ptrdiff_t>(start_), count, buffer.begin());
  start_ = (start_ + count) % ring_.size();
  length_ -= count;
  changed_.notify_all();
  return count;
}

void BytePipe::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  changed_.notify_all();
}

}  // namespace nodeproof
