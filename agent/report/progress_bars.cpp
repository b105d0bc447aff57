#include "agent/report/progress_bars.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "agent/model_json.hpp"
#include "agent/report/progress_words.hpp"
#include "common/text.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kBarWidth = 20;    // columns between the brackets
constexpr std::size_t kPhaseWidth = 7;   // "resolve"
constexpr std::size_t kEnoughName = 24;  // columns of a name for which a bar is given up

// What is given up on narrow terminals, so that the names can be told apart.
enum class Detail { all, no_bar, brief };
constexpr std::array kDetails = {Detail::all, Detail::no_bar, Detail::brief};

struct Line {
  std::string name, phase, bar, facts, brief;
  [[nodiscard]] std::string tail(Detail detail) const {
    return "  " + phase + (detail == Detail::all ? bar : "") +
           (detail == Detail::brief ? brief : facts);
  }
};

std::string padded(std::string text, std::size_t width) {
  const std::size_t columns = display_width(text);
  return text.append(width > columns ? width - columns : 0, ' ');
}

std::string bar(std::uint64_t done, std::uint64_t total, bool unicode) {
  if (total == 0) return "";
  const auto filled = static_cast<std::size_t>(static_cast<double>(std::min(done, total)) /
                                               static_cast<double>(total) * kBarWidth);
  std::string out = unicode ? "  " : "  [";
  for (std::size_t i = 0; i < kBarWidth; ++i) {
    out += unicode ? (i < filled ? "━" : "┄") : (i < filled ? "#" : "-");
  }
  return unicode ? out : out + "]";
}

std::string facts(std::initializer_list<std::string> parts) {
  std::string out;
  for (const std::string& part : parts) {
    if (!part.empty()) out += "  " + part;
  }
  return out;
}

Line line_of(const Progress& image, bool unicode) {
  Line line{printable(image.image), padded(std::string(to_string(image.phase)), kPhaseWidth),
            bar(image.done, image.total, unicode), "", ""};
  line.facts = is_stalled(image)
                   ? facts({amount_text(image), stall_text(image)})
                   : facts({amount_text(image), rate_text(image.pace), left_text(image.pace)});
  line.brief = facts({is_stalled(image) ? std::string("stalled") : amount_text(image)});
  return line;
}

Line line_of_all(const CycleProgress& cycle, bool unicode) {
  return {
      "in all", padded(std::string(to_string(Phase::pull)), kPhaseWidth),
      bar(cycle.done, cycle.total, unicode),
      facts({bytes_text(cycle.done, cycle.total), rate_text(cycle.pace), left_text(cycle.pace)}),
      facts({bytes_text(cycle.done, cycle.total)})};
}

std::vector<const Progress*> chosen(const CycleProgress& cycle, std::size_t most) {
  const bool all = cycle.images.size() <= most;
  std::vector<const Progress*> busy, waiting;
  for (const Progress& image : cycle.images) {
    (all || image.phase != Phase::resolve ? busy : waiting).push_back(&image);
  }
  busy.insert(busy.end(), waiting.begin(), waiting.end());
  busy.resize(std::min(busy.size(), most));
  return busy;
}

std::string trimmed(std::string text) {
  text.resize(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

std::vector<std::string> progress_bars(const CycleProgress& cycle, const BarStyle& style) {
  std::vector<Line> lines;
  for (const Progress* image : chosen(cycle, style.most)) {
    lines.push_back(line_of(*image, style.unicode));
  }
  const auto pulling = std::ranges::count(cycle.images, Phase::pull, &Progress::phase);
  if (pulling > 1) lines.push_back(line_of_all(cycle, style.unicode));

  std::size_t widest = 0;
  for (const Line& line : lines) widest = std::max(widest, display_width(line.name));
  const auto room_beside = [&](Detail detail) {
    std::size_t tail = 0;
    for (const Line& line : lines) tail = std::max(tail, display_width(line.tail(detail)));
    return style.width > tail ? style.width - tail : 0;
  };
  const auto* const enough = std::ranges::find_if(kDetails, [&](Detail detail) {
    return room_beside(detail) >= std::min(widest, kEnoughName);
  });
  const Detail detail = enough == kDetails.end() ? Detail::brief : *enough;
  const std::size_t names = std::min(widest, room_beside(detail));
  std::vector<std::string> out;
  for (const Line& line : lines) {
    const std::string name = padded(shorten(line.name, names, style.unicode), names);
    out.push_back(shorten(trimmed(name + line.tail(detail)), style.width, style.unicode));
  }
  return out;
}

std::string progress_section(const CycleProgress& cycle, std::size_t width, bool unicode) {
  constexpr std::size_t kMost = 20;
  constexpr std::size_t kIndent = 2;
  std::string out = "a check is under way";
  const auto pulling = std::ranges::count(cycle.images, Phase::pull, &Progress::phase);
  if (pulling > 0) {
    out += ", pulling " + std::to_string(pulling) + " of " + std::to_string(cycle.seen) +
           (cycle.seen == 1 ? " image" : " images");
  }
  out += '\n';
  const BarStyle style{
      .width = std::max<std::size_t>(width, 40) - kIndent, .unicode = unicode, .most = kMost};
  for (const std::string& line : progress_bars(cycle, style)) {
    out.append(kIndent, ' ').append(line).append("\n");
  }
  if (cycle.images.size() > kMost) {
    out += "  and " + std::to_string(cycle.images.size() - kMost) + " more\n";
  }
  return out;
}

}  // namespace nodeproof::report
