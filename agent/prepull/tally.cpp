#include "agent/prepull/tally.hpp"

#include <algorithm>

namespace nodeproof::prepull {
namespace {

constexpr std::uint64_t kStep = 256 << 10;  // bytes between two reports about an image

constexpr auto kReminder = std::chrono::milliseconds(900);

Meter::Time clock_now() { return std::chrono::steady_clock::now(); }

}  // namespace

Tally::Tally(const PullPlan& plan, std::vector<std::string> titles, const ProgressSink& progress)
    : progress_(progress), total_(plan.download_bytes), meter_(clock_now()) {
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
                       .meter = Meter(clock_now())});
  }
}

void Tally::came(std::size_t number, std::size_t owner, std::uint64_t bytes) {
  std::vector<Progress> reports;
  {
    const std::lock_guard lock(mutex_);
    images_[owner].downloaded += bytes;
    Blob& blob = blobs_[number];
    if (blob.counts) {
      meter_.add(bytes, clock_now());
      for (const std::size_t image : blob.images) images_[image].meter.add(bytes, clock_now());
      advance(blob, blob.done + bytes, reports);
    }
  }
  tell(reports);
}

// A blob that is begun anew, for its bytes were wrong, takes back what it had counted.
void Tally::found(std::size_t number, std::uint64_t offset) {
  std::vector<Progress> reports;
  {
    const std::lock_guard lock(mutex_);
    if (blobs_[number].counts) advance(blobs_[number], offset, reports);
  }
  tell(reports);
}

void Tally::advance(Blob& blob, std::uint64_t done, std::vector<Progress>& reports) {
  done = std::min(done, blob.size);
  done_ += done - blob.done;  // modulo 2^64: it may be less than before
  for (const std::size_t number : blob.images) {
    Image& image = images_[number];
    image.done += done - blob.done;
    const bool is_step = image.done / kStep != image.told / kStep || image.done == image.total;
    if (!is_step || image.done == image.told) continue;
    image.told = image.done;
    image.told_at = clock_now();
    reports.push_back(report_of(image, image.told_at));
  }
  blob.done = done;
}

void Tally::unpacked(std::size_t number) {
  Progress report;
  {
    const std::lock_guard lock(mutex_);
    Image& image = images_[number];
    report = {.image = image.title,
              .phase = Phase::unpack,
              .done = ++image.unpacks,
              .total = image.layers};
  }
  tell({report});
}

void Tally::remind(std::size_t number) {
  std::vector<Progress> reports;
  {
    const std::lock_guard lock(mutex_);
    Image& image = images_[number];
    const Time now = clock_now();
    const bool half_way = image.done > 0 && image.done < image.total;
    if (!half_way || now - image.told_at < kReminder) return;
    image.told_at = now;
    reports.push_back(report_of(image, now));
  }
  tell(reports);
}

std::uint64_t Tally::downloaded(std::size_t image) const {
  const std::lock_guard lock(mutex_);
  return images_[image].downloaded;
}

Progress Tally::report_of(const Image& image, Time now) const {
  return {.image = image.title,
          .phase = Phase::pull,
          .done = image.done,
          .total = image.total,
          .pace = image.meter.pace(image.total - image.done, now),
          .all_done = done_,
          .all_total = total_,
          .all_pace = meter_.pace(total_ - done_, now)};
}

void Tally::tell(const std::vector<Progress>& reports) const {
  if (!progress_) return;
  for (const Progress& report : reports) progress_(report);
}

}  // namespace nodeproof::prepull
