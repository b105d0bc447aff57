#include "agent/report/progress_log.hpp"

#include <algorithm>

#include "agent/report/progress_words.hpp"

namespace nodeproof::report {
namespace {

constexpr auto kEvery = std::chrono::seconds(10);

}  // namespace

void ProgressLog::take(const ProgressBoard::Change& change, const CycleProgress& cycle, Time now) {
  using News = ProgressBoard::News;
  if (about_ == About::work && !change.worked) return;
  switch (change.news) {
    case News::none:
      return;
    case News::moved:
      return write_now_and_then(change.image, cycle, now);
    case News::step:
      last_line_ = now;
      return write_(Weight::step, progress_text(change.image));
    case News::stalled:
      return write_(Weight::event, progress_text(change.image));
    case News::goes_on:
      return write_(Weight::event, goes_on_text(change));
  }
}

void ProgressLog::write_now_and_then(const Progress& image, const CycleProgress& cycle, Time now) {
  if (now - last_line_ < kEvery) return;
  last_line_ = now;
  const bool several = std::ranges::count(cycle.images, Phase::pull, &Progress::phase) > 1;
  write_(Weight::step,
         several && image.phase == Phase::pull ? pull_text(cycle) : progress_text(image));
}

}  // namespace nodeproof::report
