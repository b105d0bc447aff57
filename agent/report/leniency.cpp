#include "agent/report/leniency.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "agent/codes.hpp"
#include "agent/report/codes.hpp"
#include "common/clock.hpp"
#include "common/reference.hpp"
#include "common/version.hpp"
#include "common/words.hpp"

namespace nodeproof::report {
namespace {

// So long before its end an acceptance is told again, for somebody has to do something about it.
constexpr std::chrono::days kNotice{14};

// Bytes that are not the promised ones, and a test that the operator wrote and that failed.
constexpr auto kWrongBytes = std::to_array<std::string_view>(
    {code::kContentCorrupt, code::kLayerCorrupt, code::kFileCorrupt});
constexpr auto kTestFailures = std::to_array<std::string_view>(
    {code::kSmokeFailed, code::kNotExecutable, code::kProgramCrashed, code::kUnalignedAccess,
     code::kSyscallRefused, code::kTimedOut, code::kProcessLimit, code::kOutputLimit});

bool is_one_of(std::span<const std::string_view> codes, std::string_view code) {
  return std::ranges::find(codes, code) != codes.end();
}

// Where a failure says that the image is not here, or that nobody has looked, accepting it would
// make ready what was never proven: of those only warnings are accepted.
constexpr auto kFailureAccepted = std::to_array<std::string_view>(
    {code::kArchMismatch, code::kPlatformMismatch, code::kLoaderMissing, code::kLibraryMissing,
     code::kSymbolVersionMissing, code::kKernelTooOld, code::kPageSizeIncompatible,
     code::kMissingIsaExtension, code::kAddressSpaceMismatch, code::kEntrypointMissing,
     code::kWouldRunEmulated, code::kKernelFeatureMissing});

bool is_accepted_at_all(const Finding& finding) {
  if (finding.severity == Severity::unknown) return false;
  return finding.severity != Severity::fail || is_one_of(kFailureAccepted, finding.code);
}

std::string to_string(Release release) {
  return std::to_string(release.major) + "." + std::to_string(release.minor);
}

std::string to_string(std::chrono::sys_days day) { return to_rfc3339(day).substr(0, 10); }

bool is_over(const Acceptance& acceptance, std::chrono::system_clock::time_point now) {
  return now >= acceptance.until + std::chrono::days(1);
}

bool matches(const std::string& pattern, const std::string& text) {
  return pattern.empty() || ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

bool names(const Acceptance& acceptance, const std::string& image) {
  if (acceptance.image.empty() || image.empty()) return acceptance.image.empty();
  if (matches(acceptance.image, image)) return true;
  const auto asked = Reference::parse(image);
  const auto named = Reference::parse(acceptance.image);
  return asked &&
         (matches(acceptance.image, asked->name()) || (named && named->name() == asked->name()));
}

void lower(Finding& finding, Severity to, std::string why) {
  if (to > finding.severity) return;
  const Severity from = finding.lowered ? finding.lowered->from : finding.severity;
  finding.lowered = Lowered{from, std::move(why)};
  finding.severity = to;
}

void lower_if_new(Finding& finding, const Leniency& leniency) {
  const auto rule = std::ranges::find(leniency.rules, finding.code, &NewRule::code);
  if (rule == leniency.rules.end() || rule->since < leniency.rule_set) return;
  if (finding.severity != Severity::fail && finding.severity != Severity::unknown) return;
  lower(finding, Severity::warn,
        "the rule is new in " + to_string(rule->since) + ", and rule set " +
            to_string(leniency.rule_set) + " only warns of it");
}

void lower_if_accepted(Finding& finding, const std::string& image, const Leniency& leniency,
                       std::chrono::system_clock::time_point now) {
  if (!is_accepted_at_all(finding)) return;
  for (const Acceptance& acceptance : leniency.accepted) {
    if (acceptance.code != finding.code || is_over(acceptance, now)) continue;
    if (!names(acceptance, image) || !matches(acceptance.subject, finding.subject)) continue;
    const bool ends_soon = now >= acceptance.until + std::chrono::days(1) - kNotice;
    lower(finding, ends_soon ? Severity::warn : Severity::info,
          "accepted until " + to_string(acceptance.until) + ": " + acceptance.why);
  }
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const char* const start = text.data();  // bounded by end, not by a NUL
  const char* const end = start + text.size();
  const auto [stop, error] = std::from_chars(start, end, value);
  if (text.empty() || stop != end || error != std::errc{}) return std::nullopt;
  return value;
}

Result<> check(const Acceptance& acceptance) {
  const auto wrong = [&](const std::string& what, std::string remedy) {
    return fail(Errc::invalid_config, acceptance.place + ": " + what, std::move(remedy));
  };
  const CodeText* const known = find_code(acceptance.code);
  if (known == nullptr || known->code != acceptance.code) {
    const std::vector<CodeText> texts = code_texts();
    std::vector<std::string_view> codes;
    codes.reserve(texts.size());
    for (const CodeText& text : texts) codes.push_back(text.code);
    const std::string meant(nearest(acceptance.code, codes));
    return wrong("there is no finding code \"" + excerpt(acceptance.code, 64) + "\"" +
                     (meant.empty() ? "" : "; did you mean \"" + meant + "\"?"),
                 "nodeproof explain lists them");
  }
  if (is_one_of(kWrongBytes, acceptance.code)) {
    return wrong(acceptance.code + " cannot be accepted",
                 "wrong bytes are never proven; nodeproof explain " + acceptance.code);
  }
  if (is_one_of(kTestFailures, acceptance.code))
    return wrong(acceptance.code + " cannot be accepted", "change or remove the smoke test");
  return {};
}

}  // namespace

Result<Release> parse_release(std::string_view text) {
  const std::size_t dot = text.find('.');
  const auto major = number(text.substr(0, dot));
  std::string_view rest = dot == std::string_view::npos ? "" : text.substr(dot + 1);
  const std::size_t second = rest.find('.');
  const auto minor = number(rest.substr(0, second));
  const bool patch = second == std::string_view::npos || number(rest.substr(second + 1));
  if (major && minor && patch) return Release{*major, *minor};
  return fail(Errc::invalid_config, "\"" + excerpt(text, 64) + "\" is no release such as \"0.1\"");
}

std::span<const NewRule> new_rules() { return {}; }

Result<Leniency> make_leniency(std::vector<Acceptance> accepted, const std::string& rule_set) {
  for (const Acceptance& acceptance : accepted) TRY(check(acceptance));
  Leniency leniency{.accepted = std::move(accepted), .rule_set = {}};
  const Release own = TRY(parse_release(build_info().version));
  if (rule_set.empty()) {
    leniency.rule_set = own;
    return leniency;
  }
  auto named = parse_release(rule_set);
  if (!named) return std::unexpected(std::move(named).error().with_context("$.rule_set"));
  leniency.rule_set = *named;
  if (leniency.rule_set <= own) return leniency;
  return fail(Errc::invalid_config,
              "$.rule_set: this is nodeproof " + to_string(own) + " and has no rule set " +
                  to_string(leniency.rule_set),
              "leave it empty, or name a release up to this one");
}

void ease(std::vector<Finding>& findings, const std::string& image, const Leniency& leniency,
          std::chrono::system_clock::time_point now) {
  for (Finding& finding : findings) {
    if (finding.lowered) {
      finding.severity = finding.lowered->from;
      finding.lowered.reset();
    }
    lower_if_new(finding, leniency);
    lower_if_accepted(finding, image, leniency, now);
  }
}

std::vector<Finding> ended_acceptances(const Leniency& leniency,
                                       std::chrono::system_clock::time_point now) {
  std::vector<Finding> findings;
  for (const Acceptance& acceptance : leniency.accepted) {
    if (!is_over(acceptance, now)) continue;
    Finding& finding = findings.emplace_back();
    finding.code = code::kAcceptanceEnded;
    finding.severity = Severity::warn;
    finding.subject = acceptance.code;
    finding.message =
        acceptance.code +
        (acceptance.image.empty() ? " is" : " of " + excerpt(acceptance.image) + " is") +
        " no longer accepted since " + to_string(acceptance.until + std::chrono::days(1));
    finding.evidence = acceptance.place + ", until " + to_string(acceptance.until) + ": " +
                       excerpt(acceptance.why);
    finding.remedy = "remove the entry, or give it a later day";
  }
  return findings;
}

}  // namespace nodeproof::report
