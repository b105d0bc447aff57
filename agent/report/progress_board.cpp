#include "agent/report/progress_board.hpp"

#include <algorithm>

namespace nodeproof::report {
namespace {

// Longer than the seconds that a pace is made of, a retry, or a slow card that is catching up.
constexpr auto kStall = std::chrono::seconds(10);
// A node has a handful of images; a child that tells of more than these does not fill the memory.
constexpr std::size_t kMaxImages = 1000;
constexpr std::size_t kMaxName = 1024;  // bytes; references are shorter

// Unpacking overlaps the download; what is short of bytes is still pulled.
bool is_overlapped(const Progress& before, const Progress& now) {
  return before.phase == Phase::pull && now.phase == Phase::unpack && before.done < before.total;
}

bool is_same(const Progress& before, const Progress& now) {
  return before.done == now.done && before.total == now.total;
}

}  // namespace

bool is_stalled(const Progress& progress) {
  return progress.phase == Phase::pull && progress.still >= kStall;
}

ProgressBoard::Change ProgressBoard::take(const Progress& progress) {
  if (progress.image.size() > kMaxName) return {};
  const std::size_t before = cycle_.images.size();
  const std::size_t place = place_of(progress);
  if (place >= cycle_.images.size()) return {};
  const bool is_new = place == before;
  Progress& image = cycle_.images[place];
  Past& past = past_[place];
  if (!is_new && is_overlapped(image, progress)) return {};

  Change change{.image = progress};
  if (is_new || image.phase != progress.phase) {
    change.news = News::step;
    past.stalled = false;
  } else if (is_stalled(progress) != past.stalled) {
    change.news = past.stalled ? News::goes_on : News::stalled;
    change.stalled_for = past.still;
  } else if (!is_same(image, progress)) {
    change.news = News::moved;
  }
  image = progress;
  past.still = progress.still;
  past.stalled = change.news != News::step && is_stalled(progress);
  past.worked |= progress.phase != Phase::resolve && progress.phase != Phase::done;
  change.worked = past.worked;
  if (progress.phase == Phase::pull) {
    cycle_.done = progress.all_done;
    cycle_.total = progress.all_total;
    cycle_.pace = progress.all_pace;
  }
  if (progress.phase == Phase::done) remove(place);
  return change;
}

void ProgressBoard::clear() {
  cycle_ = {};
  past_.clear();
}

// Beyond the last one: it has none.
std::size_t ProgressBoard::place_of(const Progress& progress) {
  const auto known = std::ranges::find(cycle_.images, progress.image, &Progress::image);
  const auto place = static_cast<std::size_t>(known - cycle_.images.begin());
  // An end without a beginning is one that is said again.
  const bool is_end = progress.phase == Phase::done;
  if (known != cycle_.images.end() || is_end || place >= kMaxImages) return place;
  cycle_.images.push_back(progress);
  past_.emplace_back();
  ++cycle_.seen;
  return place;
}

void ProgressBoard::remove(std::size_t place) {
  cycle_.images.erase(cycle_.images.begin() + static_cast<std::ptrdiff_t>(place));
  past_.erase(past_.begin() + static_cast<std::ptrdiff_t>(place));
}

}  // namespace nodeproof::report
