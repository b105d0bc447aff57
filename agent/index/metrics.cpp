#include "common/metrics.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "agent/index/render.hpp"
#include "agent/model_json.hpp"

namespace nodeproof::index {

namespace {

using metrics::Collection;
using metrics::Labels;
using metrics::Meta;

constexpr std::array kIndexVerdicts = {IndexVerdict::whole, IndexVerdict::damaged,
                                       IndexVerdict::unknown};
constexpr std::array kPlatformVerdicts = {PlatformVerdict::whole,       PlatformVerdict::missing,
                                          PlatformVerdict::corrupt,     PlatformVerdict::truncated,
                                          PlatformVerdict::stale_cache, PlatformVerdict::mismatch,
                                          PlatformVerdict::unknown};
constexpr std::array kHostVerdicts = {Verdict::ready, Verdict::not_ready, Verdict::unknown};

constexpr Meta kVerdict = {"nodeproof_index_verdict",
                           "1 for the tag's verdict, 0 for the other ones."};
constexpr Meta kPlatformVerdict = {"nodeproof_index_platform_verdict",
                                   "1 for the verdict of the tag's entry, 0 for the other ones."};
constexpr Meta kHostVerdict = {"nodeproof_index_host_verdict",
                               "1 for what the host would say, 0 for the other ones."};
constexpr Meta kWarnings = {"nodeproof_index_warnings",
                            "Warnings about the tag and its platforms."};
constexpr Meta kInspected = {"nodeproof_index_inspected_timestamp_seconds",
                             "When the tags were inspected."};

struct State {
  const Meta& meta;
  const Labels& labels;
};

// One sample for each word, so that a verdict that changes leaves none behind.
template <class Words, class Word>
void add_state(Collection& out, const State& state, const Words& words, const Word& true_one) {
  for (const auto& word : words) {
    Labels labels = state.labels;
    labels.emplace_back("verdict", to_string(word));
    out.add(state.meta, std::move(labels), std::int64_t{word == true_one});
  }
}

// That some of its platforms are whole says nothing about the tag.
void add_verdict(Collection& out, const IndexReport& report) {
  if (!report.only.empty() && report.verdict == IndexVerdict::whole) return;
  add_state(out, {kVerdict, {{"image", report.reference}}}, kIndexVerdicts, report.verdict);
}

// Entries of one platform are told apart by their digest, and equal entries are one.
void add_platforms(Collection& out, const IndexReport& report) {
  for (const PlatformReport& platform : report.platforms) {
    const Labels labels = {
        {"image", report.reference}, {"platform", platform.platform}, {"digest", platform.digest}};
    add_state(out, {kPlatformVerdict, labels}, kPlatformVerdicts, platform.verdict);
  }
}

void add_hosts(Collection& out, const IndexReport& report) {
  for (const HostReport& host : report.hosts) {
    const Labels labels = {{"image", report.reference}, {"host", host.host}};
    add_state(out, {kHostVerdict, labels}, kHostVerdicts, host.verdict);
  }
}

void add_warnings(Collection& out, const IndexReport& report) {
  const auto warnings = [](const std::vector<Finding>& findings) {
    return static_cast<std::int64_t>(
        std::ranges::count(findings, Severity::warn, &Finding::severity));
  };
  std::int64_t sum = warnings(report.findings);
  for (const PlatformReport& platform : report.platforms) sum += warnings(platform.findings);
  for (const HostReport& host : report.hosts) sum += warnings(host.findings);
  out.add(kWarnings, {{"image", report.reference}}, sum);
}

}  // namespace

std::string to_metrics(std::span<const IndexReport> reports,
                       std::chrono::system_clock::time_point now) {
  std::map<std::string_view, const IndexReport*> images;
  for (const IndexReport& report : reports) images.insert_or_assign(report.reference, &report);
  Collection out;
  for (const auto& [name, report] : images) {
    add_verdict(out, *report);
    add_platforms(out, *report);
    add_hosts(out, *report);
    add_warnings(out, *report);
  }
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  out.add(kInspected, {}, std::int64_t{seconds});
  return metrics::to_text(out);
}

}  // namespace nodeproof::index
