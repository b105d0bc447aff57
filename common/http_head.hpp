// The header block of an HTTP answer, line by line.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/error.hpp"
#include "common/http.hpp"

namespace nodeproof {

class HttpHeadReader {
 public:
  // True with the line that ends the final answer's block (not an interim 1xx one's). Trailers
  // count, but are not kept. Errc::server_error beyond 64 KiB in all, and where Content-Length
  // headers differ.
  Result<bool> take(std::string_view line);

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] HttpResponse& head() { return head_; }

 private:
  HttpResponse head_;
  std::size_t bytes_ = 0;
  bool done_ = false;
};

}  // namespace nodeproof
