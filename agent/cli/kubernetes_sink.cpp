#include "agent/cli/kubernetes_sink.hpp"

#include "agent/kubernetes/publish.hpp"

namespace nodeproof::cli {
namespace {

kubernetes::Options options_of(const config::Config& config) {
  const config::KubernetesReport& settings = config.report.kubernetes;
  kubernetes::Options options;
  options.kubeconfig = settings.kubeconfig;
  options.node = settings.node;
  options.events = settings.events;
  options.labels = settings.labels;
  // It gates: the loader takes one with "enforce" alone.
  if (config.mode == config::Mode::enforce) options.taint = settings.taint;
  options.taint_kubeconfig = settings.taint_kubeconfig;
  options.heartbeat = settings.heartbeat;
  // Of a daemon that lives, which says this now: how often it checks makes nothing stale.
  options.stale_after = config.stale_after;
  options.around = kubernetes::Surroundings::of_this_process();
  return options;
}

// One error of them all, which is of the kind of the first.
Error joined(const std::vector<Error>& errors) {
  Error all = errors.front();
  for (auto other = errors.begin() + 1; other != errors.end(); ++other) {
    all.message += "; " + other->message;
    if (!all.remedy.contains(other->remedy)) all.remedy += "; " + other->remedy;
  }
  return all;
}

Result<> failed(const Error& error, report::SinkState& state) {
  ++state.counters.failures;
  state.problem = error.message;
  return std::unexpected(error);
}

}  // namespace

Result<> KubernetesSink::deliver(const report::Delivery& delivery, report::SinkState& state,
                                 const std::stop_token& stop) {
  const auto published = kubernetes::publish(delivery.report, options_of(config_),
                                             {http_, clock_, stop}, state.memory);
  if (!published) return failed(published.error(), state);
  state.memory = published->memory;
  state.retry_after = published->retry_after;
  if (!published->failed.empty()) return failed(joined(published->failed), state);
  ++state.counters.delivered;
  state.counters.last_success = delivery.now;
  return {};
}

}  // namespace nodeproof::cli
