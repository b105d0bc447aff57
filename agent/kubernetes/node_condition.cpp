#include "agent/kubernetes/node_condition.hpp"

#include <algorithm>

#include "common/clock.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::kubernetes {
namespace {

constexpr std::size_t kMaxMessage = 509;  // bytes, and "..."; a node object is read by many
constexpr std::size_t kMaxReason = 128;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

std::string status_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return "True";
    case Verdict::not_ready:
      return "False";
    case Verdict::unknown:
      return "Unknown";
  }
  return "Unknown";
}

std::string_view fallback_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return "AllImagesReady";
    case Verdict::not_ready:
      return "ImagesNotReady";
    case Verdict::unknown:
      return "ImagesNotKnown";
  }
  return "ImagesNotKnown";
}

Condition overridden(const NodeReport& report, const Override& by) {
  return {.status = "True",
          .reason = "Overridden",
          .message = printable("ready by override until " + to_rfc3339(by.until) + ": " +
                                   by.reason + "; found: " + report.message,
                               kMaxMessage),
          .last_transition = {},
          .last_heartbeat = {}};
}

}  // namespace

std::string legal_reason(std::string_view text, std::string_view fallback) {
  const auto fits = [](char c) { return is_word(c) || c == '_' || c == ',' || c == ':'; };
  const bool legal = !text.empty() && text.size() <= kMaxReason && is_letter(text.front()) &&
                     (is_word(text.back()) || text.back() == '_') &&
                     std::ranges::all_of(text, fits);
  return std::string(legal ? text : fallback);
}

Condition condition_of(const NodeReport& report, std::chrono::system_clock::time_point now,
                       std::chrono::seconds stale_after) {
  if (report.overridden && report.overridden->until > now) {
    return overridden(report, *report.overridden);
  }
  if (stale_after.count() > 0 && now - report.time > stale_after) {
    return {.status = "Unknown",
            .reason = "ReportStale",
            .message = "the last report is of " + to_rfc3339(report.time),
            .last_transition = {},
            .last_heartbeat = {}};
  }
  // A ready report's reason is at most a warning's code: that would read as what is wrong.
  const std::string_view code =
      report.verdict == Verdict::ready ? "" : std::string_view(report.reason);
  return {.status = status_of(report.verdict),
          .reason = legal_reason(code, fallback_of(report.verdict)),
          .message = printable(report.message, kMaxMessage),
          .last_transition = {},
          .last_heartbeat = {}};
}

std::string status_patch(const Condition& condition) {
  json::Writer out;
  out.begin_object().key("status").begin_object().key("conditions").begin_array().begin_object();
  out.member("type", kConditionType).member("status", condition.status);
  out.member("reason", condition.reason).member("message", condition.message);
  out.member("lastHeartbeatTime", condition.last_heartbeat);
  out.member("lastTransitionTime", condition.last_transition);
  return out.end_object().end_array().end_object().end_object().str();
}

}  // namespace nodeproof::kubernetes
