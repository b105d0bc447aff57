#include "agent/report/fleet.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "agent/report/verdict.hpp"
#include "common/words.hpp"

namespace nodeproof::report {
namespace {

using Time = std::chrono::system_clock::time_point;

// A clock may be a little ahead of ours.
constexpr std::chrono::minutes kAhead{10};

// "Raspberry Pi 5 Model B Rev 1.0": boards differ by revision, and images do not care.
std::string kind_of(const std::string& board) { return board.substr(0, board.find(" Rev ")); }

const Finding* worst_of(const std::vector<Finding>& findings) {
  const std::string code = worst_code(findings);
  const auto found = std::ranges::find_if(findings, [&](const Finding& finding) {
    return finding.code == code && finding.severity >= Severity::unknown;
  });
  return found == findings.end() ? nullptr : &*found;
}

// Who has it ready, by architecture.
using ReadyOn = std::map<std::string, std::set<std::string>>;

class Census {
 public:
  void add(const NodeReport& report) {
    bool said = false;
    for (const ImageReport& image : report.images) {
      if (!image.required) continue;
      if (image.verdict == Verdict::ready) {
        ready_on_[image.reference].insert(report.host.platform.architecture);
        continue;
      }
      said = true;
      const Finding* cause = worst_of(image.findings);
      note(report, image.reference, cause == nullptr ? without_cause(image.verdict) : *cause);
    }
    // The host's own faults, each; a node without any cause still has its reason.
    for (const Finding& finding : report.findings) {
      if (finding.severity < Severity::unknown) continue;
      said = true;
      note(report, "", finding);
    }
    if (said) return;
    Finding finding = without_cause(report.verdict);
    finding.code = report.reason;
    finding.message = report.message;
    note(report, "", finding);
  }

  void add_ready(const NodeReport& report) {
    for (const ImageReport& image : report.images) {
      if (image.verdict == Verdict::ready) {
        ready_on_[image.reference].insert(report.host.platform.architecture);
      }
    }
  }

  std::vector<FleetGroup> groups() {
    std::vector<FleetGroup> all;
    all.reserve(groups_.size());
    for (auto& [key, group] : groups_) {
      std::ranges::sort(group.nodes);
      group.only = only_on(group);
      all.push_back(std::move(group));
    }
    std::ranges::sort(all, [](const FleetGroup& a, const FleetGroup& b) {
      if (a.severity != b.severity) return a.severity > b.severity;
      if (a.nodes.size() != b.nodes.size()) return a.nodes.size() > b.nodes.size();
      return std::tie(a.code, a.image, a.board, a.architecture) <
             std::tie(b.code, b.image, b.board, b.architecture);
    });
    return all;
  }

 private:
  static Finding without_cause(Verdict verdict) {
    Finding finding;
    finding.code = "NoCause";
    finding.severity = verdict == Verdict::not_ready ? Severity::fail : Severity::unknown;
    finding.message = "the report names no cause";
    return finding;
  }

  void note(const NodeReport& report, const std::string& image, const Finding& finding) {
    const std::string board = kind_of(report.host.board);
    const std::string& architecture = report.host.platform.architecture;
    FleetGroup& group = groups_[{finding.code, finding.severity, image, board, architecture}];
    if (group.nodes.empty()) {
      group = {finding.code, finding.severity, image,          board, architecture,
               {},           finding.message,  finding.remedy, ""};
    }
    if (group.nodes.empty() || group.nodes.back() != report.node) {
      group.nodes.push_back(report.node);
    }
    if (!image.empty() && finding.severity == Severity::fail) {
      failing_on_[image].insert(architecture);
    }
  }

  [[nodiscard]] std::string only_on(const FleetGroup& group) const {
    if (group.severity != Severity::fail) return "";
    const auto failing = failing_on_.find(group.image);
    const auto ready = ready_on_.find(group.image);
    if (failing == failing_on_.end() || failing->second.size() != 1) return "";
    const std::string& here = *failing->second.begin();
    const bool elsewhere = ready != ready_on_.end() && !ready->second.contains(here);
    return elsewhere ? here : "";
  }

