#include "agent/smoke/capture.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace nodeproof::smoke {

Capture::Capture(UniqueFd fd, std::uint64_t keep, bool hash) : fd_(std::move(fd)), half_(keep / 2) {
  if (hash) hasher_.emplace();
}

void Capture::read_some() {
  std::array<char, 64 << 10> buffer{};
  const ssize_t got = read(fd_.get(), buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) return close();
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  if (hasher_) hasher_->update(as_bytes(bytes));
  bytes_ += bytes.size();
  keep(bytes);
}

void Capture::keep(std::string_view bytes) {
  const std::size_t first = std::min<std::size_t>(half_ - head_.size(), bytes.size());
  head_.append(bytes.substr(0, first));
  tail_.append(bytes.substr(first));
  if (tail_.size() > 2 * half_) tail_.erase(0, tail_.size() - half_);
}

std::string Capture::text() const {
  const std::string_view tail =
      std::string_view(tail_).substr(tail_.size() - std::min<std::size_t>(tail_.size(), half_));
  const std::uint64_t gap = bytes_ - head_.size() - tail.size();
  std::string text = head_;
  if (gap != 0) text += "\n[" + std::to_string(gap) + " bytes left out]\n";
  return text.append(tail);
}

std::string Capture::sha256() {
  return hasher_ ? std::string(hasher_->finish().hex()) : std::string();
}

}  // namespace nodeproof::smoke
