#include "agent/report/page/findings.hpp"

#include <algorithm>
#include <set>
#include <span>

#include "agent/model_json.hpp"
#include "agent/report/cause.hpp"
#include "agent/report/codes.hpp"

namespace nodeproof::report::page {
namespace {

// Bytes of the page for each part; together they leave room for the images and the node.
constexpr std::size_t kWrongBytes = 64'000;
constexpr std::size_t kWarningBytes = 24'000;
constexpr std::size_t kRemarkBytes = 10'000;

// Those of one severity, as all of them are asked for in turn.
class Collector {
 public:
  explicit Collector(Severity severity) : severity_(severity) {}

  void add(const std::vector<Finding>& findings, const ImageReport* image) {
    for (const Finding& finding : findings) add(finding, image);
  }
  void add(const std::optional<Finding>& finding, const ImageReport* image) {
    if (finding && finding->severity == severity_) found_.push_back({*finding, image});
  }
  std::vector<Problem> take() { return std::move(found_); }

 private:
  Severity severity_;
  std::vector<Problem> found_;
};

Html place_of(const Problem& problem) {
  if (problem.image == nullptr) return "this node";
  Html place = element("span", "name", text(problem.image->reference, 512));
  if (!problem.image->platform.empty()) place += Html(", ") + text(problem.image->platform, 128);
  if (!problem.image->required) place += ", not required";
  return place;
}

Html lowered_line(const Finding& finding) {
  if (!finding.lowered) return {};
  const Lowered& lowered = *finding.lowered;
  Html line;
  if (lowered.from != finding.severity) {
    line += Html("counts less than its rule says (") + text(to_string(lowered.from)) + "): ";
  }
  return row("Lowered", line + text(lowered.why, 512));
}

Html details_of(const Finding& finding) {
  const Html evidence = lines(finding.evidence);
  const Html rows = row("Where", code_text(finding.subject)) +
                    row("Evidence", evidence.empty() ? Html() : element("pre", evidence)) +
                    row("Layer", code_text(finding.layer)) + lowered_line(finding);
  return rows.empty() ? rows : element("dl", rows) + "\n";
}

Html card(const Problem& problem, bool explain) {
  const Finding& finding = problem.finding;
  const std::string& code = finding.code;
  Html out = Html("<article class=\"card ") + style_of(tone_of(finding.severity)) + "\">\n";
  out += element("div", "head",
                 badge(finding.severity) + element("h3", text(code, 128)) + code_title(code));
  out += element("p", "where", place_of(problem));
  if (!finding.message.empty()) out += element("p", "message", text(finding.message));
  out += remedy_box(finding.remedy) + details_of(finding);
  if (explain) out += code_meaning(code);
  return out + "</article>\n";
}

Html remark_line(const Problem& problem) {
  const Finding& finding = problem.finding;
  return Html("<li><b>") + text(finding.code, 128) + "</b> (" + place_of(problem) +
         "): " + text(finding.message) + "</li>\n";
}

Html cards(std::span<const Problem> problems, std::size_t bytes) {
  Html out;
  Ration ration(bytes);
  std::set<std::string> explained;
  for (const Problem& problem : problems) {
    const Html one = card(problem, explained.insert(problem.finding.code).second);
    if (ration.take(one)) out += one;
  }
  return out + left_out(ration, "findings are", "-o json");
}

Html remarks(std::span<const Problem> problems) {
  Html list;
  Ration ration(kRemarkBytes);
  for (const Problem& problem : problems) {
    const Html one = remark_line(problem);
    if (ration.take(one)) list += one;
  }
  return Html("<details class=\"card info\"><summary>") +
         counted(problems.size(), "remark", "remarks") +
         ": nothing has to be done here</summary>\n" + element("ul", list) + "</details>\n" +
         left_out(ration, "remarks are", "-o json");
}

}  // namespace

std::vector<Problem> problems_of(const NodeReport& report) {
  std::vector<Problem> problems;
  for (const Severity severity :
       {Severity::fail, Severity::unknown, Severity::warn, Severity::info}) {
    Collector collector(severity);
    for (const ImageReport& image : report.images) {
      collector.add(image.findings, &image);
      collector.add(unsaid_cause(image), &image);
    }
    collector.add(report.findings, nullptr);
    collector.add(unsaid_cause(report), nullptr);
    for (Problem& problem : collector.take()) problems.push_back(std::move(problem));
  }
  return problems;
}

Html code_title(const std::string& code) {
  const CodeText* known = find_code(code);
  return known == nullptr ? Html() : element("span", "meaning", text(known->title));
}

Html code_meaning(const std::string& code) {
  const CodeText* known = find_code(code);
  if (known == nullptr) return {};
  return Html("<details><summary>What ") + text(known->code) + " means</summary>\n" +
         element("p", text(known->cause)) +
         element("p", Html("<b>How it is found out:</b> ") + text(known->detection)) +
         element("p", Html("<b>What helps:</b> ") + text(known->remedy)) + "</details>\n";
}

Html remedy_box(const std::string& remedy) {
  if (remedy.empty()) return {};
  return element("p", "remedy", Html("<b>What to do:</b> ") + text(remedy)) + "\n";
}

Html problem_sections(const std::vector<Problem>& problems) {
  const std::span all(problems);
  const auto above = [&](Severity severity) {
    return static_cast<std::size_t>(std::ranges::count_if(
        all, [&](const Problem& problem) { return problem.finding.severity > severity; }));
  };
  const std::size_t wrongs = above(Severity::warn), told = above(Severity::info);
  const auto wrong = all.first(wrongs), warned = all.subspan(wrongs, told - wrongs);
  const auto rest = all.subspan(told);
  Html out;
  if (!wrong.empty())
    out += section("wrong", heading("What is wrong", wrongs), cards(wrong, kWrongBytes));
  if (!warned.empty())
    out += section("warnings", heading("Warnings", warned.size()), cards(warned, kWarningBytes));
  if (!rest.empty()) out += section("remarks", "Remarks", remarks(rest));
  return out;
}

}  // namespace nodeproof::report::page
