#include "agent/pull_turn.hpp"

#include "common/file.hpp"

namespace nodeproof {

std::string fleet_name(const CycleConfig& config, const HostFacts& host) {
  const auto machine = read_file(config.host_root / "etc/machine-id");
  return (machine ? *machine : "") + '\0' + host.name + '\0' + config.settings.node.name;
}

PullTurn::PullTurn(const CycleConfig& config, const std::string& node, const Polls& polls,
                   const Clock& clock)
    : patient_(config.patient),
      rules_{.windows = config.settings.pull.windows,
             .share = share_of(config.settings.pull.start_jitter, node, "start_jitter"),
             .offset = config.utc_offset},
      polls_(polls),
      clock_(clock) {}

std::optional<Polls::Time> PullTurn::deferred_until(const Reference& tag) const {
  if (!patient_) return {};
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now());
  const Polls::Time begin = prepull::begin_of(rules_, polls_.wanted_since(tag).value_or(now), now);
  return begin > now ? std::optional(begin) : std::nullopt;
}

Error PullTurn::error_of(const Reference& tag, Polls::Time until) const {
  std::string windows;
  for (const TimeWindow& window : rules_.windows) {
    windows += (windows.empty() ? "" : "; ") + to_string(window);
  }
  const std::string why = windows.empty() ? "pull.start_jitter" : "pull.windows (" + windows + ")";
  return {Errc::deferred,
          tag.name() + " is fetched from " + to_local_rfc3339(until, rules_.offset) + " on: " + why,
          "to fetch it now: nodeproof check"};
}

}  // namespace nodeproof