  using Key = std::tuple<std::string, Severity, std::string, std::string, std::string>;
  std::map<Key, FleetGroup> groups_;
  ReadyOn ready_on_, failing_on_;
};

bool counts_before(const Collected& a, const Collected& b) {
  if (a.attested != b.attested) return a.attested;
  if (a.attested && a.report.sequence != b.report.sequence) {
    return b.report.sequence < a.report.sequence;
  }
  return std::tie(b.report.time, a.file) < std::tie(a.report.time, b.file);
}

// The one that counts first.
std::map<std::string, std::vector<Collected>> by_name(std::vector<Collected> reports) {
  std::map<std::string, std::vector<Collected>> all;
  for (Collected& one : reports) all[one.report.node].push_back(std::move(one));
  for (auto& [name, of_one] : all) {
    std::ranges::sort(of_one, counts_before);
  }
  return all;
}

// Anybody can write one.
void leave_out_unsigned(std::vector<Collected>& reports, std::vector<Error>& told) {
  if (!reports.front().attested) return;
  std::erase_if(reports, [&told](const Collected& one) {
    if (one.attested) return false;
    told.push_back({Errc::corrupt,
                    one.file + ": left out: it is not signed, and there is a signed report of " +
                        excerpt(one.report.node, 64),
                    ""});
    return true;
  });
}

// A report of another boot that is not old, or of a time when the newest one's boot had said
// something already. A node that has booted in between looks like this, too, if its older report
// was kept: nothing in the reports tells the two apart, so it is asked about.
std::optional<TwiceNamed> twice_named(const std::vector<Collected>& reports,
                                      const FleetQuestion& question) {
  const NodeReport& newest = reports.front().report;
  TwiceNamed twice{newest.node, {reports.front().file}};
  for (const Collected& other : reports) {
    if (other.report.host.boot_id == newest.host.boot_id) continue;
    const bool recent = question.now - other.report.time <= question.silent_after;
    if (recent || other.report.time >= newest.since) twice.files.push_back(other.file);
  }
  return twice.files.size() > 1 ? std::optional(std::move(twice)) : std::nullopt;
}

}  // namespace

Fleet survey(std::vector<Collected> reports, const FleetQuestion& question) {
  Fleet fleet;
  Census census;
  auto nodes = by_name(std::move(reports));
  fleet.nodes = nodes.size();
  for (auto& [name, of_one] : nodes) {
    leave_out_unsigned(of_one, fleet.unreadable);
    const NodeReport& report = of_one.front().report;
    if (question.expected && !question.expected->contains(name)) {
      fleet.unexpected.push_back(name);
      --fleet.nodes;
      continue;
    }
    if (auto twice = twice_named(of_one, question)) fleet.twice.push_back(*std::move(twice));
    const bool ahead = report.time > question.now + kAhead;
    if (ahead || question.now - report.time > question.silent_after) {
      fleet.silent.push_back({name, of_one.front().file, report.time, report.verdict, ahead});
      continue;
    }
    fleet.ready += report.verdict == Verdict::ready ? 1 : 0;
    fleet.not_ready += report.verdict == Verdict::not_ready ? 1 : 0;
    fleet.unknown += report.verdict == Verdict::unknown ? 1 : 0;
    if (report.overridden && report.verdict != Verdict::ready) fleet.overridden.push_back(name);
    report.verdict == Verdict::ready ? census.add_ready(report) : census.add(report);
  }
  fleet.groups = census.groups();
  std::ranges::sort(fleet.silent, [](const SilentNode& a, const SilentNode& b) {
    return std::tie(a.time, a.name) < std::tie(b.time, b.name);
  });
  for (const std::string& name : question.expected.value_or(std::set<std::string>())) {
    if (!nodes.contains(name)) fleet.missing.push_back(name);
  }
  return fleet;
}

Verdict verdict_of(const Fleet& fleet) {
  if (fleet.not_ready > 0) return Verdict::not_ready;
  const bool known = fleet.unknown == 0 && fleet.silent.empty() && fleet.missing.empty() &&
                     fleet.twice.empty() && fleet.unreadable.empty() && fleet.nodes > 0;
  return known ? Verdict::ready : Verdict::unknown;
}

}  // namespace nodeproof::report
