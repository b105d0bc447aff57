#include "agent/report/table.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "agent/codes.hpp"
#include "agent/model_json.hpp"
#include "agent/report/overridden.hpp"
#include "agent/report/paint.hpp"
#include "common/text.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kGap = 2;            // columns between cells
constexpr std::size_t kMarkWidth = 2;      // a mark and its blank
constexpr std::size_t kVerdictWidth = 9;   // "not ready"
constexpr std::size_t kSmallestName = 24;  // below that a column is given up instead
constexpr std::size_t kSmallestWidth = 40;
constexpr std::size_t kMaxText = 2000;  // bytes of one finding's text

std::string_view verdict_word(Verdict verdict) {
  return verdict == Verdict::not_ready ? "not ready" : to_string(verdict);
}

std::string short_digest(const std::string& digest) {
  constexpr std::size_t kHexDigits = 12;
  const std::size_t colon = digest.find(':');
  if (colon == std::string::npos) return "-";
  return digest.substr(0, std::min(digest.size(), colon + 1 + kHexDigits));
}

std::string pulled(const ImageReport& image) {
  const PullStats& pull = image.pull;
  if (pull.layers == 0 && pull.bytes == 0) return "-";
  if (pull.downloaded_bytes == 0) return "already here";
  return human_bytes(pull.downloaded_bytes) + " in " + human_seconds(pull.seconds);
}

std::string smoke(const ImageReport& image) {
  if (image.smoke.empty()) {
    const bool nothing_ran = std::ranges::find(image.findings, code::kNotExecuted,
                                               &Finding::code) != image.findings.end();
    return nothing_ran ? "none ran" : "-";
  }
  const auto passed = std::ranges::count(image.smoke, SmokeOutcome::passed, &SmokeResult::result);
  return std::to_string(passed) + "/" + std::to_string(image.smoke.size());
}

struct Column {
  std::string title;
  std::vector<std::string> cells;
  std::size_t width = 0;

  Column(std::string name, const std::vector<ImageReport>& images,
         const std::function<std::string(const ImageReport&)>& cell)
      : title(std::move(name)), width(title.size()) {
    for (const ImageReport& image : images) {
      cells.push_back(printable(cell(image)));
      width = std::max(width, display_width(cells.back()));
    }
  }
};

std::size_t total_width(const std::vector<Column>& columns) {
  std::size_t width = kMarkWidth + kVerdictWidth;
  for (const Column& column : columns) width += kGap + column.width;
  return width;
}

// Too wide: the manifest goes first, then the platform, then names lose their middle.
void fit(std::vector<Column>& columns, const TableStyle& style) {
  for (const std::string_view spare : {"MANIFEST", "PLATFORM", "PULLED"}) {
    const std::size_t total = total_width(columns);
    if (total <= style.width || total - style.width + kSmallestName <= columns.front().width) break;
    std::erase_if(columns, [&](const Column& column) { return column.title == spare; });
  }
  const std::size_t total = total_width(columns);
  if (total <= style.width) return;
  Column& name = columns.front();
  const std::size_t excess = total - style.width;
  name.width = std::max(kSmallestName, name.width - std::min(name.width, excess));
  for (std::string& cell : name.cells) cell = shorten(cell, name.width, style.unicode);
}

std::vector<Column> columns_of(const std::vector<ImageReport>& images, const TableStyle& style) {
  std::vector<Column> columns;
  columns.emplace_back("IMAGE", images, [](const ImageReport& image) { return image.reference; });
  columns.emplace_back("PLATFORM", images, [](const ImageReport& image) {
    return image.platform.empty() ? "-" : image.platform;
  });
  columns.emplace_back("MANIFEST", images, [](const ImageReport& image) {
    return short_digest(image.manifest_digest);
  });
  columns.emplace_back("PULLED", images, pulled);
  columns.emplace_back("SMOKE", images, smoke);
  fit(columns, style);
  return columns;
}

void trim_end(std::string& out) { out.resize(out.find_last_not_of(' ') + 1); }

void heading(std::string& out, const std::vector<Column>& columns, const TableStyle& style) {
  std::string line(kMarkWidth, ' ');
  line += paint_cell("VERDICT", kVerdictWidth, Ink::dim, style);
  for (const Column& column : columns) {
    line.append(kGap, ' ').append(paint_cell(column.title, column.width, Ink::dim, style));
  }
  trim_end(line);
  out += line + '\n';
}

void labelled(std::string& out, std::string_view label, std::string_view text,
              const TableStyle& style) {
  constexpr std::size_t kLabelIndent = 4;
  constexpr std::size_t kTextIndent = 13;
  if (text.empty()) return;
  out.append(kLabelIndent, ' ')
      .append(paint_cell(label, kTextIndent - kLabelIndent, Ink::dim, style));
  out.append(wrapped(printable(text, kMaxText), kTextIndent, style.width)).append("\n");
}

void finding_lines(std::string& out, const Finding& finding, const TableStyle& style) {
  constexpr std::size_t kIndent = 4;
  out.append(kMarkWidth, ' ');
  out += paint(mark_of(finding.severity, style), ink_of(finding.severity), style) + ' ';
  out += paint(printable(finding.code), Ink::bold, style);
  if (!finding.subject.empty())
    out += "  " + shorten(printable(finding.subject), style.width / 2, style.unicode);
  out += '\n';
  if (!finding.message.empty()) {
    out.append(kIndent, ' ')
        .append(wrapped(printable(finding.message, kMaxText), kIndent, style.width));
    out += '\n';
  }
  labelled(out, "evidence", finding.evidence, style);
  labelled(out, "layer", short_digest(finding.layer) == "-" ? "" : short_digest(finding.layer),
           style);
  labelled(out, "remedy", finding.remedy, style);
}

