#include "common/json.hpp"

#include "agent/index/render.hpp"
#include "agent/model_json.hpp"

namespace nodeproof::index {

namespace {

constexpr const char* kApiVersion = "nodeproof.dev/v1";

void write_platform(json::Writer& out, const PlatformReport& platform) {
  out.begin_object();
  out.member("platform", platform.platform);
  out.member("digest", platform.digest);
  out.member("verdict", to_string(platform.verdict));
  out.member("attestation", platform.attestation);
  out.key("findings");
  write_findings(out, platform.findings);
  out.end_object();
}

void write_report(json::Writer& out, const IndexReport& report) {
  out.begin_object();
  out.member("apiVersion", kApiVersion);
  out.member("kind", "IndexReport");
  out.member("reference", report.reference);
  out.member("indexDigest", report.index_digest);
  out.member("verdict", to_string(report.verdict));
  out.key("platforms").begin_array();
  for (const PlatformReport& platform : report.platforms) write_platform(out, platform);
  out.end_array();
  out.key("findings");
  write_findings(out, report.findings);
  out.end_object();
}

}  // namespace

IndexVerdict worst(std::span<const IndexReport> reports) {
  if (reports.empty()) return IndexVerdict::unknown;
  IndexVerdict verdict = IndexVerdict::whole;
  for (const IndexReport& report : reports) {
    if (report.verdict == IndexVerdict::damaged) return IndexVerdict::damaged;
    if (report.verdict == IndexVerdict::unknown) verdict = IndexVerdict::unknown;
  }
  return verdict;
}

std::string to_json(const IndexReport& report) {
  json::Writer out(true);
  write_report(out, report);
  return out.str();
}

std::string to_json(std::span<const IndexReport> reports) {
  json::Writer out(true);
  out.begin_object();
  out.member("apiVersion", kApiVersion);
  out.member("kind", "IndexReportList");
  out.member("verdict", to_string(worst(reports)));
  out.key("items").begin_array();
  for (const IndexReport& report : reports) write_report(out, report);
  out.end_array().end_object();
  return out.str();
}

}  // namespace nodeproof::index
