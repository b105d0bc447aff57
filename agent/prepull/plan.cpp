#include "agent/prepull/plan.hpp"

#include <algorithm>
#include <map>

namespace nodeproof::prepull {
namespace {

Need need_of(const LayerState& state) {
  if (state.unpacked) return Need::nothing;
  return state.stored ? Need::hold : Need::download;
}

}  // namespace

PullPlan plan(const std::vector<Descriptor>& layers, const std::vector<LayerState>& states) {
  PullPlan plan;
  std::map<Digest, std::size_t> seen;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const auto [known, is_new] = seen.try_emplace(layers[layer].digest, plan.jobs.size());
    if (is_new) plan.jobs.push_back({layer, Need::nothing});
    BlobJob& job = plan.jobs[known->second];
    job.need = std::max(job.need, need_of(states[layer]));
    plan.job_of.push_back(known->second);
    if (!states[layer].unpacked) plan.unpack.push_back(layer);
  }
  for (const BlobJob& job : plan.jobs) {
    if (job.need == Need::download) plan.download_bytes += layers[job.layer].size;
  }
  return plan;
}

}  // namespace nodeproof::prepull
