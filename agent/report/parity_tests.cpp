#include <algorithm>
#include <map>
#include <utility>

#include "agent/report/parity_groups.hpp"
#include "common/words.hpp"

namespace nodeproof::report {
namespace {

constexpr const char* kRunBoth =
    "run the test in the image on both and compare what it writes; where it has to differ, take "
    "that out of the test";

struct Ran {
  std::size_t node;
  const SmokeResult& result;
};

using Nodes = std::vector<std::size_t>;

std::string how_it_ended(const SmokeResult& result) {
  std::string text =
      result.signal.empty() ? "exit " + std::to_string(result.exit) : excerpt(result.signal, 32);
  if (!result.reason.empty()) text += ", " + excerpt(result.reason);
  return text;
}

// Of files and services nothing is kept: to pass is their result, and a signal ends a service. Of a
// command that writes too much only the digest of the bytes as written is.
bool is_command(const SmokeResult& result) {
  return result.signal.empty() &&
         !(result.stdout_sha256.empty() && result.normalised_sha256.empty());
}

bool alike(const std::vector<Seen>& seen) {
  return std::ranges::adjacent_find(seen, std::ranges::not_equal_to(), &Seen::value) == seen.end();
}

// One test on its way through the comparison.
class TestComparison {
 public:
  TestComparison(const std::vector<ParityNode>& all, std::span<const Held> held,
                 const ParityTest& test, ParityImage& image)
      : all_(all), test_(test), image_(image) {
    for (std::size_t i = 0; i < held.size(); ++i) {
      const auto& result = test.results[i];
      if (held[i].image->smoke.empty()) {
        silent_ = true;
      } else if (!result) {
        missing_.push_back(held[i].node);
      } else if (result->result == SmokeOutcome::skipped) {
        skipped_.push_back({held[i].node, *result});
      } else {
        ran_.push_back({held[i].node, *result});
      }
    }
  }

  void run() {
    const std::size_t before = image_.observations.size();
    note_absent();
    if (!differently_declared()) {
      note_failures();
      note_outputs();
    }
    if (image_.observations.size() == before && !silent_) ++image_.agreeing;
  }

 private:
  void note(Standing standing, std::string message, std::span<const std::size_t> nodes) {
    Observation& made = image_.observations.emplace_back();
    made.standing = standing;
    made.subject = test_.name;
    made.message = std::move(message);
    made.nodes = names_of(all_, nodes);
  }

  void note_absent() {
    if (!missing_.empty()) {
      note(Standing::not_compared,
           "is not in the report of " + joined(names_of(all_, missing_)) + ": not compared there",
           missing_);
    }
    std::map<std::string, Nodes> by_reason;
    for (const Ran& each : skipped_) by_reason[each.result.reason].push_back(each.node);
    for (const auto& [reason, nodes] : by_reason) {
      note(Standing::not_compared,
           "was skipped on " + joined(names_of(all_, nodes)) +
               (reason.empty() ? "" : " (" + excerpt(reason) + ")") + ": not compared there",
           nodes);
    }
    if (ran_.size() == 1 && missing_.empty() && skipped_.empty() && !silent_) {
      note(Standing::not_compared, "ran on one node only: nothing to compare with",
           Nodes{ran_.front().node});
    }
  }

  // Under one name two tests.
  bool differently_declared() {
    std::map<std::string, Nodes> by_test;
    for (const Ran& each : ran_) {
      if (!each.result.test_sha256.empty()) by_test[each.result.test_sha256].push_back(each.node);
    }
    if (by_test.size() < 2) return false;
    std::vector<std::string> groups;
    groups.reserve(by_test.size());
    for (const auto& [digest, nodes] : by_test) groups.push_back(joined(names_of(all_, nodes)));
    Nodes nodes;
    nodes.reserve(ran_.size());
    for (const Ran& each : ran_) nodes.push_back(each.node);
    note(Standing::not_compared, "is not the same test everywhere: not compared", nodes);
    image_.observations.back().details = std::move(groups);
    image_.observations.back().remedy = "declare it alike on these nodes";
    return true;
  }

  void note_failures() {
    Nodes failed, passed;
    std::vector<Seen> seen;
    std::vector<std::string> details;
    for (const auto& [node, result] : ran_) {
      const bool has_failed = result.result == SmokeOutcome::failed;
      (has_failed ? failed : passed).push_back(node);
      seen.push_back({node, has_failed ? "failed" : "passed"});
      if (has_failed) details.push_back(all_[node].name + ": " + how_it_ended(result));
    }
    if (failed.empty()) return;
    if (passed.empty()) {
      note(Standing::differs, "fails on every node that ran it", failed);
    } else {
      const Separation separation = separate(all_, seen);
      note(Standing::differs, "fails " + separation.where(failed) + " only", failed);
      image_.observations.back().by = separation.by;
      details.push_back("passed on " + joined(names_of(all_, passed)));
    }
    image_.observations.back().details = std::move(details);
    image_.observations.back().remedy = "the finding of that node's report says what to do";
  }

