#include <algorithm>

#include "agent/model_json.hpp"
#include "agent/report/overridden.hpp"
#include "agent/report/page/findings.hpp"
#include "agent/report/page/host.hpp"
#include "agent/report/page/images.hpp"
#include "agent/report/page/page.hpp"

namespace nodeproof::report {
namespace {

using page::Html;
using page::Tone;

constexpr std::size_t kMaxLine = 800;  // bytes
constexpr std::chrono::hours kOld{24};
constexpr std::chrono::minutes kAhead{10};  // a clock may be a little ahead of ours

// Whether the report's time leaves its verdict in doubt.
enum class Doubt { none, undated, old, ahead };

Doubt doubt_of(const NodeReport& report, const PageMoment& moment) {
  if (report.time.time_since_epoch().count() <= 0) return Doubt::undated;
  if (report.time > moment.now + kAhead) return Doubt::ahead;
  return moment.now - report.time > kOld ? Doubt::old : Doubt::none;
}

Html name_of(const NodeReport& report) {
  return report.node.empty() ? Html("this node")
                             : page::element("bdi", page::text(report.node, 256));
}

Html sentence(const NodeReport& report, Verdict verdict) {
  if (verdict == Verdict::ready) return name_of(report) + " is ready";
  if (verdict == Verdict::not_ready) return name_of(report) + " is not ready";
  return Html("Not known whether ") + name_of(report) + " is ready";
}

Html title(const NodeReport& report, Verdict verdict) {
  const Html name = report.node.empty() ? Html("this node") : page::text(report.node, 128);
  if (verdict == Verdict::ready) return Html("Ready: ") + name;
  return Html(verdict == Verdict::not_ready ? Html("NOT READY: ") : Html("Unknown: ")) + name;
}

Html notice(Tone tone, const Html& words) {
  return Html("<p class=\"notice ") + page::style_of(tone) + "\">" + page::mark(tone) + "<span>" +
         words + "</span></p>\n";
}

Html state_word(Verdict verdict) {
  return page::text(verdict == Verdict::not_ready ? "not ready" : to_string(verdict));
}

Html doubt_notice(const NodeReport& report, const PageMoment& moment, Doubt doubt) {
  const Html said = Html("The report says <b>") + state_word(report.verdict) + "</b> (" +
                    page::text(report.message, kMaxLine) + "), ";
  switch (doubt) {
    case Doubt::none:
      return {};
    case Doubt::undated:
      return notice(Tone::unknown, said + "but not when: it counts for nothing.");
    case Doubt::ahead:
      return notice(Tone::unknown, said + "of a time that has not come: a clock is wrong.");
    case Doubt::old:
      break;
  }
  const auto age = std::chrono::floor<std::chrono::seconds>(moment.now - report.time);
  return notice(Tone::unknown,
                said + "but is " + page::age_text(age) +
                    " old: what has changed since is not known. Below is what it said.");
}

Html freshness_notice(const NodeReport& report) {
  switch (report.freshness) {
    case Freshness::current:
      return {};
    case Freshness::stale:
      return notice(Tone::warn,
                    "Stale: something here was proven earlier and could not be confirmed since.");
    case Freshness::unreachable:
      break;
  }
  return notice(Tone::warn, "A registry was not reachable: what its tags name now is not known.");
}

Html override_notice(const NodeReport& report) {
  if (!report.overridden) return {};
  return notice(Tone::warn,
                Html("<b>Overridden:</b> ") + page::text(text_of(*report.overridden), kMaxLine));
}

Html lead(const NodeReport& report) {
  return page::element("p", "lead", page::text(report.message, kMaxLine)) + "\n";
}

Html when(const NodeReport& report, Doubt doubt) {
  if (doubt == Doubt::undated) return {};
  Html words = Html("As of <b>") + page::time_text(report.time) + "</b>";
  if (report.since.time_since_epoch().count() > 0) {
    words += Html("; ") + state_word(report.verdict) + " since " + page::time_text(report.since);
  }
  words += ". What happens later is not on this page.";
  return page::element("p", "when", words) + "\n";
}

std::size_t count(const std::vector<page::Problem>& problems, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(
      problems, severity, [](const page::Problem& problem) { return problem.finding.severity; }));
}

Html tiles(const NodeReport& report, const std::vector<page::Problem>& problems) {
  const std::size_t fails = count(problems, Severity::fail);
  const std::size_t warnings = count(problems, Severity::warn);
  const auto ready = std::ranges::count(report.images, Verdict::ready, &ImageReport::verdict);
  return page::tiles(
      {{fails, fails == 1 ? Html("failure") : Html("failures"), Tone::fail, "wrong"},
       {count(problems, Severity::unknown), "not known", Tone::unknown, "wrong"},
       {warnings, warnings == 1 ? Html("warning") : Html("warnings"), Tone::warn, "warnings"},
       {static_cast<std::size_t>(ready),
        Html("of ") + page::counted(report.images.size(), "image ready", "images ready"),
        Tone::ready, "images"}});
}

}  // namespace

std::string to_html(const NodeReport& report, const PageMoment& moment) {
  const Doubt doubt = doubt_of(report, moment);
  const Verdict verdict = doubt == Doubt::none ? report.verdict : Verdict::unknown;
  const Tone tone = page::tone_of(verdict);
  const std::vector<page::Problem> problems = page::problems_of(report);
  Html head = Html("<p class=\"kind\">nodeproof: may work land on this node?</p>\n<h1>") +
              page::mark(tone) + "<span>" + sentence(report, verdict) + "</span></h1>\n" +
              (doubt == Doubt::none ? lead(report) : Html()) + when(report, doubt) +
              doubt_notice(report, moment, doubt) + override_notice(report) +
              freshness_notice(report);
  if (moment.cycle_under_way) head += notice(Tone::info, "A check is under way at present.");
  return page::whole_page({.title = title(report, verdict),
                           .head = head + tiles(report, problems),
                           .tone = tone,
                           .main = page::problem_sections(problems) + page::image_section(report) +
                                   page::host_section(report),
                           .foot = "The same as data, with every name: <code>-o json</code>."});
}

}  // namespace nodeproof::report
