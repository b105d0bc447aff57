#include "common/json.hpp"

#include "agent/index/render.hpp"
#include "agent/model_json.hpp"

namespace nodeproof::index {

namespace {

constexpr const char* kApiVersion = "nodeproof.dev/v1";

void write_hosts(json::Writer& out, const std::vector<const HostReport*>& hosts) {
  if (hosts.empty()) return;
  out.key("hosts").begin_array();
  for (const HostReport* host : hosts) {
    out.begin_object().member("host", host->host).member("platform", host->platform);
    if (!host->containerd.empty()) out.member("containerd", host->containerd);
    out.member("verdict", to_string(host->verdict));
    if (!host->choice.empty()) out.member("choice", host->choice);
    out.key("findings");
    write_findings(out, host->findings);
    out.end_object();
  }
  out.end_array();
}

std::string_view to_string(KeptBackup::State state) {
  switch (state) {
    case KeptBackup::State::written:
      return "written";
    case KeptBackup::State::unchanged:
      return "unchanged";
    case KeptBackup::State::last_good:
      break;
  }
  return "last-good";
}

void write_platform(json::Writer& out, const IndexReport& report, const PlatformReport& platform) {
  out.begin_object();
  out.member("platform", platform.platform);
  out.member("digest", platform.digest);
  out.member("verdict", to_string(platform.verdict));
  out.member("attestation", platform.attestation);
  out.key("findings");
  write_findings(out, platform.findings);
  write_hosts(out, hosts_of(report, &platform));
  out.end_object();
}

void write_report(json::Writer& out, const IndexReport& report) {
  out.begin_object();
  out.member("apiVersion", kApiVersion);
  out.member("kind", "IndexReport");
  out.member("reference", report.reference);
  out.member("indexDigest", report.index_digest);
  out.member("verdict", to_string(report.verdict));
  if (!report.only.empty()) out.member("only", report.only);
  out.key("platforms").begin_array();
  for (const PlatformReport& platform : report.platforms) write_platform(out, report, platform);
  out.end_array();
  out.key("findings");
  write_findings(out, report.findings);
  write_hosts(out, hosts_of(report, nullptr));
  if (report.backup) {
    out.key("backup").begin_object().member("file", report.backup->file);
    out.member("state", to_string(report.backup->state));
    if (!report.backup->remedy.empty()) out.member("remedy", report.backup->remedy);
    out.end_object();
  }
  out.end_object();
}

}  // namespace

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
