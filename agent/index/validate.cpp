#include "agent/index/validate.hpp"

#include <algorithm>
#include <iterator>

#include "agent/codes.hpp"
#include "agent/index/blobs.hpp"
#include "agent/index/diverge.hpp"
#include "agent/index/questions.hpp"
#include "agent/index/tree.hpp"

namespace nodeproof::index {

namespace {

std::string platform_of(const Node& node) {
  if (node.descriptor.platform) return to_string(normalize(*node.descriptor.platform));
  if (node.config) return to_string(normalize(node.config->platform));
  return node.companion ? "unknown/unknown" : "";
}

PlatformReport report_of(const Node& node, const std::string& image) {
  PlatformReport report;
  report.platform = platform_of(node);
  report.digest = node.descriptor.digest.str();
  report.verdict = PlatformVerdict::whole;
  report.attestation = node.companion;
  const Place place{.image = image, .platform = report.platform, .companion = node.companion};
  for (const Flaw& flaw : node.flaws) {
    report.verdict = worse(report.verdict, flaw.verdict);
    report.findings.push_back(finding_of(flaw, place));
  }
  return report;
}

// What the bytes say, when all of them were read.
void judge(PlatformReport& report, const Node& node, const ValidateOptions& options) {
  const bool read = options.deep && options.judge && !node.companion && node.config;
  if (!read || report.verdict != PlatformVerdict::whole) return;
  std::ranges::move(options.judge(node.descriptor, *node.manifest, *node.config),
                    std::back_inserter(report.findings));
  for (const Finding& finding : report.findings) {
    if (finding.severity == Severity::fail) report.verdict = PlatformVerdict::mismatch;
    const bool unknown = finding.severity == Severity::unknown;
    if (unknown) report.verdict = worse(report.verdict, PlatformVerdict::unknown);
  }
}

Finding about_the_tag(std::string_view code, Severity severity, std::string message,
                      std::string remedy) {
  Finding finding;
  finding.code = code;
  finding.severity = severity;
  finding.message = std::move(message);
  finding.remedy = std::move(remedy);
  return finding;
}

Finding no_image(const IndexReport& report, const ValidateOptions& options) {
  std::string what = " holds no image";
  for (std::size_t i = 0; i < options.platforms.size(); ++i) {
    what += (i == 0 ? " for " : ", ") + to_string(options.platforms[i]);
  }
  return about_the_tag(code::kPlatformMissing, Severity::fail, report.reference + what,
                       options.layouts ? "copy it there with all its platforms (skopeo copy --all)"
                                       : "push the image, and look at what wrote this tag last");
}

// Of the images only: what is attached to them is nothing that a node runs.
IndexVerdict verdict_of(const IndexReport& report) {
  IndexVerdict verdict = IndexVerdict::whole;
  const auto note = [&](PlatformVerdict part) {
    if (part == PlatformVerdict::whole || verdict == IndexVerdict::damaged) return;
    verdict = part == PlatformVerdict::unknown ? IndexVerdict::unknown : IndexVerdict::damaged;
  };
  for (const PlatformReport& platform : report.platforms) {
    if (!platform.attestation) note(platform.verdict);
  }
  for (const Finding& finding : report.findings) {
    if (finding.severity == Severity::fail) note(PlatformVerdict::missing);
    if (finding.severity == Severity::unknown) note(PlatformVerdict::unknown);
  }
  return verdict;
}

// Of those that were asked for, each must be there.
void note_absent(const Tree& tree, const ValidateOptions& options, IndexReport& report) {
  for (const Platform& wanted : options.platforms) {
    const bool here = std::ranges::any_of(tree.nodes, [&](const Node& node) {
      const std::string platform = platform_of(node);  // "": not known
      return !node.companion && (platform.empty() || platform == to_string(normalize(wanted)));
    });
    if (here) continue;
    ValidateOptions one;
    one.layouts = options.layouts;
    one.platforms = {wanted};
    report.findings.push_back(no_image(report, one));
  }
}

void mark_what_is_read(Tree& tree, const ValidateOptions& options) {
  std::vector<std::string> chosen;
  if (options.read_too && tree.top) chosen = options.read_too(tree.top->digest);
  for (Node& node : tree.nodes) {
    node.read =
        options.deep || std::ranges::find(chosen, node.descriptor.digest.str()) != chosen.end();
  }
}

IndexReport look_once(Questions& questions) {
  const ValidateOptions& options = questions.options();
  IndexReport report;
  report.reference = questions.reference().name();
  for (const Platform& platform : options.platforms) report.only.push_back(to_string(platform));
  Tree tree = fetch_tree(questions);
  if (tree.top) report.index_digest = tree.top->digest.str();
  mark_what_is_read(tree, options);
  check_configs(questions, tree);
  check_layers(questions, tree);
  for (const Flaw& flaw : tree.flaws) {
    report.findings.push_back(finding_of(flaw, {.image = report.reference}));
  }
  for (const Node& node : tree.nodes) {
    judge(report.platforms.emplace_back(report_of(node, report.reference)), node, options);
  }
  if (tree.flaws.empty() && std::ranges::all_of(report.platforms, &PlatformReport::attestation)) {
    report.findings.push_back(no_image(report, options));
  } else if (tree.flaws.empty()) {
    note_absent(tree, options, report);
  }
  std::ranges::move(divergences(report.reference, tree.nodes), std::back_inserter(report.findings));
  report.verdict = verdict_of(report);
  return report;
}

// The digest that the tag names now when it is another one; "" when it is not, or is not known.
std::string moved_to(Questions& questions, const IndexReport& report) {
  if (questions.reference().digest() || report.index_digest.empty()) return "";
  const auto now = questions.digest();
  return now && now->str() != report.index_digest ? now->str() : "";
}

}  // namespace

IndexReport validate(Registry& registry, const Reference& reference, const ValidateOptions& options,
                     const std::stop_token& stop) {
  Questions questions(registry, reference, options, stop);
  IndexReport report = look_once(questions);
  if (moved_to(questions, report).empty()) return report;
  report = look_once(questions);
  if (const std::string again = moved_to(questions, report); !again.empty()) {
    report.findings.push_back(about_the_tag(
        code::kTagMoved, Severity::warn,
        report.reference + ": the tag moved twice while it was looked at; this is about " +
            report.index_digest + ", it now names " + again,
        "run it again when nobody pushes"));
  }
  return report;
}

}  // namespace nodeproof::index