// What was accepted is not gone.
void lowered_line(std::string& out, const Finding& finding, const TableStyle& style) {
  out.append(kMarkWidth, ' ');
  out += paint(mark_of(finding.severity, style), ink_of(finding.severity), style) + ' ';
  std::string line = finding.code;
  if (!finding.subject.empty()) line += " of " + finding.subject;
  line.append(" is ").append(to_string(finding.severity));
  if (finding.lowered->from != finding.severity) {
    line.append(" instead of ").append(to_string(finding.lowered->from));
  }
  line.append(", ").append(finding.lowered->why);
  constexpr std::size_t kIndent = 4;
  out += wrapped(printable(line, kMaxText), kIndent, style.width) + '\n';
}

// Worst first; what is only informative stays in the JSON document, unless it once was worse.
void findings_block(std::string& out, const std::vector<Finding>& findings,
                    const TableStyle& style) {
  for (const Severity severity : {Severity::fail, Severity::unknown, Severity::warn}) {
    for (const Finding& finding : findings) {
      if (finding.severity == severity) finding_lines(out, finding, style);
    }
  }
  for (const Finding& finding : findings) {
    if (finding.lowered) lowered_line(out, finding, style);
  }
}

void image_line(std::string& out, const ImageReport& image, const std::vector<Column>& columns,
                std::size_t row) {
  std::string line;
  for (const Column& column : columns) {
    const std::string& cell = column.cells[row];
    line.append(kGap, ' ').append(cell);
    line.append(column.width - std::min(column.width, display_width(cell)), ' ');
  }
  if (!image.required) line += "  (not required)";
  if (image.freshness != Freshness::current)
    line.append("  (").append(to_string(image.freshness)).append(")");
  trim_end(line);
  out += line + '\n';
}

std::string page_size(std::uint64_t bytes) {
  return bytes == 0 ? "" : std::to_string(bytes / 1024) + "K pages";
}

void head_line(std::string& out, const NodeReport& report, const TableStyle& style) {
  const HostFacts& host = report.host;
  std::string line =
      paint(printable(report.node.empty() ? "this node" : report.node), Ink::bold, style);
  const std::string_view dot = style.unicode ? " · " : " | ";
  for (const std::string& fact :
       {to_string(host.platform), page_size(host.page_size), host.board,
        host.containerd ? "containerd " + host.containerd->version : std::string()}) {
    if (!fact.empty()) line.append(dot).append(printable(fact));
  }
  out += line + '\n';
  if (report.overridden) {
    const std::string said = wrapped(printable(text_of(*report.overridden)), 0, style.width);
    out += paint(said, ink_of(Severity::warn), style) + '\n';
  }
  out += '\n';
}

// Once per registry, and only where little is left.
void limit_lines(std::string& out, const NodeReport& report) {
  std::set<std::string> said;
  for (const ImageReport& image : report.images) {
    const auto reference = Reference::parse(image.reference);
    if (!image.rate_limit || !is_low(*image.rate_limit) || !reference) continue;
    if (!said.insert(reference->domain()).second) continue;
    out += (said.size() == 1 ? "\n" : "") + printable(reference->domain()) + ": " +
           text_of(*image.rate_limit) + '\n';
  }
}

void closing_line(std::string& out, const NodeReport& report, const TableStyle& style) {
  out += '\n';
  out += paint(
      std::string(mark_of(report.verdict, style)) + ' ' + std::string(verdict_word(report.verdict)),
      ink_of(report.verdict), style);
  if (report.overridden && report.verdict != Verdict::ready)
    out += "  OVERRIDDEN: counts as ready;";
  out += "  " + printable(report.message);
  if (report.freshness != Freshness::current)
    out.append(" (").append(to_string(report.freshness)).append(")");
  out += '\n';
  if (report.verdict != Verdict::ready && !report.reason.empty()) {
    out += paint("  more: nodeproof explain " + printable(report.reason), Ink::dim, style) + '\n';
  }
}

}  // namespace

bool unicode_wanted() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    return locale.contains("UTF-8") || locale.contains("utf8") || locale.contains("UTF8") ||
           locale.contains("utf-8");
  }
  return false;
}

std::string findings_text(const std::vector<Finding>& findings, const TableStyle& style) {
  std::string out;
  findings_block(out, findings, style);
  return out;
}

std::string to_table(const NodeReport& report, const TableStyle& wanted) {
  TableStyle style = wanted;
  style.width = std::max(style.width, kSmallestWidth);
  std::string out;
  head_line(out, report, style);
  const std::vector<Column> columns = columns_of(report.images, style);
  if (!report.images.empty()) heading(out, columns, style);
  for (std::size_t row = 0; row < report.images.size(); ++row) {
    const ImageReport& image = report.images[row];
    const Ink ink = ink_of(image.verdict);
    out += paint(mark_of(image.verdict, style), ink, style) + ' ';
    out += paint_cell(verdict_word(image.verdict), kVerdictWidth, ink, style);
    image_line(out, image, columns, row);
    findings_block(out, image.findings, style);
  }
  std::string node;
  findings_block(node, report.findings, style);
  if (!node.empty()) out += (report.images.empty() ? "" : "\n") + node;
  limit_lines(out, report);
  closing_line(out, report, style);
  return out;
}

}  // namespace nodeproof::report
