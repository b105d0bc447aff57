// The story of one image: which variant, fetch it, is it right, does it run - and what is known when a step fails.
#pragma once

#include <stop_token>

#include "agent/cycle.hpp"
#include "agent/inspect/inventory_cache.hpp"
#include "agent/model.hpp"
#include "agent/resolve/ledger.hpp"

namespace nodeproof {

class ImageCycle {
 public:
  ImageCycle(const CycleConfig& config, const HostFacts& host, Ports& ports);

  // Never fails; a stop leaves the image unknown.
  ImageReport run(const RequiredImage& image, std::stop_token stop);

 private:
  struct Job;
  enum class Publish { no, when_ready };

  ImageReport judge(Job& job, std::stop_token stop);
  ImageReport judge_moved(Job& job, const ResolvedImage& latest, const ResolvedImage& proven);
  ImageReport prove(Job& job, const ResolvedImage& resolved, Publish publish);
  void pull_and_inspect(Job& job, const ResolvedImage& resolved, ImageReport& report);
  void conclude(Job& job, const ResolvedImage& resolved, ImageReport& report, Publish publish);

  const CycleConfig& config_;
  const HostFacts& host_;
  Ports& ports_;
  inspect::InventoryCache inventories_;
  resolve::Ledger ledger_;
};

}  // namespace nodeproof
