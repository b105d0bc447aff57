#include <algorithm>

#include "agent/model_json.hpp"
#include "agent/report/fleet.hpp"
#include "agent/report/paint.hpp"
#include "common/clock.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kMaxText = 2000;   // bytes of one line's text
constexpr std::size_t kMaxNamed = 40;    // nodes that a table names of a group; JSON names all
constexpr std::size_t kMaxNames = 1900;  // bytes of them
constexpr std::size_t kIndent = 4;

std::string age_words(std::chrono::seconds age) {
  using std::chrono::days, std::chrono::hours, std::chrono::minutes, std::chrono::duration_cast;
  if (age >= days(2)) return std::to_string(duration_cast<days>(age).count()) + "d";
  if (age >= hours(2)) return std::to_string(duration_cast<hours>(age).count()) + "h";
  return std::to_string(duration_cast<minutes>(age).count()) + "m";
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  std::size_t named = 0;
  for (; named < std::min(names.size(), kMaxNamed); ++named) {
    if (named > 0 && text.size() + names[named].size() + 2 > kMaxNames) break;
    text += (named == 0 ? "" : ", ") + names[named];
  }
  if (named == names.size()) return text;
  return text + " and " + std::to_string(names.size() - named) + " more";
}

std::string closing(const Fleet& fleet) {
  std::string text = std::to_string(fleet.ready) + " of " +
                     std::to_string(fleet.nodes + fleet.missing.size()) + " nodes ready";
  const auto add = [&text](std::size_t count, std::string_view what) {
    if (count > 0) text += ", " + std::to_string(count) + " " + std::string(what);
  };
  add(fleet.not_ready, "not ready");
  add(fleet.unknown, "unknown");
  add(fleet.silent.size(), "silent");
  add(fleet.missing.size(), "never heard of");
  add(fleet.overridden.size(), "overridden");
  return text;
}

class Table {
 public:
  explicit Table(const TableStyle& style) : style_(style) {}

  void head(Severity severity, std::size_t count, const std::string& text) {
    out_ += paint(mark_of(severity, style_), ink_of(severity), style_) + ' ';
    out_ += paint(std::to_string(count), Ink::bold, style_) + ' ';
    out_ += wrapped(printable(text, kMaxText), kIndent, style_.width) + '\n';
  }
  void line(const std::string& text) {
    if (text.empty()) return;
    out_.append(kIndent, ' ').append(wrapped(printable(text, kMaxText), kIndent, style_.width));
    out_ += '\n';
  }
  void list(Severity severity, const std::vector<std::string>& names, const std::string& text) {
    if (names.empty()) return;
    head(severity, names.size(), text);
    line(listed(names));
  }
  std::string take() { return std::move(out_); }

 private:
  const TableStyle& style_;
  std::string out_;
};

// "PageSizeIncompatible  registry.lan/app:v2  Raspberry Pi 5 Model B (arm64): fails on arm64 only"
std::string title_of(const FleetGroup& group) {
  std::string text = group.code;
  if (!group.image.empty()) text += "  " + group.image;
  text += "  " + (group.board.empty() ? group.architecture
                                      : group.board + " (" + group.architecture + ")");
  return group.only.empty() ? text : text + ": fails on " + group.only + " only";
}

std::string words_of(const SilentNode& node, const FleetQuestion& question) {
  if (node.ahead) return node.name + " (says " + to_rfc3339(node.time) + ": a clock is wrong)";
  const auto age = std::chrono::floor<std::chrono::seconds>(question.now - node.time);
  return node.name + " (" + age_words(age) + ", was " + std::string(to_string(node.last)) + ")";
}

void write_group(json::Writer& out, const FleetGroup& group) {
  out.begin_object().member("code", group.code).member("severity", to_string(group.severity));
  out.member("image", group.image).member("board", group.board);
  out.member("architecture", group.architecture).member("failsOnlyOn", group.only);
  out.member("nodes", group.nodes).member("message", group.message);
  out.member("remedy", group.remedy).end_object();
}

}  // namespace

std::string to_table(const Fleet& fleet, const FleetQuestion& question, const TableStyle& style) {
  Table table(style);
  for (const FleetGroup& group : fleet.groups) {
    table.head(group.severity, group.nodes.size(), title_of(group));
    table.line(listed(group.nodes));
    table.line(group.message);
    table.line(group.remedy.empty() ? "" : "remedy: " + group.remedy);
  }
  std::vector<std::string> silent;
  silent.reserve(fleet.silent.size());
  for (const SilentNode& node : fleet.silent) silent.push_back(words_of(node, question));
  table.list(Severity::unknown, silent, "silent for more than " + age_words(question.silent_after));
  table.list(Severity::unknown, fleet.missing, "expected and never heard of");
  for (const TwiceNamed& twice : fleet.twice) {
    table.head(Severity::unknown, twice.files.size(),
               "reports of different boots call themselves " + twice.name +
                   ": only the newest is counted");
    table.line(listed(twice.files));
    table.line(
        "remedy: hosts that share a name (a copied SD card) need names of their own, or "
        "node.name in the configuration; if it is one host that has booted, remove the "
        "older report");
  }
  table.list(Severity::warn, fleet.overridden, "ready only by an operator's override");
  table.list(Severity::warn, fleet.unexpected, "have reported and are not expected");
  for (const Error& error : fleet.unreadable) {
    table.head(Severity::unknown, 1, "file that is no report");
    table.line(error.message);
  }
  const Verdict verdict = verdict_of(fleet);
  return table.take() + paint(mark_of(verdict, style), ink_of(verdict), style) + ' ' +
         closing(fleet) + '\n';
}

std::string to_json(const Fleet& fleet, const FleetQuestion& question) {
  json::Writer out(true);
  out.begin_object().member("apiVersion", "nodeproof.dev/v1").member("kind", "FleetReport");
  out.member("time", to_rfc3339(question.now)).member("verdict", to_string(verdict_of(fleet)));
  out.member("message", closing(fleet)).key("nodes").begin_object();
  out.member("reported", std::uint64_t{fleet.nodes}).member("ready", std::uint64_t{fleet.ready});
  out.member("notReady", std::uint64_t{fleet.not_ready});
  out.member("unknown", std::uint64_t{fleet.unknown});
  out.member("silent", std::uint64_t{fleet.silent.size()});
  out.member("missing", std::uint64_t{fleet.missing.size()}).end_object();
  out.key("groups").begin_array();
  for (const FleetGroup& group : fleet.groups) write_group(out, group);
  out.end_array().member("silentAfterSeconds", std::int64_t{question.silent_after.count()});
  out.key("silent").begin_array();
  for (const SilentNode& node : fleet.silent) {
    out.begin_object().member("node", node.name).member("file", node.file);
    out.member("time", to_rfc3339(node.time)).member("lastVerdict", to_string(node.last));
    out.member("clockAhead", node.ahead).end_object();
  }
  out.end_array().member("missing", fleet.missing).member("unexpected", fleet.unexpected);
  out.key("sameName").begin_array();
  for (const TwiceNamed& twice : fleet.twice) {
    out.begin_object().member("node", twice.name).member("files", twice.files).end_object();
  }
  out.end_array().member("overridden", fleet.overridden).key("unreadable").begin_array();
  for (const Error& error : fleet.unreadable) out.string(error.message);
  return out.end_array().end_object().str();
}

}  // namespace nodeproof::report
