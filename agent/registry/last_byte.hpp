// The request for a blob's last byte, and what its answer proves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/registry/answer.hpp"
#include "agent/registry/registry.hpp"
#include "common/bytes.hpp"

namespace nodeproof::registry {

// One request's. Nothing, a truncated or a stale blob is told apart from an answer that failed.
class LastByte {
 public:
  explicit LastByte(std::uint64_t size) : size_(size) {}  // > 0

  [[nodiscard]] std::string range() const;
  Result<> begin(const HttpResponse& head);
  Result<> take(Bytes bytes);
  void refused(const Answer& answer);
  // `asked` is how the request ended.
  [[nodiscard]] Result<BlobState> conclude(Result<> asked) const;

 private:
  [[nodiscard]] std::string place() const;  // "bytes 29-29/"

  std::uint64_t size_;
  std::uint64_t received_ = 0;
  bool partial_ = false;  // 206 of the right place
  std::optional<Result<BlobState>> known_;
};

}  // namespace nodeproof::registry
