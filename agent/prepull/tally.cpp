#include "agent/prepull/tally.hpp"

#include <algorithm>
#include <utility>

namespace nodeproof::prepull {
namespace {

constexpr std::uint64_t kStep = 256 << 10;  // bytes between two reports about an image
constexpr auto kReminder = std::chrono::milliseconds(900);

}  // namespace

Tally::Tally(const PullPlan& plan, std::vector<std::string> titles, const ProgressSink& progress,
             const Clock* clock)
    : progress_(progress),
      clock_(clock != nullptr ? *clock : system_clock_),
      total_(plan.download_bytes),
      meter_(time()) {
  for (const BlobJob& job : plan.blobs) {
    Blob& blob = blobs_.emplace_back();
    blob.size = job.size;
    blob.counts = job.need == Need::download;
    for (const LayerOf& user : job.users) blob.images.push_back(user.image);
  }
  for (std::size_t i = 0; i < plan.images.size(); ++i) {
    images_.push_back({.title = std::move(titles[i]),
                       .total = plan.images[i].download_bytes,
                       .layers = plan.images[i].unpacks.size(),
                       .meter = Meter(time())});
  }
}

void Tally::came(std::size_t number, std::size_t owner, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  images_[owner].downloaded += bytes;
  Blob& blob = blobs_[number];
  if (!blob.counts) return;
  open(blob);
  meter_.add(bytes, time());
  for (const std::size_t image : blob.images) images_[image].meter.add(bytes, time());
  advance(blob, blob.done + bytes);
}

// A blob that is begun anew, for its bytes were wrong, takes back what it had counted.
void Tally::found(std::size_t number, std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  Blob& blob = blobs_[number];
  if (!blob.counts) return;
  open(blob);
  advance(blob, offset);
}

void Tally::rests(std::size_t number) {
  const std::lock_guard lock(mutex_);
  Blob& blob = blobs_[number];
  if (!std::exchange(blob.open, false)) return;
  for (const std::size_t image : blob.images) --images_[image].open;
}

// An image that stands still already does so whatever else is begun.
void Tally::open(Blob& blob) {
  if (std::exchange(blob.open, true)) return;
  for (const std::size_t number : blob.images) {
    if (images_[number].open++ == 0) images_[number].moved_at = time();
  }
}

void Tally::advance(Blob& blob, std::uint64_t done) {
  done = std::min(done, blob.size);
  done_ += done - blob.done;  // modulo 2^64: it may be less than before
  for (const std::size_t number : blob.images) {
    Image& image = images_[number];
    image.done += done - blob.done;
    if (done != blob.done) image.moved_at = time();
    if (done == blob.size) --image.open;
  }
  const bool moved = std::exchange(blob.done, done) != done;
  blob.open = done < blob.size;
  if (!moved) return;
  for (const std::size_t number : blob.images) {
    const Image& image = images_[number];
    if (image.done / kStep != image.told / kStep || image.done == image.total)
      tell(images_[number]);
  }
}

void Tally::unpacked(std::size_t number) {
  const std::lock_guard lock(mutex_);
  Image& image = images_[number];
  ++image.unpacks;
  if (!progress_) return;
  progress_(
      {.image = image.title, .phase = Phase::unpack, .done = image.unpacks, .total = image.layers});
}

void Tally::remind(std::size_t number) {
  const std::lock_guard lock(mutex_);
  Image& image = images_[number];
  const bool half_way = (image.done > 0 || image.open > 0) && image.done < image.total;
  if (half_way && time() - image.told_at >= kReminder) tell(image);
}

std::uint64_t Tally::downloaded(std::size_t image) const {
  const std::lock_guard lock(mutex_);
  return images_[image].downloaded;
}

// With the mutex: what was counted later is told later.
void Tally::tell(Image& image) {
  const Time now = time();
  image.told = image.done;
  image.told_at = now;
  if (!progress_) return;
  const auto still = std::chrono::floor<std::chrono::seconds>(now - image.moved_at);
  progress_({.image = image.title,
             .phase = Phase::pull,
             .done = image.done,
             .total = image.total,
             .pace = image.meter.pace(image.total - image.done, now),
             .still = image.open > 0 ? still : std::chrono::seconds(0),
             .all_done = done_,
             .all_total = total_,
             .all_pace = meter_.pace(total_ - done_, now)});
}

}  // namespace nodeproof::prepull
