// How many large blobs are fetched at a time. Pure; not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

namespace nodeproof::prepull {

// Where the line is what holds up, a second large blob beside the first only delays it, and with it
// all that could be unpacked meanwhile: several arrive together in the end and are unpacked when
// nothing is left to overlap with. Where each connection is slower than the line, as with many a
// registry, another one pays. Nobody says which it is: one more is tried, and kept if more bytes
// come. And where it is this processor that holds up, for each layer is inflated and written while
// it comes, there is a lane for each core.
class Lanes {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Lanes(unsigned most, Time begin) : most_(most), since_(begin) {}

  [[nodiscard]] unsigned count() const { return count_; }
  // To be called about once a second; true when the count has changed. arrived: bytes since the
  // beginning; under_way: large blobs.
  bool look(std::uint64_t arrived, unsigned under_way, Time now);
  // For how long downloads were kept waiting so far by who looks at their bytes; true as above.
  bool waited(std::chrono::steady_clock::duration all, unsigned cores, Time now);

 private:
  bool judge(double rate);
  bool doubt(double rate);

  unsigned most_;
  unsigned count_ = 1;
  bool warm_ = false;   // a connection begins slowly: the first second tells nothing
  bool trying_ = true;  // the latest lane has yet to show what it is worth
  double base_ = 0;     // bytes per second before it
  bool widened_ = false;
  Time since_, begin_ = since_;
  std::uint64_t arrived_ = 0;
};

}  // namespace nodeproof::prepull
