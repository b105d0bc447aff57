// `inspect --host`: what each host would take of a tag, and whether that is right for it.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/config/config.hpp"
#include "agent/index/validate.hpp"
#include "agent/inspect/inventory_cache.hpp"
#include "agent/report/leniency.hpp"
#include "agent/resolve/tree.hpp"

namespace nodeproof::cli {

struct NamedHost {
  std::string name;  // as in its facts, with the file's where two have the same
  HostFacts facts;
};

// From documents of `nodeproof host -o json`. Errc::usage names the file.
Result<std::vector<NamedHost>> hosts_in(const std::vector<std::string>& files,
                                        const config::Config& config, const std::stop_token& stop);

// For one tag. Everything given outlives it.
class HostCheck {
 public:
  struct Question {
    const Reference& reference;
    const std::vector<NamedHost>& hosts;
    const report::Leniency& leniency;
  };
  HostCheck(Registry& registry, const Question& question, std::stop_token stop);

  // validate() then reads the layers that the hosts would take.
  void join(index::ValidateOptions& options);
  // Adds a report per host, in their order. The inventories are of what validate() has read.
  void conclude(index::IndexReport& report, const inspect::InventoryCache& inventories) const;

 private:
  struct Taken {
    std::string digest;  // "" = nothing, or not known
    Result<ResolvedImage> image;
  };
  [[nodiscard]] Taken taken_by(const HostFacts& facts, const Reference& top);
  [[nodiscard]] std::string entry_for(const HostFacts& facts, const Reference& top);

  resolve::RememberingRegistry registry_;
  Question question_;
  std::stop_token stop_;
  std::vector<Taken> taken_;  // by host
};

}  // namespace nodeproof::cli
