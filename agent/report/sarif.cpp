#include "agent/report/sarif.hpp"

#include <map>

#include "agent/model_json.hpp"
#include "agent/report/cause.hpp"
#include "agent/report/codes.hpp"
#include "common/crypto.hpp"
#include "common/http_url.hpp"
#include "common/json.hpp"
#include "common/text.hpp"
#include "common/version.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kMaxText = 4000;  // bytes of one text; code scanning cuts long ones, too

std::string_view level_of(Severity severity) {
  switch (severity) {
    case Severity::fail:
      return "error";
    case Severity::info:
      return "note";
    case Severity::warn:
    case Severity::unknown:
      break;
  }
  return "warning";
}

// Without tag and digest.
std::string repository_of(const std::string& image) {
  const auto reference = Reference::parse(image);
  return reference ? reference->repository() : image;
}

// RFC 3986: every segment encoded, so that neither a port nor "../" is more than a name. Nothing
// above the first is reached.
std::string uri_of(std::string_view path) {
  std::string uri;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (segment.empty() || segment == ".") continue;
    uri += (uri.empty() ? "" : "/") + (segment == ".." ? "%2E%2E" : percent_encode(segment));
  }
  return uri;
}

// The file in the image, or what else it is about.
std::string location_of(const SarifSubject& subject, const Finding& finding) {
  std::string place = subject.image.empty() ? "node/" + subject.node : repository_of(subject.image);
  if (!finding.subject.empty()) place += "/" + printable(finding.subject);
  const std::string uri = uri_of(place);
  return uri.empty() ? "node" : uri;
}

void add_sentence(std::string& text, std::string_view begin, std::string_view said) {
  if (said.empty()) return;
  if (!text.ends_with('.')) text += '.';
  text.append(" ").append(begin).append(printable(said, kMaxText));
}

std::string message_of(const SarifSubject& subject, const Finding& finding) {
  std::string text = finding.severity == Severity::unknown ? "not known: " : "";
  const std::string of = subject.image.empty() ? subject.node : subject.image;
  text += printable(of);
  if (!subject.platform.empty()) text += " (" + printable(subject.platform) + ")";
  text += ": " + printable(finding.message.empty() ? finding.code : finding.message, kMaxText);
  add_sentence(text, "Evidence: ", finding.evidence);
  add_sentence(text, "What to do: ", finding.remedy);
  return text;
}

// SARIF 2.1.0, sections 3.11.5 and 3.11.6: braces hold the places of arguments, and
// "[words](address)" is a link; what comes from an image is neither.
std::string plain(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    out += text[at];
    if (text[at] == '{' || text[at] == '}') out += text[at];
    if (text.substr(at).starts_with("](")) out += ' ';
  }
  return out;
}

void write_text(json::Writer& out, std::string_view key, std::string_view text) {
  out.key(key).begin_object().member("text", plain(text)).end_object();
}

// Each code once, in the order of its first finding.
class Rules {
 public:
  std::uint64_t index_of(const std::string& code) {
    const auto [at, added] = places_.try_emplace(code, codes_.size());
    if (added) codes_.push_back(code);
    return at->second;
  }

  void write(json::Writer& out) const {
    out.key("rules").begin_array();
    for (const std::string& code : codes_) write_rule(out, code);
    out.end_array();
  }

 private:
  static void write_rule(json::Writer& out, const std::string& code) {
    // A report of a newer program may hold codes that this one does not know.
    static constexpr CodeText kOther{.code = "",
                                     .title = "A finding that this program does not know",
                                     .cause = "The report was made by a newer one.",
                                     .detection = "",
                                     .remedy = "see its message",
                                     .example = "",
                                     .exact = false};
    const CodeText* known = find_code(code);
    const CodeText& text = known == nullptr ? kOther : *known;
    out.begin_object().member("id", printable(code)).member("name", printable(code));
    write_text(out, "shortDescription", text.title);
    write_text(out, "fullDescription", text.cause);
    std::string help = "Remedy: " + std::string(text.remedy);
    if (known != nullptr) {
      help +=
          "\nDetected: " + std::string(text.detection) + "\nExample: " + std::string(text.example);
    }
    write_text(out, "help", help);
    out.key("properties").begin_object();
    out.member("precision", text.exact ? "very-high" : "medium");
    out.member("tags", std::vector<std::string>{"container-image"}).end_object();
    out.end_object();
  }

  std::map<std::string, std::uint64_t> places_;
  std::vector<std::string> codes_;
};

