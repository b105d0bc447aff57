#include "agent/cli/inspect_table.hpp"

#include <algorithm>

#include "agent/codes.hpp"
#include "agent/index/render.hpp"
#include "agent/model_json.hpp"
#include "agent/report/paint.hpp"
#include "common/text.hpp"

namespace nodeproof::cli {
namespace {

using index::IndexVerdict;
using index::PlatformReport;
using index::PlatformVerdict;
using report::Ink;
using report::TableStyle;

constexpr std::size_t kVerdictWidth = 11;  // "stale-cache"
constexpr std::size_t kMaxPlatform = 48;

// The node's words have the same three colours and marks.
Verdict as_node_verdict(const PlatformReport& platform) {
  if (platform.verdict == PlatformVerdict::whole) return Verdict::ready;
  const bool harmless = platform.attestation || platform.verdict == PlatformVerdict::unknown;
  return harmless ? Verdict::unknown : Verdict::not_ready;
}

Verdict as_node_verdict(IndexVerdict verdict) {
  switch (verdict) {
    case IndexVerdict::whole:
      return Verdict::ready;
    case IndexVerdict::damaged:
      return Verdict::not_ready;
    case IndexVerdict::unknown:
      break;
  }
  return Verdict::unknown;
}

std::string name_of(const PlatformReport& platform) {
  if (platform.attestation) return "(attestation)";
  if (platform.platform.empty()) return "-";
  return shorten(printable(platform.platform), kMaxPlatform);
}

std::string head(Verdict verdict, std::string_view word, const TableStyle& style) {
  const Ink ink = report::ink_of(verdict);
  return report::paint(report::mark_of(verdict, style), ink, style) + ' ' +
         report::paint_cell(word, kVerdictWidth, ink, style);
}

bool fits_nothing(const index::HostReport& host) {
  return std::ranges::find(host.findings, code::kPlatformMissing, &Finding::code) !=
         host.findings.end();
}

// "takes it: pi-4 (linux/arm64/v8, containerd 1.7.24)"
std::string host_text(const index::HostReport& host, const TableStyle& style) {
  std::string about = host.platform;
  if (!host.containerd.empty()) about += ", containerd " + host.containerd;
  std::string takes = "takes it: ";
  if (host.digest.empty()) takes = fits_nothing(host) ? "takes nothing: " : "not known for: ";
  return head(host.verdict, to_string(host.verdict), style) + "      " + takes +
         report::paint(printable(host.host), Ink::bold, style) + " (" + printable(about) + ")\n" +
         report::findings_text(host.findings, style);
}

std::string joined(const std::vector<std::string>& platforms) {
  std::string text;
  for (const std::string& platform : platforms) text += (text.empty() ? "" : ", ") + platform;
  return text;
}

std::string hosts_text(const index::IndexReport& report, const PlatformReport* platform,
                       const TableStyle& style) {
  std::string out;
  for (const index::HostReport* host : index::hosts_of(report, platform)) {
    out += host_text(*host, style);
  }
  return out;
}

std::string backup_text(const index::IndexReport& report) {
  using State = index::KeptBackup::State;
  if (!report.backup) return "";
  const std::string& file = report.backup->file;
  switch (report.backup->state) {
    case State::written:
      return "  backup written: " + file + "\n";
    case State::unchanged:
      return "  backup is up to date: " + file + "\n";
    case State::last_good:
      break;
  }
  const std::string kept = "  the backup of when it was whole: " + file;
  if (!report.backup->remedy.empty()) return kept + "\n  remedy: " + report.backup->remedy + "\n";
  // What is not known may be whole.
  const bool damaged = report.verdict == index::IndexVerdict::damaged;
  return kept + (damaged ? ", which cannot bring back what is damaged\n" : "\n");
}

}  // namespace

std::string to_table(const index::IndexReport& report, const TableStyle& style) {
  std::size_t width = 0;
  for (const PlatformReport& platform : report.platforms) {
    width = std::max(width, display_width(name_of(platform)));
  }
  std::string out = head(as_node_verdict(report.verdict), to_string(report.verdict), style) + "  " +
                    report::paint(printable(report.reference), Ink::bold, style);
  if (!report.index_digest.empty()) out += "  " + report.index_digest;
  if (!report.only.empty()) out += "  of it only: " + joined(report.only);
  out += '\n' + report::findings_text(report.findings, style);
  for (const PlatformReport& platform : report.platforms) {
    out += head(as_node_verdict(platform), to_string(platform.verdict), style) + "    " +
           report::paint_cell(name_of(platform), width, Ink::plain, style) + "  " +
           platform.digest + '\n' + report::findings_text(platform.findings, style) +
           hosts_text(report, &platform, style);
  }
  return out + hosts_text(report, nullptr, style) + backup_text(report);
}

}  // namespace nodeproof::cli
