#include <algorithm>
#include <array>
#include <map>

#include "agent/index/render.hpp"
#include "agent/model_json.hpp"
#include "common/words.hpp"

namespace nodeproof::index {

namespace {

constexpr std::array kIndexVerdicts = {IndexVerdict::whole, IndexVerdict::damaged,
                                       IndexVerdict::unknown};
constexpr std::array kPlatformVerdicts = {PlatformVerdict::whole,       PlatformVerdict::missing,
                                          PlatformVerdict::corrupt,     PlatformVerdict::truncated,
                                          PlatformVerdict::stale_cache, PlatformVerdict::mismatch,
                                          PlatformVerdict::unknown};

// Prometheus' text format: \, " and the line feed are escaped in label values.
std::string label(std::string_view name, std::string_view value) {
  std::string out = std::string(name) + "=\"";
  for (const char c : valid_utf8(value)) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string head(std::string_view name, std::string_view help) {
  const std::string full = "nodeproof_index_" + std::string(name);
  return "# HELP " + full + " " + std::string(help) + "\n# TYPE " + full + " gauge\n";
}

std::string sample(std::string_view name, const std::string& labels, std::uint64_t value) {
  return "nodeproof_index_" + std::string(name) + "{" + labels + "} " + std::to_string(value) +
         "\n";
}

// Twice the same sample would make the collector refuse the whole file: entries of one platform
// are told apart by their digest, and equal entries are one.
std::string platform_samples(const IndexReport& report) {
  std::map<std::string, PlatformVerdict> entries;
  for (const PlatformReport& platform : report.platforms) {
    entries.insert_or_assign(label("image", report.reference) + "," +
                                 label("platform", platform.platform) + "," +
                                 label("digest", platform.digest),
                             platform.verdict);
  }
  std::string out;
  for (const auto& [labels, verdict] : entries) {
    for (const PlatformVerdict word : kPlatformVerdicts) {
      out += sample("platform_verdict", labels + "," + label("verdict", to_string(word)),
                    word == verdict ? 1 : 0);
    }
  }
  return out;
}

// That some of its platforms are whole says nothing about the tag.
std::string verdict_samples(const IndexReport& report) {
  std::string out;
  if (!report.only.empty() && report.verdict == IndexVerdict::whole) return out;
  for (const IndexVerdict word : kIndexVerdicts) {
    out += sample("verdict",
                  label("image", report.reference) + "," + label("verdict", to_string(word)),
                  word == report.verdict ? 1 : 0);
  }
  return out;
}

std::string host_samples(const IndexReport& report) {
  std::map<std::string, Verdict> hosts;
  for (const HostReport& host : report.hosts) {
    hosts.insert_or_assign(label("image", report.reference) + "," + label("host", host.host),
                           host.verdict);
  }
  std::string out;
  for (const auto& [labels, verdict] : hosts) {
    for (const Verdict word : {Verdict::ready, Verdict::not_ready, Verdict::unknown}) {
      out += sample("host_verdict", labels + "," + label("verdict", to_string(word)),
                    word == verdict ? 1 : 0);
    }
  }
  return out;
}

std::string warning_sample(const IndexReport& report) {
  const auto warnings = [](const std::vector<Finding>& findings) {
    return static_cast<std::uint64_t>(
        std::ranges::count(findings, Severity::warn, &Finding::severity));
  };
  std::uint64_t sum = warnings(report.findings);
  for (const PlatformReport& platform : report.platforms) sum += warnings(platform.findings);
  for (const HostReport& host : report.hosts) sum += warnings(host.findings);
  return sample("warnings", label("image", report.reference), sum);
}

}  // namespace

std::string to_metrics(std::span<const IndexReport> reports,
                       std::chrono::system_clock::time_point now) {
  std::map<std::string_view, const IndexReport*> images;
  for (const IndexReport& report : reports) images.insert_or_assign(report.reference, &report);
  std::string verdicts = head("verdict", "1 for the tag's verdict, 0 for the other ones.");
  std::string platforms =
      head("platform_verdict", "1 for the verdict of the tag's entry, 0 for the other ones.");
  std::string hosts;
  std::string warnings = head("warnings", "Warnings about the tag and its platforms.");
  for (const auto& [name, report] : images) {
    verdicts += verdict_samples(*report);
    platforms += platform_samples(*report);
    hosts += host_samples(*report);
    warnings += warning_sample(*report);
  }
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (!hosts.empty()) {
    hosts.insert(0, head("host_verdict", "1 for what the host would say, 0 for the other ones."));
  }
  return verdicts + platforms + hosts + warnings +
         head("inspected_timestamp_seconds", "When the tags were inspected.") +
         "nodeproof_index_inspected_timestamp_seconds " + std::to_string(seconds) + "\n";
}

}  // namespace nodeproof::index