// The same finding of the same file has the same one in each run; of several alike each has its
// number.
class Fingerprints {
 public:
  std::string of(const SarifSubject& subject, const Finding& finding) {
    std::string identity;
    for (const std::string& part : {finding.code, repository_of(subject.image), subject.platform,
                                    subject.image.empty() ? subject.node : "", finding.subject}) {
      identity += std::to_string(part.size()) + ":" + part;
    }
    const std::string hash = std::string(hash_of(as_bytes(identity)).hex().substr(0, 16));
    return hash + ":" + std::to_string(++seen_[hash]);
  }

 private:
  std::map<std::string, unsigned> seen_;
};

void write_name(json::Writer& out, std::string_view kind, const std::string& name) {
  if (name.empty()) return;
  out.begin_object().member("name", printable(name)).member("kind", kind).end_object();
}

void write_location(json::Writer& out, const SarifSubject& subject, const Finding& finding) {
  out.key("locations").begin_array().begin_object();
  out.key("physicalLocation").begin_object().key("artifactLocation").begin_object();
  out.member("uri", location_of(subject, finding)).end_object();
  // A file of an image has no lines; code scanning takes no result without one.
  out.key("region").begin_object();
  for (const std::string_view name : {"startLine", "startColumn", "endLine", "endColumn"}) {
    out.member(name, std::uint64_t{1});
  }
  out.end_object().end_object();
  out.key("logicalLocations").begin_array();
  write_name(out, "node", subject.node);
  write_name(out, "image", subject.image);
  write_name(out, "platform", subject.platform);
  write_name(out, "layer", finding.layer);
  out.end_array().end_object().end_array();
}

void write_properties(json::Writer& out, const SarifSubject& subject, const Finding& finding) {
  out.key("properties").begin_object().member("severity", to_string(finding.severity));
  const std::pair<std::string_view, const std::string&> facts[] = {
      {"node", subject.node},       {"image", subject.image},      {"platform", subject.platform},
      {"manifest", subject.digest}, {"subject", finding.subject},  {"layer", finding.layer},
      {"remedy", finding.remedy},   {"evidence", finding.evidence}};
  for (const auto& [name, value] : facts) {
    if (!value.empty()) out.member(name, printable(value, kMaxText));
  }
  if (finding.lowered) {
    out.member("loweredFrom", to_string(finding.lowered->from));
    out.member("loweredBecause", printable(finding.lowered->why, kMaxText));
  }
  out.end_object();
}

}  // namespace

std::string to_sarif(std::span<const SarifSubject> subjects) {
  Rules rules;
  Fingerprints fingerprints;
  json::Writer out(true);
  out.begin_object();
  out.member("$schema",
             "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
             "sarif-schema-2.1.0.json");
  out.member("version", "2.1.0").key("runs").begin_array().begin_object();
  out.member("columnKind", "unicodeCodePoints").key("results").begin_array();
  for (const SarifSubject& subject : subjects) {
    for (const Finding& finding : subject.findings) {
      out.begin_object().member("ruleId", printable(finding.code));
      out.member("ruleIndex", rules.index_of(finding.code));
      out.member("level", level_of(finding.severity));
      write_text(out, "message", message_of(subject, finding));
      write_location(out, subject, finding);
      out.key("partialFingerprints").begin_object();
      out.member("primaryLocationLineHash", fingerprints.of(subject, finding)).end_object();
      write_properties(out, subject, finding);
      out.end_object();
    }
  }
  out.end_array().key("tool").begin_object().key("driver").begin_object();
  out.member("name", "nodeproof").member("version", build_info().version);
  out.member("semanticVersion", build_info().version);
  rules.write(out);
  out.end_object().end_object().end_object().end_array().end_object();
  return out.str() + "\n";
}

std::string to_sarif(const NodeReport& report) {
  std::vector<SarifSubject> subjects;
  for (const ImageReport& image : report.images) {
    SarifSubject subject{image.reference, image.platform, image.manifest_digest, report.node,
                         image.findings};
    if (auto cause = unsaid_cause(image)) subject.findings.push_back(*std::move(cause));
    subjects.push_back(std::move(subject));
  }
  SarifSubject node{"", to_string(report.host.platform), "", report.node, report.findings};
  if (node.node.empty()) node.node = "this node";
  if (auto cause = unsaid_cause(report)) node.findings.push_back(*std::move(cause));
  subjects.push_back(std::move(node));
  return to_sarif(subjects);
}

}  // namespace nodeproof::report
