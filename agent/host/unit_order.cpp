// containerd waits for nodeproof, which asks containerd: neither ever comes up.
#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>

#include "agent/codes.hpp"
#include "agent/host/doctor.hpp"
#include "agent/host/text_files.hpp"
#include "agent/host/unit_files.hpp"

namespace nodeproof::host {
namespace {

// The units that start a containerd; in all but the first it is inside.
constexpr std::array<std::string_view, 8> kCarriers{
    "containerd.service",    "k3s.service",        "k3s-agent.service",
    "rke2-server.service",   "rke2-agent.service", "snap.microk8s.daemon-containerd.service",
    "k0scontroller.service", "k0sworker.service"};
constexpr std::array<std::string_view, 3> kGoals{"nodeproof-ready.target",
                                                 "nodeproof-wait-ready.service", "nodeproof wait"};
constexpr std::string_view kFlag = "/run/nodeproof/ready";

struct Edge {
  std::string to;   // a unit, or "nodeproof wait"
  std::string why;  // "k3s.service: After=x (FILE)"
};
using Graph = std::map<std::string, std::vector<Edge>>;  // unit -> what it starts after

bool has(const std::vector<UnitSetting>& settings, std::string_view key, std::string_view value) {
  return std::ranges::any_of(
      settings, [&](const UnitSetting& s) { return s.key == key && s.value == value; });
}

// A target starts after what it wants and requires, by default (systemd.target(5)).
bool orders(const UnitSetting& setting, bool is_target) {
  constexpr std::array<std::string_view, 4> kAsks{"Wants", "Requires", "BindsTo", "Requisite"};
  return setting.key == "After" ||
         (is_target && std::ranges::find(kAsks, setting.key) != kAsks.end());
}

// A command that comes before the unit counts as started, and never ends without readiness.
bool waits_itself(const UnitSetting& setting, bool oneshot) {
  const bool before = setting.key == "ExecStartPre" || setting.key == "ExecCondition" ||
                      (oneshot && setting.key == "ExecStart");
  return before && setting.value.contains("nodeproof wait") && !setting.value.contains("--timeout");
}

// A condition on what is not a carrier only leaves that unit out.
bool is_never_started(const UnitSetting& setting, std::string_view unit) {
  return (setting.key == "ConditionPathExists" || setting.key == "AssertPathExists") &&
         setting.value == kFlag && std::ranges::find(kCarriers, unit) != kCarriers.end();
}

// The edges of one setting: Before= is another unit's After=.
void add_edges(const std::string& unit, const UnitSetting& setting, const std::string& why,
               Graph& graph) {
  for (const std::string_view word : words_of(setting.value)) {
    const std::string other(word);
    if (setting.key == "Before") {
      graph[other].push_back({unit, why});
    } else {
      graph[unit].push_back({other, why});
    }
  }
}

void add_unit(const std::string& unit, const std::vector<UnitSetting>& settings, Graph& graph) {
  const bool is_target = unit.ends_with(".target") && !has(settings, "DefaultDependencies", "no");
  const bool oneshot = has(settings, "Type", "oneshot");
  for (const UnitSetting& s : settings) {
    const std::string why = unit + ": " + s.key + "=" + s.value + " (" + s.file + ")";
    if (waits_itself(s, oneshot) || is_never_started(s, unit)) {
      graph[unit].push_back({std::string(kGoals.back()), why});
    }
    if (s.key == "Before" || orders(s, is_target)) add_edges(unit, s, why, graph);
  }
}

Graph order_of(const UnitFiles& units) {
  Graph graph;
  for (const auto& [unit, settings] : units) add_unit(unit, settings, graph);
  return graph;
}

struct Wait {
  std::string goal;
  std::string chain;  // the settings that lead there
};

// The shortest way.
std::optional<Wait> wait_of(const Graph& graph, const std::string& carrier) {
  std::map<std::string, std::string> chains{{carrier, ""}};
  std::deque<std::string> open{carrier};
  for (; !open.empty(); open.pop_front()) {
    const std::string unit = open.front();
    if (std::ranges::find(kGoals, unit) != kGoals.end()) return Wait{unit, chains[unit]};
    const auto edges = graph.find(unit);
    if (edges == graph.end()) continue;
    for (const Edge& edge : edges->second) {
      const std::string chain = chains[unit] + (chains[unit].empty() ? "" : "; ") + edge.why;
      if (chains.try_emplace(edge.to, chain).second) open.push_back(edge.to);
    }
  }
  return {};
}

Finding waits_for_ready(const std::string& carrier, const Wait& wait) {
  const bool inside = carrier != kCarriers.front();
  return {std::string(code::kContainerdWaitsForReady),
          Severity::warn,
          carrier,
          "",
          carrier + (inside ? ", which carries containerd inside," : "") + " waits for " +
              (wait.goal == kGoals.back() ? "nodeproof's readiness" : wait.goal) +
              ", and nodeproof for that containerd: once both are to be started, neither comes up",
          wait.chain,
          "take this ordering away and run systemctl daemon-reload; what must not start on an "
          "unproven node are the workload's own units" +
              std::string(inside ? ", and for pods the gate is a taint" : "")};
}

}  // namespace

Findings containerd_ordering(const std::filesystem::path& root) {
  const UnitFiles units = read_unit_files(root);
  const Graph graph = order_of(units);
  Findings findings;
  for (const std::string_view name : kCarriers) {
    const std::string carrier(name);
    if (!units.contains(carrier)) continue;
    if (const auto wait = wait_of(graph, carrier)) {
      findings.push_back(waits_for_ready(carrier, *wait));
    }
  }
  return findings;
}

}  // namespace nodeproof::host