  // Of those that passed.
  void note_outputs() {
    Nodes unknown;
    std::vector<Seen> seen, ends, bytes;
    for (const auto& [node, result] : ran_) {
      if (result.result == SmokeOutcome::failed) continue;
      if (is_command(result)) {
        ends.push_back({node, "exit " + std::to_string(result.exit)});
        bytes.push_back({node, result.stdout_sha256});
      }
      if (result.normalised_sha256.empty()) unknown.push_back(node);
      seen.push_back(
          {node, "exit " + std::to_string(result.exit) + ", output " +
                     (result.normalised_sha256.empty() ? "none"
                                                       : excerpt(result.normalised_sha256, 80))});
    }
    if (ends.empty() || seen.size() < 2) return;
    if (!alike(ends)) return note_groups(ends, "ends otherwise ");
    // What is written byte for byte alike is so normalised, too.
    const bool all_unknown = unknown.size() == seen.size();
    if (all_unknown && bytes.size() == seen.size() && alike(bytes)) return;
    if (!unknown.empty()) {
      note(Standing::not_compared,
           "has no digest of its output on " + joined(names_of(all_, unknown)) +
               ": not compared there",
           unknown);
      std::erase_if(seen, [&](const Seen& each) {
        return std::ranges::find(unknown, each.node) != unknown.end();
      });
    }
    note_groups(seen, "output differs ");
  }

  // The largest group is what the others differ from; among equals that of the first report.
  void note_groups(const std::vector<Seen>& seen, const std::string& how) {
    std::vector<std::pair<std::string, Nodes>> groups;
    for (const auto& [node, value] : seen) {
      auto found = std::ranges::find(groups, value, &std::pair<std::string, Nodes>::first);
      if (found == groups.end()) found = groups.insert(found, {value, {}});
      found->second.push_back(node);
    }
    if (groups.size() < 2) return;
    const auto base =
        std::ranges::max_element(groups, {}, [](const auto& group) { return group.second.size(); });
    Nodes others;
    std::vector<std::string> details;
    const Separation separation = separate(all_, seen);
    for (const auto& group : groups) {
      if (group.first != base->first) {
        others.insert(others.end(), group.second.begin(), group.second.end());
      }
      details.push_back(joined(names_of(all_, group.second)) + ": " + group.first);
    }
    note(Standing::differs, how + separation.where(others), others);
    image_.observations.back().by = separation.by;
    image_.observations.back().details = std::move(details);
    image_.observations.back().remedy = kRunBoth;
  }

  const std::vector<ParityNode>& all_;
  const ParityTest& test_;
  ParityImage& image_;
  Nodes missing_;
  std::vector<Ran> skipped_, ran_;
  bool silent_ = false;  // a node ran no test of the image at all, which is said once
};

void note_not_compared(std::string message, std::vector<std::string> nodes, ParityImage& image) {
  Observation& made = image.observations.emplace_back();
  made.standing = Standing::not_compared;
  made.message = std::move(message);
  made.nodes = std::move(nodes);
}

std::vector<std::string> test_names(std::span<const Held> held) {
  std::vector<std::string> names;
  for (const Held& each : held) {
    for (const SmokeResult& result : each.image->smoke) {
      if (std::ranges::find(names, result.name) == names.end()) names.push_back(result.name);
    }
  }
  return names;
}

ParityTest side_by_side(const std::string& name, std::span<const Held> held) {
  ParityTest test{name, {}};
  for (const Held& each : held) {
    const auto found = std::ranges::find(each.image->smoke, name, &SmokeResult::name);
    test.results.push_back(found == each.image->smoke.end() ? std::nullopt : std::optional(*found));
  }
  return test;
}

}  // namespace

void compare_tests(const std::vector<ParityNode>& all, std::span<const Held> held,
                   ParityImage& image) {
  for (const std::string& name : test_names(held)) image.tests.push_back(side_by_side(name, held));
  Nodes silent;
  for (const Held& each : held) {
    if (each.image->smoke.empty()) silent.push_back(each.node);
  }
  const std::vector<std::string> nodes = names_of(all, silent);
  if (image.tests.empty()) {
    note_not_compared("no test was run on " + joined(nodes) + ": nothing compared", nodes, image);
  } else if (!silent.empty()) {
    note_not_compared("no test was run on " + joined(nodes) + ": not compared there", nodes, image);
  }
  for (const ParityTest& test : image.tests) TestComparison(all, held, test, image).run();
}

}  // namespace nodeproof::report
