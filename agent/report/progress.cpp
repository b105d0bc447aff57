#include "agent/report/progress.hpp"

#include <algorithm>

#include "agent/report/progress_bars.hpp"
#include "agent/report/table.hpp"

namespace nodeproof::report {
namespace {

constexpr auto kRedrawEvery = std::chrono::milliseconds(100);

}  // namespace

ProgressPrinter::ProgressPrinter(std::ostream& out, bool terminal, std::size_t width,
                                 const Clock* clock)
    : out_(out),
      terminal_(terminal),
      width_(std::max<std::size_t>(width, 20)),
      unicode_(unicode_wanted()),
      clock_(clock != nullptr ? *clock : system_clock_),
      log_(
          [this](ProgressLog::Weight, const std::string& line) {
            out_ << line << '\n';
            out_.flush();
          },
          ProgressLog::About::everything) {}

ProgressPrinter::~ProgressPrinter() { finish(); }

ProgressSink ProgressPrinter::sink() {
  return [this](const Progress& progress) { take(progress); };
}

void ProgressPrinter::finish() {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  wipe();
  out_.flush();
}

void ProgressPrinter::take(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  const Time now = clock_.monotonic();
  const ProgressBoard::Change change = board_.take(progress);
  if (!terminal_) return log_.take(change, board_.cycle(), now);
  const bool at_once = change.news > ProgressBoard::News::moved;
  if (at_once || now - last_draw_ >= kRedrawEvery) redraw(now);
}

// One write per frame, so that a slow terminal shows no half-drawn one.
void ProgressPrinter::redraw(Time now) {
  last_draw_ = now;
  // The last column stays free: some terminals wrap when it is written.
  const auto lines = progress_bars(board_.cycle(), {.width = width_ - 1, .unicode = unicode_});
  std::string frame;
  for (const std::string& line : lines) frame += line + '\n';
  wipe();
  out_ << frame;
  out_.flush();
  drawn_lines_ = lines.size();
}

// ECMA-48: cursor up by the drawn lines, then erase to the end of the screen.
void ProgressPrinter::wipe() {
  if (drawn_lines_ == 0) return;
  out_ << "\x1b[" << drawn_lines_ << "A\r\x1b[J";
  drawn_lines_ = 0;
}

}  // namespace nodeproof::report
