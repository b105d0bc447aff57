// Many nodes' reports at once: who is not ready and why, who is silent, who was never heard of.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "agent/report/table.hpp"

namespace nodeproof::report {

// A report as it was collected.
struct Collected {
  std::string file;
  NodeReport report;
  bool attested = false;  // signed by a key that is asked for
};

struct FleetQuestion {
  std::chrono::system_clock::time_point now;
  std::chrono::seconds silent_after{std::chrono::hours(2)};  // since the report's time
  std::optional<std::set<std::string>> expected = {};        // names of nodes; nothing = any
};

// What is wrong with nodes alike: one cause, one image, one kind of node.
struct FleetGroup {
  std::string code;
  Severity severity = Severity::fail;
  std::string image;  // reference; "" = the host itself
  std::string board, architecture;
  std::vector<std::string> nodes;
  std::string message, remedy;  // of the first of them
  std::string only;             // "arm64": it fails there, and other architectures have it ready
  friend bool operator==(const FleetGroup&, const FleetGroup&) = default;
};

struct SilentNode {
  std::string name, file;
  std::chrono::system_clock::time_point time;  // of its last report
  Verdict last = Verdict::unknown;
  bool ahead = false;  // the report is of a time that has not come: its clock or ours is wrong
  friend bool operator==(const SilentNode&, const SilentNode&) = default;
};

// Two hosts that call themselves alike, such as those of a copied SD card; or one that has booted
// and whose older report is still there.
struct TwiceNamed {
  std::string name;
  std::vector<std::string> files;
  friend bool operator==(const TwiceNamed&, const TwiceNamed&) = default;
};

struct Fleet {
  std::size_t nodes = 0;  // that have reported and are expected, each once
  std::size_t ready = 0, not_ready = 0, unknown = 0;  // of those that are not silent
  std::vector<FleetGroup> groups;                     // failures first, then by how many nodes
  std::vector<SilentNode> silent;                     // longest first
  std::vector<std::string> missing;                   // expected, and no report of them
  std::vector<std::string> unexpected;                // have reported, and count for nothing
  std::vector<TwiceNamed> twice;
  std::vector<std::string> overridden;  // ready by an operator's word alone
  std::vector<Error> unreadable;        // files that are no report
};

// The newest report of each node counts; an older one is history, or another host of that name.
// Beside a signed one no unsigned counts (it is told as unreadable), and of signed ones the highest
// sequence does: the times of others may be anything.
[[nodiscard]] Fleet survey(std::vector<Collected> reports, const FleetQuestion& question);

// unknown when something is not known of a node that is expected, or a file could not be read.
[[nodiscard]] Verdict verdict_of(const Fleet& fleet);

[[nodiscard]] std::string to_json(const Fleet& fleet, const FleetQuestion& question);
// Inert, as a report's table.
[[nodiscard]] std::string to_table(const Fleet& fleet, const FleetQuestion& question,
                                   const TableStyle& style = {});

}  // namespace nodeproof::report
