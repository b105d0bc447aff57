#include "agent/report/otlp.hpp"

#include <array>
#include <utility>

#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::report {
namespace {

using metrics::Family;
using metrics::Kind;
using metrics::Labels;
using metrics::Sample;

constexpr std::string_view kService = "nodeproof";
// Of the protocol's enum AggregationTemporality, which JSON carries as a number.
constexpr std::int64_t kCumulative = 2;

struct Times {
  std::string now;    // nanoseconds since 1970; the encoding wants 64-bit numbers as strings
  std::string since;  // when counters began; "" = not known
};

std::string nanoseconds(std::chrono::system_clock::time_point time) {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

void write_attribute(json::Writer& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;  // as in Prometheus, an empty value is none
  out.begin_object().member("key", key);
  out.key("value").begin_object().member("stringValue", value).end_object();
  out.end_object();
}

void write_point(json::Writer& out, const Sample& sample, const Times& times, Kind kind) {
  out.begin_object();
  if (!sample.labels.empty()) {
    out.key("attributes").begin_array();
    for (const auto& [name, value] : sample.labels) write_attribute(out, name, value);
    out.end_array();
  }
  if (kind == Kind::counter && !times.since.empty()) out.member("startTimeUnixNano", times.since);
  out.member("timeUnixNano", times.now);
  if (const auto* real = std::get_if<double>(&sample.value)) {
    out.member("asDouble", *real);
  } else {
    out.member("asInt", std::to_string(std::get<std::int64_t>(sample.value)));
  }
  out.end_object();
}

// The name without what a Prometheus adds to it again, and that as a unit of UCUM.
struct OtlpName {
  std::string name;
  std::string_view unit;
};

OtlpName otlp_name(const metrics::Meta& meta) {
  constexpr std::string_view kPrefix = "nodeproof_", kTotal = "_total";
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kUnits = {
      {{"_seconds", "s"}, {"_bytes", "By"}}};
  std::string_view rest = meta.name;
  if (rest.starts_with(kPrefix)) rest.remove_prefix(kPrefix.size());
  if (meta.kind == Kind::counter && rest.ends_with(kTotal)) rest.remove_suffix(kTotal.size());
  std::string_view unit;
  for (const auto& [suffix, word] : kUnits) {
    if (!rest.ends_with(suffix)) continue;
    rest.remove_suffix(suffix.size());
    unit = word;
    break;
  }
  return {"nodeproof." + std::string(rest), unit};
}

void write_metric(json::Writer& out, const Family& family, const Times& times) {
  const OtlpName named = otlp_name(family.meta);
  const bool sum = family.meta.kind == Kind::counter;
  out.begin_object().member("name", named.name).member("description", family.meta.help);
  if (!named.unit.empty()) out.member("unit", named.unit);
  out.key(sum ? "sum" : "gauge").begin_object();
  out.key("dataPoints").begin_array();
  for (const Sample& sample : family.samples) write_point(out, sample, times, family.meta.kind);
  out.end_array();
  if (sum) out.member("aggregationTemporality", kCumulative).member("isMonotonic", true);
  out.end_object().end_object();
}

// The words of OpenTelemetry's semantic conventions where they differ from Go's.
std::string_view otel_arch(std::string_view architecture) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kWords = {
      {{"arm", "arm32"}, {"386", "x86"}, {"ppc64le", "ppc64"}, {"mips64le", "mips64"}}};
  for (const auto& [ours, theirs] : kWords) {
    if (architecture == ours) return theirs;
  }
  return architecture;
}

void write_resource(json::Writer& out, const NodeReport& report) {
  const HostFacts& host = report.host;
  const std::string node = printable(report.node);
  out.begin_object().key("attributes").begin_array();
  write_attribute(out, "service.name", kService);
  write_attribute(out, "service.instance.id", node);
  write_attribute(out, "service.version", printable(report.agent_version));
  write_attribute(out, "host.name", host.name.empty() ? node : printable(host.name));
  write_attribute(out, "host.arch", otel_arch(printable(host.platform.architecture)));
  write_attribute(out, "os.type", "linux");
  if (host.kubelet) write_attribute(out, "k8s.node.name", node);
  out.end_array().end_object();
}

struct Node {
  const NodeReport& report;
  const metrics::Collection& samples;
};

void write_node(json::Writer& out, const Node& node, const Times& times) {
  out.begin_object().key("resource");
  write_resource(out, node.report);
  out.key("scopeMetrics").begin_array().begin_object();
  out.key("scope").begin_object().member("name", kService);
  out.member("version", printable(node.report.agent_version)).end_object();
  out.key("metrics").begin_array();
  for (const Family& family : node.samples.families()) write_metric(out, family, times);
  out.end_array().end_object().end_array().end_object();
}

Viewing without_identity(Viewing viewing) {
  viewing.identity.clear();
  return viewing;
}

}  // namespace

std::string to_otlp(const NodeReport& report, const AgentCounters& counters,
                    const Viewing& viewing) {
  metrics::Collection samples;
  add_metrics(samples, report, without_identity(viewing));
  add_metrics(samples, counters, without_identity(viewing));
  json::Writer out;
  out.begin_object().key("resourceMetrics").begin_array();
  write_node(out, {report, samples},
             {nanoseconds(viewing.now), counters.since ? nanoseconds(*counters.since) : ""});
  out.end_array().end_object();
  return out.str();
}

std::string to_otlp(std::span<const NodeReport> reports, const Viewing& viewing) {
  json::Writer out;
  out.begin_object().key("resourceMetrics").begin_array();
  for (const NodeReport& report : reports) {
    metrics::Collection samples;
    add_metrics(samples, report, without_identity(viewing));
    write_node(out, {report, samples}, {nanoseconds(viewing.now), ""});
  }
  out.end_array().end_object();
  return out.str();
}

}  // namespace nodeproof::report
