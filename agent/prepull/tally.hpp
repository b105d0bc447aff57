// Who got how many bytes, and the progress reports about it.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "agent/prepull/meter.hpp"
#include "agent/prepull/plan.hpp"
#include "common/clock.hpp"

namespace nodeproof::prepull {

// Thread-safe; one report at a time.
class Tally {
 public:
  // titles: of the plan's images. progress outlives it and may be empty; so does the clock, which
  // is the system's where there is none.
  Tally(const PullPlan& plan, std::vector<std::string> titles, const ProgressSink& progress,
        const Clock* clock = nullptr);

  // Of that blob; `owner` is the image in whose name it is fetched.
  void came(std::size_t blob, std::size_t owner, std::uint64_t bytes);  // from the registry
  // So much of it was there already; what is missing is fetched from now on.
  void found(std::size_t blob, std::uint64_t offset);
  void rests(std::size_t blob);  // nobody fetches it any more, or not now
  void unpacked(std::size_t image);
  // Reports the image again if its bytes come, or should, and nothing has been said for a second:
  // it tells that it stands still.
  void remind(std::size_t image);

  // From the registry, each byte counted for one image.
  [[nodiscard]] std::uint64_t downloaded(std::size_t image) const;

 private:
  using Time = Meter::Time;
  struct Blob {
    std::vector<std::size_t> images;  // that wait for it
    std::uint64_t size = 0, done = 0;
    bool counts = false;  // it was to be downloaded
    bool open = false;    // it is being fetched
  };
  struct Image {
    std::string title;
    std::uint64_t done = 0, total = 0;  // bytes
    std::uint64_t told = 0;             // done when it was last reported
    Time told_at{};
    std::size_t open = 0;  // its blobs that are being fetched
    Time moved_at{};       // since then nothing of them has come
    std::uint64_t downloaded = 0;
    std::uint64_t layers = 0, unpacks = 0;
    Meter meter;
  };

  // With the mutex:
  [[nodiscard]] Time time() const { return clock_.monotonic(); }
  void open(Blob& blob);
  void advance(Blob& blob, std::uint64_t done);
  void tell(Image& image);

  const ProgressSink& progress_;
  const SystemClock system_clock_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<Blob> blobs_;
  std::vector<Image> images_;
  std::uint64_t done_ = 0, total_ = 0;
  Meter meter_;
};

}  // namespace nodeproof::prepull
