#include "agent/report/progress_words.hpp"

#include <algorithm>
#include <initializer_list>

#include "common/text.hpp"

namespace nodeproof::report {
namespace {

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
      return "starting it";
    case Phase::done:
      return "ended";
  }
  return "";
}

std::string span_text(std::chrono::seconds time) {
  constexpr auto kManyHours = std::chrono::hours(48);
  if (time >= kManyHours) return std::to_string(time / std::chrono::hours(24)) + " days";
  if (time < std::chrono::seconds(10)) return std::to_string(time.count()) + " s";
  return human_seconds(static_cast<double>(time.count()));
}

std::string listed(std::string text, std::initializer_list<std::string> parts) {
  for (const std::string& part : parts) {
    if (!part.empty()) text += ", " + part;
  }
  return text;
}

}  // namespace

std::string bytes_text(std::uint64_t done, std::uint64_t total) {
  std::string some = human_bytes(done);
  if (total == 0) return done == 0 ? "" : some;
  const std::string all = human_bytes(total);
  const auto unit = [](const std::string& text) { return text.substr(text.find(' ')); };
  if (unit(some) == unit(all)) some.resize(some.find(' '));
  return some + " of " + all;
}

std::string amount_text(const Progress& progress) {
  if (progress.phase == Phase::pull) return bytes_text(progress.done, progress.total);
  if (progress.total == 0) return "";
  return std::to_string(progress.done) + " of " + std::to_string(progress.total);
}

std::string rate_text(const Pace& pace) {
  return pace.rate == 0 ? "" : human_bytes(pace.rate) + "/s";
}

std::string left_text(const Pace& pace) {
  const bool known = pace.rate > 0 && pace.left && pace.left->count() > 0;
  return known ? span_text(*pace.left) + " left" : "";
}

std::string stall_text(const Progress& progress) {
  return is_stalled(progress) ? "stalled for " + span_text(progress.still) : "";
}

std::string progress_text(const Progress& progress) {
  const std::string head = printable(progress.image) + ": " + std::string(verb(progress.phase));
  if (is_stalled(progress)) return listed(head, {amount_text(progress), stall_text(progress)});
  return listed(head, {amount_text(progress), rate_text(progress.pace), left_text(progress.pace)});
}

std::string goes_on_text(const ProgressBoard::Change& change) {
  return listed(printable(change.image.image) + ": goes on after " + span_text(change.stalled_for),
                {amount_text(change.image)});
}

std::string pull_text(const CycleProgress& cycle) {
  const auto pulls = [](const Progress& image) { return image.phase == Phase::pull; };
  const auto pulling = std::ranges::count_if(cycle.images, pulls);
  if (pulling == 0) return "";
  if (pulling == 1) {
    const Progress& one = *std::ranges::find_if(cycle.images, pulls);
    return listed("pulling " + printable(one.image),
                  {amount_text(one), stall_text(one), rate_text(one.pace), left_text(one.pace)});
  }
  std::string head =
      "pulling " + std::to_string(pulling) + " of " + std::to_string(cycle.seen) + " images";
  const auto stalled = std::ranges::count_if(cycle.images, is_stalled);
  if (stalled > 0) head += " (" + std::to_string(stalled) + " stalled)";
  return listed(
      head, {bytes_text(cycle.done, cycle.total), rate_text(cycle.pace), left_text(cycle.pace)});
}

}  // namespace nodeproof::report
