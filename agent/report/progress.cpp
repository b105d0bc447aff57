#include "agent/report/progress.hpp"

#include <algorithm>

#include "agent/model_json.hpp"
#include "agent/report/table.hpp"
#include "common/text.hpp"

namespace nodeproof::report {
namespace {

constexpr auto kRedrawEvery = std::chrono::milliseconds(100);
constexpr auto kLogEvery = std::chrono::seconds(10);
constexpr std::size_t kBarWidth = 20;   // columns between the brackets
constexpr std::size_t kPhaseWidth = 7;  // "resolve"
constexpr std::size_t kMaxBars = 8;     // lines

std::string_view verb(Phase phase) {
  switch (phase) {
    case Phase::resolve:
      return "resolving";
    case Phase::pull:
      return "pulling";
    case Phase::unpack:
      return "unpacking";
    case Phase::inspect:
      return "inspecting";
    case Phase::smoke:
      return "running its tests";
    case Phase::done:
      return "done";
  }
  return "";
}

// "12.3 of 41.2 MB" shares the unit where both have it.
std::string amount(const Progress& progress) {
  if (progress.phase == Phase::pull) {
    const std::string done = human_bytes(progress.done);
    if (progress.total == 0) return progress.done == 0 ? "" : done;
    const std::string total = human_bytes(progress.total);
    const auto unit = [](const std::string& text) { return text.substr(text.find(' ')); };
    return (unit(done) == unit(total) ? done.substr(0, done.find(' ')) : done) + " of " + total;
  }
  if (progress.total == 0) return "";
  return std::to_string(progress.done) + " of " + std::to_string(progress.total);
}

// "" where it would be noise: nothing moved yet, or too short a time.
std::string rate(const ImageProgress& image, double seconds) {
  constexpr double kShortest = 0.2;
  if (image.latest.phase != Phase::pull || seconds < kShortest ||
      image.latest.done <= image.done_at_begin) {
    return "";
  }
  const auto moved = static_cast<double>(image.latest.done - image.done_at_begin);
  return human_bytes(static_cast<std::uint64_t>(moved / seconds)) + "/s";
}

std::string bar(const Progress& progress, bool unicode) {
  if (progress.total == 0) return "";
  const std::uint64_t done = std::min(progress.done, progress.total);
  const auto filled = static_cast<std::size_t>(static_cast<double>(done) /
                                               static_cast<double>(progress.total) * kBarWidth);
  std::string out = unicode ? "" : "[";
  for (std::size_t i = 0; i < kBarWidth; ++i) {
    out += unicode ? (i < filled ? "━" : "┄") : (i < filled ? "#" : "-");
  }
  return unicode ? out : out + "]";
}

double seconds_between(std::chrono::steady_clock::time_point a,
                       std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

std::string progress_bar(const ImageProgress& image, double seconds, std::size_t width,
                         bool unicode) {
  const std::string phase(to_string(image.latest.phase));
  std::string tail =
      "  " + phase + std::string(kPhaseWidth - std::min(kPhaseWidth, phase.size()), ' ');
  for (const std::string& part :
       {bar(image.latest, unicode), amount(image.latest), rate(image, seconds)}) {
    if (!part.empty()) tail += "  " + part;
  }
  const std::size_t tail_width = display_width(tail);
  const std::size_t room = width > tail_width ? width - tail_width : 0;
  return shorten(shorten(printable(image.latest.image), room, unicode) + tail, width, unicode);
}

std::string progress_text(const ImageProgress& image, double seconds) {
  std::string out = printable(image.latest.image) + ": " + std::string(verb(image.latest.phase));
  for (const std::string& part : {amount(image.latest), rate(image, seconds)}) {
    if (!part.empty()) out += ", " + part;
  }
  return out;
}

ProgressPrinter::ProgressPrinter(std::ostream& out, bool terminal, std::size_t width,
                                 const Clock* clock)
    : out_(out),
      terminal_(terminal),
      width_(std::max<std::size_t>(width, 20)),
      unicode_(unicode_wanted()),
      clock_(clock != nullptr ? *clock : system_clock_) {}

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
  auto image = std::ranges::find(images_, progress.image,
                                 [](const ImageProgress& known) { return known.latest.image; });
  const bool known = image != images_.end();
  const bool new_phase = !known || image->latest.phase != progress.phase;
  if (!known) image = images_.insert(images_.end(), ImageProgress{});
  if (new_phase) {
    image->phase_began = now;
    image->done_at_begin = progress.done;
  }
  image->latest = progress;
  if (!terminal_) log_line(*image, new_phase, now);
  if (progress.phase == Phase::done) images_.erase(image);
  if (terminal_ && (new_phase || now - last_draw_ >= kRedrawEvery)) redraw(now);
}

void ProgressPrinter::log_line(ImageProgress& image, bool new_phase, Time now) {
  if (!new_phase && now - image.last_line < kLogEvery) return;
  image.last_line = now;
  out_ << progress_text(image, seconds_between(image.phase_began, now)) << '\n';
  out_.flush();
}

// One write per frame, so that a slow terminal shows no half-drawn one.
void ProgressPrinter::redraw(Time now) {
  last_draw_ = now;
  std::string frame;
  const std::size_t count = std::min(images_.size(), kMaxBars);
  for (std::size_t i = 0; i < count; ++i) {
    const ImageProgress& image = images_[i];
    // The last column stays free: some terminals wrap when it is written.
    frame +=
        progress_bar(image, seconds_between(image.phase_began, now), width_ - 1, unicode_) + '\n';
  }
  wipe();
  out_ << frame;
  out_.flush();
  drawn_lines_ = count;
}

// ECMA-48: cursor up by the drawn lines, then erase to the end of the screen.
void ProgressPrinter::wipe() {
  if (drawn_lines_ == 0) return;
  out_ << "\x1b[" << drawn_lines_ << "A\r\x1b[J";
  drawn_lines_ = 0;
}

}  // namespace nodeproof::report
