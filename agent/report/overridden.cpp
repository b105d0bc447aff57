#include "agent/report/overridden.hpp"

#include "agent/codes.hpp"
#include "common/clock.hpp"

namespace nodeproof::report {

void show_override(NodeReport& report, const std::optional<Override>& active) {
  std::erase_if(report.findings, [](const Finding& f) { return f.code == code::kOverridden; });
  report.overridden = active;
  if (!active) return;
  report.findings.push_back(
      {.code = std::string(code::kOverridden),
       .severity = Severity::warn,
       .subject = "override",
       .layer = {},
       .message = "work may land until " + to_rfc3339(active->until) +
                  " whatever is proven: " + active->reason,
       .evidence = "given on " + to_rfc3339(active->since) + " by " + text_of_giver(*active),
       .remedy = "to end it now: nodeproof override --clear"});
}

Verdict effective_verdict(const NodeReport& report) {
  return report.overridden ? Verdict::ready : report.verdict;
}

std::string text_of_giver(const Override& given) {
  std::string text = "uid " + std::to_string(given.uid) + " (";
  if (given.login_uid) text += "login uid " + std::to_string(*given.login_uid) + ", ";
  return text + "pid " + std::to_string(given.pid) + ")";
}

std::string text_of(const Override& given) {
  return "ready by override until " + to_rfc3339(given.until) + ", given by " +
         text_of_giver(given) + ": " + given.reason;
}

void write_override(json::Writer& out, const Override& given) {
  out.begin_object();
  out.member("until", to_rfc3339(given.until)).member("since", to_rfc3339(given.since));
  out.member("reason", given.reason);
  out.key("by").begin_object();
  out.member("uid", std::uint64_t{given.uid});
  if (given.login_uid) out.member("loginUid", std::uint64_t{*given.login_uid});
  out.member("pid", given.pid).end_object();
  out.end_object();
}

}  // namespace nodeproof::report
