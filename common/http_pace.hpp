// How long a server may take: no answer, a body that stands still, and one that only drips end a
// transfer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "common/error.hpp"
#include "common/http.hpp"

namespace nodeproof {

// One transfer's clock; the caller says what time it is.
class HttpPace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit HttpPace(const HttpRequest& request);

  void connected(Time now);
  void sent(bool all,
            Time now);      // a piece of the request's body; its source's time is not the server's
  void answered(Time now);  // with the last header
  // Body bytes, handed to a sink from `came` to `taken`: the sink's own time is not the server's.
  void received(std::size_t bytes, Time came, Time taken);

  [[nodiscard]] bool is_connected() const { return phase_ != Phase::connecting; }
  // Until when more has to come. Connecting has the transport's own timeout.
  [[nodiscard]] Time deadline() const;
  [[nodiscard]] Error overdue() const;  // Errc::timeout, without the server's name

 private:
  enum class Phase { connecting, sending, waiting, receiving };
  [[nodiscard]] Time next_sign_due() const;

  std::chrono::milliseconds first_byte_;
  std::chrono::seconds stall_, whole_;
  std::uint64_t least_;
  Phase phase_ = Phase::connecting;
  Time begin_;             // of the phase, or of the last `least_` bytes
  std::uint64_t got_ = 0;  // since begin_
  Time whole_due_ = Time::max();
};

}  // namespace nodeproof
