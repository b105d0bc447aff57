#include <algorithm>
#include <array>

#include "agent/model_json.hpp"
#include "agent/report/paint.hpp"
#include "agent/report/parity.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kMaxText = 2000;  // bytes of one line's text
constexpr std::string_view kNotProven =
    "not proven: memory ordering (arm64 reorders more than amd64, and a race that a test did not "
    "lose may be lost later; a stress test with repeat and cpus looks longer)";

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::told:
      return "told";
    case Standing::not_compared:
      return "not-compared";
    case Standing::differs:
      return "differs";
  }
  return "differs";
}

std::string_view to_string(ParityVerdict verdict) {
  switch (verdict) {
    case ParityVerdict::same:
      return "same";
    case ParityVerdict::unknown:
      return "unknown";
    case ParityVerdict::differs:
      return "differs";
  }
  return "unknown";
}

Verdict colour_of(ParityVerdict verdict) {
  constexpr std::array kVerdicts = {Verdict::ready, Verdict::unknown, Verdict::not_ready};
  return kVerdicts.at(static_cast<std::size_t>(verdict));
}

Severity colour_of(Standing standing) {
  constexpr std::array kSeverities = {Severity::warn, Severity::unknown, Severity::fail};
  return kSeverities.at(static_cast<std::size_t>(standing));
}

void write_node(json::Writer& out, const ParityNode& node) {
  out.begin_object().member("name", node.name).member("architecture", node.architecture);
  out.member("board", node.board).member("pageSize", node.page_size);
  out.member("kernel", node.kernel).end_object();
}

void write_test(json::Writer& out, const ParityTest& test, const ParityImage& image) {
  out.begin_object().member("name", test.name).key("results").begin_array();
  for (std::size_t i = 0; i < test.results.size(); ++i) {
    out.begin_object().member("node", image.nodes[i]);
    if (const auto& result = test.results[i]) {
      out.member("result", nodeproof::to_string(result->result));
      out.member("exit", std::int64_t{result->exit}).member("signal", result->signal);
      out.member("normalisedSha256", result->normalised_sha256).member("reason", result->reason);
    } else {
      out.member("result", "missing");
    }
    out.end_object();
  }
  out.end_array().end_object();
}

void write_observation(json::Writer& out, const Observation& observation) {
  out.begin_object().member("standing", to_string(observation.standing));
  out.member("subject", observation.subject).member("message", observation.message);
  out.member("by", observation.by).member("nodes", observation.nodes);
  out.member("details", observation.details).member("remedy", observation.remedy).end_object();
}

void write_image(json::Writer& out, const ParityImage& image) {
  out.begin_object().member("reference", image.reference).member("digest", image.digest);
  out.member("verdict", to_string(verdict_of(image))).member("nodes", image.nodes);
  out.member("testsAgreeing", std::uint64_t{image.agreeing});
  out.key("tests").begin_array();
  for (const ParityTest& test : image.tests) write_test(out, test, image);
  out.end_array().key("observations").begin_array();
  for (const Observation& observation : image.observations) write_observation(out, observation);
  out.end_array().end_object();
}

std::string node_words(const ParityNode& node) {
  std::string words = node.name;
  std::string facts;
  const auto add = [&facts](const std::string& fact) {
    if (!fact.empty()) facts += (facts.empty() ? "" : ", ") + fact;
  };
  add(node.architecture);
  if (node.page_size > 0) add(std::to_string(node.page_size / 1024) + "K pages");
  add(node.board);
  add(node.kernel);
  return facts.empty() ? words : words + " (" + facts + ")";
}

void indented(std::string& out, std::size_t indent, std::string_view text,
              const TableStyle& style) {
  out.append(indent, ' ').append(wrapped(printable(text, kMaxText), indent, style.width));
  out += '\n';
}

void observation_lines(std::string& out, const Observation& observation, const TableStyle& style) {
  constexpr std::size_t kIndent = 4;
  constexpr std::size_t kDetail = 6;
  const Severity colour = colour_of(observation.standing);
  out.append(2, ' ').append(paint(mark_of(colour, style), ink_of(colour), style)).append(" ");
  const std::string text =
      (observation.subject.empty() ? "" : observation.subject + ": ") + observation.message;
  out += wrapped(printable(text, kMaxText), kIndent, style.width) + '\n';
  for (const std::string& detail : observation.details) indented(out, kDetail, detail, style);
  if (!observation.remedy.empty()) indented(out, kDetail, "remedy: " + observation.remedy, style);
}

std::string agreement(const ParityImage& image) {
  if (image.nodes.size() < 2) return "";
  const std::string tests = std::to_string(image.agreeing) + " of " +
                            std::to_string(image.tests.size()) +
                            (image.tests.size() == 1 ? " test agrees" : " tests agree");
  return (image.tests.empty() ? "no tests to compare" : tests) + " on " +
         std::to_string(image.nodes.size()) + " nodes";
}

void image_lines(std::string& out, const ParityImage& image, const TableStyle& style) {
  const Verdict verdict = colour_of(verdict_of(image));
  out += paint(mark_of(verdict, style), ink_of(verdict), style) + ' ';
  out += paint(printable(image.reference), Ink::bold, style);
  const std::string agreed = agreement(image);
  if (!agreed.empty()) out += "  " + agreed;
  out += '\n';
  for (const Standing standing : {Standing::differs, Standing::not_compared, Standing::told}) {
    for (const Observation& observation : image.observations) {
      if (observation.standing == standing) observation_lines(out, observation, style);
    }
  }
}

std::string closing(const Parity& parity) {
  std::size_t differing = 0, unknown = 0;
  for (const ParityImage& image : parity.images) {
    const ParityVerdict verdict = verdict_of(image);
    differing += verdict == ParityVerdict::differs ? 1 : 0;
    unknown += verdict == ParityVerdict::unknown ? 1 : 0;
  }
  const std::string of = " of " + std::to_string(parity.images.size()) + " images";
  if (parity.images.empty()) return "there is no image to compare";
  std::string text;
  if (differing > 0) text = std::to_string(differing) + of + " failing or different";
  if (unknown > 0) {
    text += (text.empty() ? "" : ", ") + std::to_string(unknown) + of + " not wholly compared";
  }
  return text.empty() ? "nothing differs" : text;
}

}  // namespace

std::string to_json(const Parity& parity) {
  json::Writer out(true);
  out.begin_object().member("apiVersion", "nodeproof.dev/v1").member("kind", "NodeComparison");
  out.member("verdict", to_string(verdict_of(parity))).member("message", closing(parity));
  out.member("notProven", std::vector<std::string>{std::string(kMemoryOrdering)});
  out.key("nodes").begin_array();
  for (const ParityNode& node : parity.nodes) write_node(out, node);
  out.end_array().key("images").begin_array();
  for (const ParityImage& image : parity.images) write_image(out, image);
  return out.end_array().end_object().str();
}

std::string to_table(const Parity& parity, const TableStyle& style) {
  std::string out;
  for (const ParityNode& node : parity.nodes) out += printable(node_words(node), kMaxText) + '\n';
  out += '\n';
  for (const ParityImage& image : parity.images) image_lines(out, image, style);
  out += '\n' + wrapped(kNotProven, 0, style.width) + '\n';
  const Verdict verdict = colour_of(verdict_of(parity));
  out += paint(mark_of(verdict, style), ink_of(verdict), style) + ' ' + closing(parity) + '\n';
  return out;
}

}  // namespace nodeproof::report
