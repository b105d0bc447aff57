#include "agent/report/metrics.hpp"

#include <algorithm>
#include <map>

#include "agent/model_json.hpp"
#include "agent/report/metrics_sheet.hpp"
#include "common/reference.hpp"

namespace nodeproof::report {
namespace {

using metrics::Kind;
using metrics::Labels;
using metrics::Meta;

constexpr Meta kBuild = {"nodeproof_build_info", "The agent that made the report."};
constexpr Meta kNode = {"nodeproof_node_info",
                        "What the node is; a page_size is in bytes, and what is not known empty."};
constexpr Meta kLabels = {"nodeproof_node_labels", "The labels of the node's configuration."};
constexpr Meta kReady = {
    "nodeproof_ready", "1 if all that is required is proven, else 0; an override changes nothing."};
constexpr Meta kVerdict = {"nodeproof_verdict", "1 for the node's verdict, 0 for the other ones."};
constexpr Meta kSince = {"nodeproof_verdict_since_timestamp_seconds",
                         "When the verdict was first reached."};
constexpr Meta kTime = {"nodeproof_report_timestamp_seconds", "When the report was made."};
constexpr Meta kStaleAfter = {"nodeproof_report_stale_after_seconds",
                              "The age from which on the report says nothing any more."};
constexpr Meta kSequence = {"nodeproof_report_sequence",
                            "Number of the report; it begins again when the state is lost."};
constexpr Meta kOverride = {"nodeproof_override_until_timestamp_seconds",
                            "Until when an operator's word counts the node as ready."};
constexpr Meta kRateLimit = {"nodeproof_registry_rate_limit", "Requests that a registry allows."};
constexpr Meta kRateLeft = {"nodeproof_registry_rate_limit_remaining",
                            "Requests that a registry still allows, as it said last."};

constexpr Meta kLastSuccess = {"nodeproof_sink_last_success_timestamp_seconds",
                               "When a report was last delivered."};
constexpr Meta kFailures = {"nodeproof_sink_failures_total", "Attempts that delivered nothing.",
                            Kind::counter};
constexpr Meta kDelivered = {"nodeproof_sink_delivered_total", "Reports that were delivered.",
                             Kind::counter};
constexpr Meta kDropped = {"nodeproof_sink_dropped_total",
                           "Reports that were given up: the spool was full, or they were refused.",
                           Kind::counter};
constexpr Meta kSpoolBytes = {"nodeproof_sink_spool_bytes", "Size of what waits to be sent."};
constexpr Meta kSpoolEvents = {"nodeproof_sink_spool_events", "Reports that wait to be sent."};

constexpr Meta kVerified = {"nodeproof_image_verifier_total",
                            "Pulls that containerd asked about, by what it was told.",
                            Kind::counter};

// A clock may be a little ahead of ours.
constexpr std::chrono::minutes kAhead{10};

std::string text_of(std::uint64_t number) { return number == 0 ? "" : std::to_string(number); }

void put_node(Sheet& sheet, const NodeReport& report) {
  const HostFacts& host = report.host;
  sheet.put(kBuild, {{"version", report.agent_version}}, 1);
  sheet.put(kNode,
            {{"node", report.node},
             {"architecture", host.platform.architecture},
             {"variant", host.platform.variant},
             {"board", host.board},
             {"page_size", text_of(host.page_size)},
             {"kernel", host.kernel_release},
             {"userland_bits", text_of(host.userland_bits)},
             {"isa_level", host.isa_level},
             {"l4t", host.l4t},
             {"containerd", host.containerd ? host.containerd->version : ""}},
            1);
  if (report.labels.empty()) return;
  Labels labels;
  for (const auto& [name, value] : report.labels) {
    std::string key = "label_" + metrics::label_name(name);
    const bool is_new = std::ranges::find(labels, key, &metrics::Label::first) == labels.end();
    if (is_new) labels.emplace_back(std::move(key), value);
  }
  sheet.put(kLabels, std::move(labels), 1);
}

void put_verdict(Sheet& sheet, const NodeReport& report, const Viewing& viewing) {
  const bool stale = is_stale(report, viewing);
  const Verdict verdict = stale ? Verdict::unknown : report.verdict;
  sheet.put(kReady, {}, std::int64_t{verdict == Verdict::ready});
  for (const Verdict word : {Verdict::ready, Verdict::not_ready, Verdict::unknown}) {
    sheet.put(kVerdict, {{"verdict", std::string(to_string(word))}}, std::int64_t{word == verdict});
  }
  const bool own = !stale || report.verdict == Verdict::unknown;
  sheet.put_time(kSince, {},
                 own ? report.since : std::min(report.time + viewing.stale_after, viewing.now));
  sheet.put_time(kTime, {}, report.time);
  sheet.put(kStaleAfter, {}, std::int64_t{viewing.stale_after.count()});
  sheet.put(kSequence, {}, metrics::number(report.sequence));
  if (report.overridden) sheet.put_time(kOverride, {}, report.overridden->until);
}

// What a registry said last is told by each of its images; the least counts.
void put_rate_limits(Sheet& sheet, const NodeReport& report) {
  std::map<std::string, const RateLimit*> registries;
  for (const ImageReport& image : report.images) {
    const auto reference = Reference::parse(image.reference);
    if (!image.rate_limit || !reference) continue;
    const RateLimit*& least = registries[reference->domain()];
    const bool less = least == nullptr || image.rate_limit->remaining < least->remaining;
    if (less) least = &*image.rate_limit;
  }
  for (const auto& [registry, limit] : registries) {
    if (limit->limit) {
      sheet.put(kRateLimit, {{"registry", registry}}, metrics::number(*limit->limit));
    }
    if (limit->remaining) {
      sheet.put(kRateLeft, {{"registry", registry}}, metrics::number(*limit->remaining));
    }
  }
}

void put_sink(Sheet& sheet, const SinkCounters& sink) {
  const Labels labels = {{"sink", sink.sink}};
  if (sink.last_success) sheet.put_time(kLastSuccess, labels, *sink.last_success);
  sheet.put(kFailures, labels, metrics::number(sink.failures));
  sheet.put(kDelivered, labels, metrics::number(sink.delivered));
  sheet.put(kDropped, labels, metrics::number(sink.dropped));
  sheet.put(kSpoolBytes, labels, metrics::number(sink.spool_bytes));
  sheet.put(kSpoolEvents, labels, metrics::number(sink.spool_events));
}

void put_verifier(Sheet& sheet, const VerifierCounters& counters) {
  const auto put = [&sheet](const char* answer, std::uint64_t count) {
    sheet.put(kVerified, {{"answer", answer}}, metrics::number(count));
  };
  put("allowed", counters.allowed);
  put("denied", counters.denied);
  put("would-deny", counters.would_deny);
  put("undecided", counters.undecided);
}

}  // namespace

bool is_stale(const NodeReport& report, const Viewing& viewing) {
  return report.time > viewing.now + kAhead || viewing.now - report.time > viewing.stale_after;
}

void add_metrics(metrics::Collection& out, const NodeReport& report, const Viewing& viewing) {
  Sheet sheet(out, viewing.identity);
  const bool stale = is_stale(report, viewing);
  put_node(sheet, report);
  put_verdict(sheet, report, viewing);
  if (!stale) put_problems(sheet, report);
  put_images(sheet, report, stale);
  put_rate_limits(sheet, report);
}

void add_metrics(metrics::Collection& out, const AgentCounters& counters, const Viewing& viewing) {
  Sheet sheet(out, viewing.identity);
  for (const SinkCounters& sink : counters.sinks) put_sink(sheet, sink);
  if (counters.verifier) put_verifier(sheet, *counters.verifier);
}

std::string to_prometheus(const NodeReport& report, const AgentCounters& counters,
                          const Viewing& viewing) {
  metrics::Collection all;
  add_metrics(all, report, viewing);
  add_metrics(all, counters, viewing);
  return metrics::to_text(all);
}

}  // namespace nodeproof::report
