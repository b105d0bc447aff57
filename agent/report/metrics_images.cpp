#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "agent/codes.hpp"
#include "agent/model_json.hpp"
#include "agent/report/metrics_sheet.hpp"
#include "agent/report/verdict.hpp"

namespace nodeproof::report {
namespace {

using metrics::Labels;
using metrics::Meta;

constexpr Meta kProblem = {
    "nodeproof_problem", "Findings that are worse than info; those about the host have no image."};
constexpr Meta kImages = {"nodeproof_images", "Images of the configuration, by verdict."};
constexpr Meta kReady = {"nodeproof_image_ready", "1 if the image is proven on this node, else 0."};
constexpr Meta kFreshness = {"nodeproof_image_freshness",
                             "1 for how the proof stands to the registry, 0 for the other words."};
constexpr Meta kInfo = {"nodeproof_image_info", "What is, or would be, used of the image."};
constexpr Meta kDeferred = {"nodeproof_image_deferred_until_timestamp_seconds",
                            "When what waits to be fetched for the image will be."};
constexpr Meta kBytes = {"nodeproof_image_pull_bytes", "Size of all that belongs to the image."};
constexpr Meta kDownloaded = {"nodeproof_image_pull_downloaded_bytes",
                              "Bytes of it that the last check fetched."};
constexpr Meta kSeconds = {"nodeproof_image_pull_duration_seconds", "What the last pull took."};
constexpr Meta kLayers = {"nodeproof_image_layers", "Layers of the image."};
constexpr Meta kReused = {"nodeproof_image_reused_layers",
                          "Layers that the last check neither fetched nor unpacked."};
constexpr Meta kSmoke = {"nodeproof_smoke_result",
                         "1 for the test's result, 0 for the other ones."};
constexpr Meta kSmokeSeconds = {"nodeproof_smoke_duration_seconds", "What the test took."};

constexpr std::array kVerdicts = {Verdict::ready, Verdict::not_ready, Verdict::unknown};
constexpr std::array kFreshnesses = {Freshness::current, Freshness::stale, Freshness::unreachable};
constexpr std::array kOutcomes = {SmokeOutcome::passed, SmokeOutcome::failed,
                                  SmokeOutcome::skipped};

constexpr std::string_view kNoCause = "NoCause";

using Problems = std::map<std::tuple<std::string, std::string, Severity>, std::int64_t>;

bool counts(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings,
                             [](const Finding& f) { return f.severity >= Severity::unknown; });
}

void add_findings(Problems& problems, const std::string& image,
                  const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    if (finding.severity != Severity::info) ++problems[{image, finding.code, finding.severity}];
  }
}

// Why an image is not ready of which no finding says so; as a node's reason is told.
std::string_view cause_of(const ImageReport& image) {
  if (image.verdict == Verdict::unknown) {
    return image.manifest_digest.empty() ? code::kInspectionIncomplete : code::kNotExecuted;
  }
  const bool failed = std::ranges::find(image.smoke, SmokeOutcome::failed, &SmokeResult::result) !=
                      image.smoke.end();
  return failed ? code::kSmokeFailed : kNoCause;
}

Severity severity_of(Verdict verdict) {
  return verdict == Verdict::not_ready ? Severity::fail : Severity::unknown;
}

void put_pull(Sheet& sheet, const Labels& labels, const PullStats& pull) {
  sheet.put(kBytes, labels, metrics::number(pull.bytes));
  sheet.put(kDownloaded, labels, metrics::number(pull.downloaded_bytes));
  sheet.put(kSeconds, labels, pull.seconds);
  sheet.put(kLayers, labels, std::int64_t{pull.layers});
  sheet.put(kReused, labels, std::int64_t{pull.reused_layers});
}

void put_smoke(Sheet& sheet, const ImageReport& image) {
  for (const SmokeResult& test : image.smoke) {
    const Labels labels = {{"image", image.reference}, {"test", test.name}};
    for (const SmokeOutcome word : kOutcomes) {
      Labels with_word = labels;
      with_word.emplace_back("result", to_string(word));
      sheet.put(kSmoke, std::move(with_word), std::int64_t{word == test.result});
    }
    sheet.put(kSmokeSeconds, labels, test.seconds);
  }
}

void put_image(Sheet& sheet, const ImageReport& image, bool stale) {
  const Labels labels = {{"image", image.reference}};
  sheet.put(kReady, labels, std::int64_t{!stale && image.verdict == Verdict::ready});
  for (const Freshness word : kFreshnesses) {
    sheet.put(kFreshness, {{"image", image.reference}, {"freshness", std::string(to_string(word))}},
              std::int64_t{word == image.freshness});
  }
  sheet.put(kInfo,
            {{"image", image.reference},
             {"required", image.required ? "true" : "false"},
             {"platform", image.platform},
             {"index_digest", image.index_digest},
             {"manifest_digest", image.manifest_digest}},
            1);
  if (image.deferred_until) sheet.put_time(kDeferred, labels, *image.deferred_until);
  if (image.pull != PullStats()) put_pull(sheet, labels, image.pull);
  put_smoke(sheet, image);
}

void put_counts(Sheet& sheet, const NodeReport& report, bool stale) {
  std::map<std::pair<bool, Verdict>, std::int64_t> counts;
  for (const ImageReport& image : report.images) {
    ++counts[{image.required, stale ? Verdict::unknown : image.verdict}];
  }
  for (const bool required : {true, false}) {
    for (const Verdict word : kVerdicts) {
      sheet.put(
          kImages,
          {{"state", std::string(to_string(word))}, {"required", required ? "true" : "false"}},
          counts[{required, word}]);
    }
  }
}

}  // namespace

void put_problems(Sheet& sheet, const NodeReport& report) {
  Problems problems;
  add_findings(problems, "", report.findings);
  for (const ImageReport& image : report.images) {
    add_findings(problems, image.reference, image.findings);
    if (image.verdict == Verdict::ready || counts(image.findings)) continue;
    ++problems[{image.reference, std::string(cause_of(image)), severity_of(image.verdict)}];
  }
  const bool told = std::ranges::any_of(
      problems, [](const auto& one) { return std::get<Severity>(one.first) >= Severity::unknown; });
  if (report.verdict != Verdict::ready && !told) {
    const std::string code = report.reason.empty() ? std::string(kNoCause) : report.reason;
    ++problems[{"", code, severity_of(report.verdict)}];
  }
  for (const auto& [key, count] : problems) {
    const auto& [image, code, severity] = key;
    sheet.put(kProblem,
              {{"image", image}, {"code", code}, {"severity", std::string(to_string(severity))}},
              count);
  }
}

void put_images(Sheet& sheet, const NodeReport& report, bool stale) {
  put_counts(sheet, report, stale);
  // Should a report name an image twice, the worse one speaks: of equal samples the first counts.
  std::vector<const ImageReport*> images;
  images.reserve(report.images.size());
  for (const ImageReport& image : report.images) images.push_back(&image);
  std::ranges::sort(images, [](const ImageReport* a, const ImageReport* b) {
    return std::tie(a->reference, b->verdict) < std::tie(b->reference, a->verdict);
  });
  for (const ImageReport* image : images) put_image(sheet, *image, stale);
}

}  // namespace nodeproof::report
