#include <algorithm>
#include <array>

#include "agent/cli/command.hpp"

namespace nodeproof::cli {

Result<> check_output(const std::string& output, const Documents& documents) {
  std::vector<std::string> offered = {"-o table", "-o json"};
  if (documents.html) offered.emplace_back("-o html");
  if (documents.junit) offered.emplace_back("-o junit");
  if (documents.sarif) offered.emplace_back("-o sarif");
  if (std::ranges::find(offered, "-o " + output) != offered.end()) return {};
  std::string choices = offered.front();
  for (std::size_t i = 1; i < offered.size(); ++i) {
    choices += (i + 1 == offered.size() ? " or " : ", ") + offered[i];
  }
  return fail(Errc::usage, "this command has no -o " + output, choices);
}

std::span<const Command> commands() {
  constexpr Documents kReports{.html = true, .junit = true, .sarif = true};
  static constexpr std::array kCommands = {
      Command{"bundle", "a file for whoever helps: what is known here, secrets taken out",
              declare_bundle},
      Command{"check", "prove the required images on this node, once", declare_check, false,
              kReports},
      Command{"compare", "the same images and tests of several nodes: what differs, and by what",
              declare_compare},
      Command{"config", "check a configuration file", declare_config},
      Command{"cycle-child", "one cycle for the daemon", declare_cycle_child, true},
      Command{"daemon", "prove them at start and at every interval, as a service", declare_daemon},
      Command{"describe", "the command table as a document", declare_describe, true},
      Command{"explain", "what a finding code means and what to do about it", declare_explain},
      Command{"fleet", "many nodes' reports: who is not ready, why, and who is silent",
              declare_fleet, false, Documents{.html = true}},
      Command{"golden", "record, sign and publish what tests gave on a reference node",
              declare_golden},
      Command{"host", "what this node is: processor, page size, containerd", declare_host},
      Command{"index", "merge platforms into a tag, back a tag up, restore it", declare_index},
      Command{"inspect", "is a tag whole: every manifest and layer of every platform",
              declare_inspect, false, Documents{.junit = true, .sarif = true}},
      Command{"look-child", "a glance at containerd for the daemon", declare_look_child, true},
      Command{"metrics", "reports as metrics for Prometheus, or with -o json for OpenTelemetry",
              declare_metrics},
      Command{"override", "count this node as ready for a while, whatever is proven: audited",
              declare_override},
      Command{"place", "copies this program to where containerd sees it", declare_place, true},
      Command{"plan", "what a check would fetch, and whether it fits; writes nothing",
              declare_plan},
      Command{"release",
              "give back all that nodeproof holds in containerd: pins, leases, leftovers",
              declare_release},
      Command{"repair", "fetch and unpack again what is damaged of an image on this node",
              declare_repair},
      Command{"report-child", "one report to one receiver, for the daemon", declare_report_child,
              true},
      Command{"resolve", "which variant of an image this node's containerd takes, and why",
              declare_resolve},
      Command{"scrub-child", "a slice of the scrub for the daemon", declare_scrub_child, true},
      Command{"status", "the running daemon's last report", declare_status, false, kReports},
      Command{"verify-image", "may this image be pulled? for containerd's image verifier",
              declare_verify_image},
      Command{"version", "version, commit, target and linked libraries", declare_version},
      Command{"wait", "wait until the running daemon says ready", declare_wait},
  };
  return kCommands;
}

}  // namespace nodeproof::cli
