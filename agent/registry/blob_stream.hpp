// A blob on its way to a sink, over as many requests as it takes; every byte is passed on once and
// in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/bytes.hpp"
#include "common/http.hpp"

namespace nodeproof::registry {

class BlobStream {
 public:
  BlobStream(std::uint64_t size, std::uint64_t offset, const ByteSink& sink)
      : size_(size), position_(offset), sink_(sink) {}

  // The Range header of the next request. Nothing for a whole blob: some registries refuse
  // "bytes=0-" and some hang.
  [[nodiscard]] std::optional<std::string> range() const;

  // 206 must be of exactly the range asked for; 200 means that the server ignored it: the first
  // bytes are skipped.
  Result<> begin(const HttpResponse& head);
  Result<> take(Bytes bytes);
  // Errc::truncated when an answer that seemed whole was not.
  [[nodiscard]] Result<> end() const;

  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] bool sink_refused() const { return sink_refused_; }

 private:
  std::uint64_t size_;
  std::uint64_t position_;  // the next byte that the sink gets
  std::uint64_t skip_ = 0;
  const ByteSink& sink_;
  bool sink_refused_ = false;
};

}  // namespace nodeproof::registry
