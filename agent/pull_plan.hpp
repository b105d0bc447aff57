// The cycle's story up to the first byte of a layer: what would be fetched, when, and does it fit.
// Writes nothing.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/cycle.hpp"
#include "agent/prepull/forecast.hpp"

namespace nodeproof {

struct PlannedImage {
  std::string reference;
  bool required = true;
  std::string origin;  // who needs it; "" = the configuration
  std::string platform, index_digest, manifest_digest, choice;  // "" = not known
  prepull::Forecast forecast;
  // What is proven here stays, and nothing is fetched: the tag names another image, or cannot be
  // asked for.
  bool proven_stays = false;
  std::optional<std::chrono::sys_seconds> deferred_until;  // by the daemon
  std::string credentials;                                 // where they come from; "" = anonymous
  std::vector<std::string> tests;                          // none = the loader's dry run
  std::vector<Finding> findings;  // why it cannot be pulled, or why that is not known
};

struct PullReport {
  std::string node;
  std::chrono::system_clock::time_point time;
  Verdict verdict = Verdict::ready;  // of the required ones: all can be pulled
  std::vector<Finding> findings;     // about the host
  std::vector<PlannedImage> images;
  std::uint64_t fetch = 0;      // bytes in all
  std::uint64_t bandwidth = 0;  // the cap; 0 = none
  std::vector<prepull::PlaceForecast> places;
};

// Who would be asked for a login; starts no program, tells no secret.
using DescribeLogin = std::function<Result<std::string>(const Reference& image)>;

// Asks registries for documents, and containerd what is there.
[[nodiscard]] PullReport plan_pull(const CycleConfig& config, Ports& ports,
                                   const DescribeLogin& login, const std::stop_token& stop);

}  // namespace nodeproof
