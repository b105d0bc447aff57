#include "agent/cli/repair_output.hpp"

#include <algorithm>

#include "agent/model_json.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::cli {
namespace {

std::string_view word_of(RepairOutcome outcome) {
  switch (outcome) {
    case RepairOutcome::whole:
      return "whole";
    case RepairOutcome::repaired:
      return "repaired";
    case RepairOutcome::damaged:
      return "damaged";
    case RepairOutcome::in_use:
      return "in-use";
    case RepairOutcome::not_mended:
      return "not-mended";
    case RepairOutcome::unknown:
      break;
  }
  return "unknown";
}

void write_user(json::Writer& out, const ChainUser& user) {
  out.begin_object().member("container", user.container).member("image", user.image);
  out.member("podNamespace", user.pod_namespace).member("pod", user.pod);
  out.member("name", user.name).member("state", user.state);
  out.member("snapshot", user.snapshot).end_object();
}

void line(std::string& out, std::string_view label, const std::string& text) {
  constexpr std::size_t kLabel = 17;  // columns before the text
  std::string left = "    " + std::string(label);
  left.resize(std::max(left.size() + 1, kLabel), ' ');
  out += left + printable(text, 2000) + '\n';
}

std::string joined(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& one : texts) text += (text.empty() ? "" : ", ") + one;
  return text;
}

std::string count_of(std::size_t number, const std::string& thing) {
  return std::to_string(number) + ' ' + thing + (number == 1 ? "" : "s");
}

std::string last_line(const RepairReport& report) {
  switch (report.outcome) {
    case RepairOutcome::whole:
      return "whole: nothing to mend";
    case RepairOutcome::repaired:
      return "repaired, and proven again: " +
             std::string(report.proof ? to_string(report.proof->verdict) : "");
    case RepairOutcome::damaged:
      return "damaged; this was a dry run, and nothing was changed";
    case RepairOutcome::in_use:
      return "in use: its unpacked layers were left as they are";
    case RepairOutcome::not_mended:
      return "not mended";
    case RepairOutcome::unknown:
      break;
  }
  return "not known whether it is whole";
}

}  // namespace

std::string repair_json(const RepairReport& report) {
  json::Writer out(true);
  out.begin_object().member("apiVersion", "nodeproof.dev/v1").member("kind", "RepairReport");
  out.member("reference", report.reference).member("platform", report.platform);
  out.member("manifestDigest", report.manifest_digest);
  out.member("outcome", word_of(report.outcome)).member("dryRun", report.dry_run);
  out.member("filesCompared", report.files_compared).member("filesWrong", report.files_wrong);
  out.member("blobs", report.blobs).member("layers", report.layers);
  out.member("others", report.others);
  out.key("users").begin_array();
  for (const ChainUser& user : report.users) write_user(out, user);
  out.end_array();
  write_findings(out.key("findings"), report.findings);
  if (report.proof) {
    out.key("proof").begin_object().member("verdict", to_string(report.proof->verdict));
    write_findings(out.key("findings"), report.proof->findings);
    write_smoke_results(out.key("smoke"), report.proof->smoke);
    out.end_object();
  }
  return out.end_object().str();
}

std::string repair_table(const RepairReport& report, const report::TableStyle& style) {
  std::string out = printable(report.reference, 512) + '\n';
  line(out, "manifest", report.manifest_digest + ", " + report.platform);
  if (report.files_compared > 0) {
    line(out, "files",
         count_of(report.files_compared, "file") + " compared, " +
             std::to_string(report.files_wrong) + " wrong");
  }
  const bool done = report.outcome == RepairOutcome::repaired;
  const std::string doing = done ? "" : report.dry_run ? "would be " : "to be ";
  if (!report.blobs.empty()) {
    line(out, "blobs", doing + "fetched again: " + joined(report.blobs));
  }
  if (!report.layers.empty()) {
    line(out, "layers",
         doing + "unpacked again: " + count_of(report.layers.size(), "layer") + ", from " +
             report.layers.front() + " up");
  }
  if (!report.others.empty()) line(out, "with them", joined(report.others));
  for (const ChainUser& user : report.users) line(out, "used by", text_of(user));
  std::vector<Finding> findings = report.findings;
  if (report.proof) {
    findings.insert(findings.end(), report.proof->findings.begin(), report.proof->findings.end());
  }
  out += report::findings_text(findings, style);
  return out + last_line(report) + '\n';
}

}  // namespace nodeproof::cli
