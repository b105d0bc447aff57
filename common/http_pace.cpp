#include "common/http_pace.hpp"

#include <algorithm>
#include <string>

namespace nodeproof {

HttpPace::HttpPace(const HttpRequest& request)
    : first_byte_(request.first_byte_timeout),
      stall_(request.stall_timeout),
      whole_(request.whole_timeout),
      least_(request.least_bytes) {}

void HttpPace::connected(Time now) {
  phase_ = Phase::waiting;
  begin_ = now;
  if (whole_.count() > 0) whole_due_ = now + whole_;
}

void HttpPace::sent(bool all, Time now) {
  phase_ = all ? Phase::waiting : Phase::sending;
  begin_ = now;
}

void HttpPace::answered(Time now) {
  phase_ = Phase::receiving;
  begin_ = now;
  got_ = 0;
}

void HttpPace::received(std::size_t bytes, Time came, Time taken) {
  if (whole_due_ != Time::max()) whole_due_ += taken - came;
  got_ += bytes;
  begin_ += taken - came;
  if (got_ < least_) return;
  begin_ = taken;
  got_ = 0;
}

HttpPace::Time HttpPace::next_sign_due() const {
  if (phase_ == Phase::waiting) return begin_ + first_byte_;
  return begin_ + stall_;
}

HttpPace::Time HttpPace::deadline() const {
  if (phase_ == Phase::connecting) return Time::max();
  return std::min(next_sign_due(), whole_due_);
}

Error HttpPace::overdue() const {
  if (whole_due_ < next_sign_due()) {
    return {Errc::timeout,
            "the answer was not complete after " + std::to_string(whole_.count()) + " s", ""};
  }
  if (phase_ == Phase::waiting) {
    return {Errc::timeout,
            "connected, but no answer came for " + std::to_string(first_byte_.count()) + " ms", ""};
  }
  const std::string within = std::to_string(stall_.count()) + " s";
  if (got_ == 0) return {Errc::timeout, "the transfer stalled for " + within, ""};
  return {Errc::timeout,
          "the transfer came down to " + std::to_string(got_) + " bytes in " + within, ""};
}

}  // namespace nodeproof
