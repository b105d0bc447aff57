#include "agent/report/page/images.hpp"

#include <algorithm>

#include "agent/model_json.hpp"
#include "common/text.hpp"

namespace nodeproof::report::page {
namespace {

constexpr std::size_t kImageBytes = 44'000;
constexpr std::size_t kTestBytes = 12'000;  // of one image

Html pulled(const PullStats& pull) {
  if (pull.layers == 0 && pull.bytes == 0) return "nothing was pulled";
  if (pull.downloaded_bytes == 0) return "was already here";
  return text(human_bytes(pull.downloaded_bytes)) + " in " + text(human_seconds(pull.seconds));
}

Html pull_words(const PullStats& pull) {
  Html words = pulled(pull);
  if (pull.bytes > 0) {
    words += Html("; ") + text(human_bytes(pull.bytes)) + " in all, " +
             counted(pull.layers, "layer", "layers") + ", " + number(pull.reused_layers) +
             " of them reused";
  }
  if (pull.unpacked.by_containerd == 0) return words;
  words += Html("; ") + number(pull.unpacked.by_containerd) + " unpacked by containerd";
  constexpr std::size_t kReasonBytes = 200;
  if (pull.unpacked.reasons.empty()) return words;
  return words + ": " + text(pull.unpacked.reasons.front(), kReasonBytes);
}

Html tests_passed(const ImageReport& image) {
  if (image.smoke.empty()) return "no tests";
  const auto passed = std::ranges::count(image.smoke, SmokeOutcome::passed, &SmokeResult::result);
  return number(static_cast<std::size_t>(passed)) + " of " +
         counted(image.smoke.size(), "test", "tests") + " passed";
}

Html brief(const ImageReport& image) {
  Html words = image.platform.empty() ? Html("no platform") : text(image.platform, 128);
  words += Html(", ") + pulled(image.pull) + ", " + tests_passed(image);
  if (!image.required) words += ", not required";
  return element("span", "brief", words);
}

Html freshness_words(Freshness freshness) {
  switch (freshness) {
    case Freshness::current:
      return {};
    case Freshness::stale:
      return "stale: proven earlier, and not confirmed since";
    case Freshness::unreachable:
      break;
  }
  return "not reachable: what the tag names now is not known";
}

Html facts(const ImageReport& image) {
  const Html limit = image.rate_limit ? text(text_of(*image.rate_limit)) : Html();
  const Html waits = image.deferred_until
                         ? Html("until ") + time_text(*image.deferred_until) + " for its turn"
                         : Html();
  return element(
             "dl",
             row("Platform", image.platform.empty() ? Html("none fits, or not known")
                                                    : text(image.platform, 128)) +
                 row("Chosen because", text(image.choice, 1000)) +
                 row("Manifest", image.manifest_digest.empty() ? Html("not known")
                                                               : code_text(image.manifest_digest)) +
                 row("Index", code_text(image.index_digest)) +
                 row("Pulled", pull_words(image.pull)) + row("Waits", waits) +
                 row("Registry", freshness_words(image.freshness)) + row("Rate limit", limit)) +
         "\n";
}

Html outcome_badge(SmokeOutcome outcome) {
  if (outcome == SmokeOutcome::passed) return badge(Tone::ready, "Passed");
  return outcome == SmokeOutcome::failed ? badge(Tone::fail, "Failed")
                                         : badge(Tone::unknown, "Skipped");
}

Html ending(const SmokeResult& test) {
  if (test.result == SmokeOutcome::skipped) return {};
  if (!test.signal.empty()) return Html(" ") + text(test.signal, 64);
  return test.exit > 0 ? Html(" exit status ") + text(std::to_string(test.exit)) : Html();
}

// What was not run took neither.
Html seconds(const SmokeResult& test) {
  return test.result == SmokeOutcome::skipped ? Html("-") : text(human_seconds(test.seconds));
}

Html memory(const SmokeResult& test) {
  const bool known = test.result != SmokeOutcome::skipped && test.max_rss > 0;
  return known ? text(human_bytes(test.max_rss)) : Html("-");
}

Html test_row(const SmokeResult& test) {
  Html name = text(test.name, 256);
  Html what = outcome_badge(test.result) + ending(test);
  if (test.runs > 1) name += Html(" (") + number(test.runs) + " runs)";
  if (!test.source.empty())
    name += Html("<br><span class=\"brief\">") + text(test.source, 256) + "</span>";
  if (!test.reason.empty()) what += Html("<br>") + text(test.reason, 512);
  return Html("<tr><th scope=\"row\">") + name + "</th><td class=\"wide\">" + what +
         "</td><td class=\"number\">" + seconds(test) + "</td><td class=\"number spare\">" +
         memory(test) + "</td></tr>\n";
}

Html tests(const ImageReport& image) {
  if (image.smoke.empty()) return {};
  Html rows;
  Ration ration(kTestBytes);
  for (const bool failed : {true, false}) {
    for (const SmokeResult& test : image.smoke) {
      if ((test.result == SmokeOutcome::failed) != failed) continue;
      const Html one = test_row(test);
      if (ration.take(one)) rows += one;
    }
  }
  return Html("<div class=\"scroll\"><table><caption>Smoke tests</caption>\n<thead><tr>") +
         "<th scope=\"col\">Test</th><th scope=\"col\">Result</th><th scope=\"col\">Time</th>" +
         "<th scope=\"col\" class=\"spare\">Memory</th></tr></thead>\n" + element("tbody", rows) +
         "</table></div>\n" + left_out(ration, "tests are", "-o json");
}

Html card(const ImageReport& image) {
  return Html("<details class=\"card image ") + style_of(tone_of(image.verdict)) + "\"" +
         (image.verdict == Verdict::ready ? Html() : Html(" open")) + "><summary>" +
         badge(image.verdict) + element("h3", "name", text(image.reference, 512)) + brief(image) +
         "</summary>\n" + facts(image) + tests(image) + "</details>\n";
}

}  // namespace

Html image_section(const NodeReport& report) {
  Html list;
  Ration ration(kImageBytes);
  for (const Verdict verdict : {Verdict::not_ready, Verdict::unknown, Verdict::ready}) {
    for (const ImageReport& image : report.images) {
      if (image.verdict != verdict) continue;
      const Html one = card(image);
      if (ration.take(one)) list += one;
    }
  }
  if (report.images.empty()) list = "<p class=\"calm\">None is required.</p>\n";
  return section("images", heading("Images", report.images.size()),
                 list + left_out(ration, "images are", "-o json"));
}

}  // namespace nodeproof::report::page
