#include "agent/index/change_report.hpp"

#include <algorithm>

#include "agent/model_json.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::index {
namespace {

std::string short_digest(const std::string& digest) {
  return digest.empty() ? "-" : digest.substr(0, 19);
}

std::string subject_of(const EntryChange& change) {
  const std::string platform = change.platform.empty() ? "no platform" : change.platform;
  return printable(change.attestation ? "attestation of " + platform : platform);
}

std::string_view mark(Severity severity) {
  switch (severity) {
    case Severity::fail:
      return "refused";
    case Severity::unknown:
      return "unknown";
    case Severity::warn:
      return "warning";
    case Severity::info:
      return "note";
  }
  return "note";
}

std::string_view sentence(const ChangeReport& report) {
  switch (report.outcome) {
    case Outcome::done:
      return "done";
    case Outcome::unchanged:
      return "nothing to do: all of it is there already";
    case Outcome::would_do:
      return "dry run: nothing was written";
    case Outcome::refused:
      return report.moved ? "the tag was moved, but see above" : "refused: the tag is what it was";
    case Outcome::unknown:
      return report.moved ? "the tag was moved, but see above"
                          : "not known: the tag is what it was";
  }
  return "not known";
}

void write_change(json::Writer& writer, const EntryChange& change) {
  writer.begin_object().member("change", to_string(change.change));
  writer.member("platform", change.platform);
  if (change.attestation) writer.member("attestation", true);
  if (!change.before.empty()) writer.member("before", change.before);
  if (!change.after.empty()) writer.member("after", change.after);
  if (!change.source.empty()) writer.member("source", change.source);
  writer.end_object();
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t shown = display_width(text);
  text.append(shown < width ? width - shown : 0, ' ');
  return text;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::done:
      return "done";
    case Outcome::unchanged:
      return "unchanged";
    case Outcome::would_do:
      return "would-do";
    case Outcome::refused:
      return "refused";
    case Outcome::unknown:
      return "unknown";
  }
  return "unknown";
}

bool blocks(ChangeReport& report) {
  const auto has = [&](Severity severity) {
    return std::ranges::any_of(
        report.findings, [&](const Finding& finding) { return finding.severity == severity; });
  };
  if (has(Severity::fail)) {
    report.outcome = Outcome::refused;
  } else if (has(Severity::unknown)) {
    report.outcome = Outcome::unknown;
  } else {
    return false;
  }
  return true;
}

int exit_code(const ChangeReport& report) {
  if (report.outcome == Outcome::refused) return 1;
  return report.outcome == Outcome::unknown ? 2 : 0;
}

std::string to_json(const ChangeReport& report) {
  json::Writer writer(true);
  writer.begin_object()
      .member("apiVersion", "nodeproof.dev/v1")
      .member("kind", "IndexChange")
      .member("action", report.action)
      .member("reference", report.reference)
      .member("outcome", to_string(report.outcome))
      .member("indexDigestBefore", report.before)
      .member("indexDigest", report.after)
      .member("mediaType", report.media_type)
      .key("changes")
      .begin_array();
  for (const EntryChange& change : report.changes) write_change(writer, change);
  writer.end_array().member("steps", report.steps).key("findings");
  write_findings(writer, report.findings);
  return writer.end_object().str();
}

std::string to_table(const ChangeReport& report) {
  std::string out = printable(report.reference) + "  " + short_digest(report.before);
  if (report.after != report.before) out += " -> " + short_digest(report.after);
  out += '\n';
  std::size_t width = 0;
  for (const EntryChange& change : report.changes) {
    width = std::max(width, display_width(subject_of(change)));
  }
  for (const EntryChange& change : report.changes) {
    const bool kept = change.change == Change::kept;
    out += "  " + padded(std::string(to_string(change.change)), 10) +
           padded(subject_of(change), width + 2);
    if (!kept && !change.before.empty()) out += short_digest(change.before) + " -> ";
    out += change.after.empty() ? "nothing" : short_digest(change.after);
    if (!kept && !change.source.empty()) out += "  from " + printable(change.source);
    out += '\n';
  }
  for (const std::string& step : report.steps) out += "  * " + printable(step) + "\n";
  for (const Finding& finding : report.findings) {
    out += "  " + std::string(mark(finding.severity)) + ": " + finding.code + "  " +
           printable(finding.message, 2000) + "\n";
    if (!finding.evidence.empty()) out += "      " + printable(finding.evidence, 2000) + "\n";
    if (!finding.remedy.empty()) out += "      remedy: " + printable(finding.remedy, 2000) + "\n";
  }
  return out + std::string(sentence(report)) + "\n";
}

}  // namespace nodeproof::index
