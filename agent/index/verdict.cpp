#include <algorithm>

#include "agent/index/render.hpp"

namespace nodeproof::index {

std::string_view to_string(PlatformVerdict verdict) {
  switch (verdict) {
    case PlatformVerdict::whole:
      return "whole";
    case PlatformVerdict::missing:
      return "missing";
    case PlatformVerdict::corrupt:
      return "corrupt";
    case PlatformVerdict::truncated:
      return "truncated";
    case PlatformVerdict::stale_cache:
      return "stale-cache";
    case PlatformVerdict::mismatch:
      return "mismatch";
    case PlatformVerdict::unknown:
      return "unknown";
  }
  return "unknown";
}

std::vector<const HostReport*> hosts_of(const IndexReport& report, const PlatformReport* platform) {
  std::vector<const HostReport*> hosts;
  const auto is_listed = [&](const HostReport& host) {
    return std::ranges::find(report.platforms, host.digest, &PlatformReport::digest) !=
           report.platforms.end();
  };
  for (const HostReport& host : report.hosts) {
    const bool here = platform != nullptr ? host.digest == platform->digest : !is_listed(host);
    if (here) hosts.push_back(&host);
  }
  return hosts;
}

IndexVerdict worst(std::span<const IndexReport> reports) {
  if (reports.empty()) return IndexVerdict::unknown;
  IndexVerdict verdict = IndexVerdict::whole;
  for (const IndexReport& report : reports) {
    if (report.verdict == IndexVerdict::damaged) return IndexVerdict::damaged;
    if (report.verdict == IndexVerdict::unknown) verdict = IndexVerdict::unknown;
  }
  return verdict;
}

int exit_code(std::span<const IndexReport> reports, bool fail_on_warn) {
  const auto warns = [](const auto& part) {
    return std::ranges::find(part.findings, Severity::warn, &Finding::severity) !=
           part.findings.end();
  };
  const auto any_host = [&](Verdict verdict) {
    return std::ranges::any_of(reports, [&](const IndexReport& report) {
      return std::ranges::find(report.hosts, verdict, &HostReport::verdict) != report.hosts.end();
    });
  };
  const bool warned = std::ranges::any_of(reports, [&](const IndexReport& report) {
    return warns(report) || std::ranges::any_of(report.platforms, warns) ||
           std::ranges::any_of(report.hosts, warns);
  });
  const IndexVerdict verdict = worst(reports);
  const bool failed = verdict == IndexVerdict::damaged || any_host(Verdict::not_ready);
  if (failed || (fail_on_warn && warned)) return 1;
  return verdict == IndexVerdict::unknown || any_host(Verdict::unknown) ? 2 : 0;
}

std::string_view to_string(IndexVerdict verdict) {
  switch (verdict) {
    case IndexVerdict::whole:
      return "whole";
    case IndexVerdict::damaged:
      return "damaged";
    case IndexVerdict::unknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace nodeproof::index
