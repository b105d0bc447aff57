#include "agent/cli/report_sinks.hpp"

#include <algorithm>

#include "agent/cli/kubernetes_sink.hpp"
#include "agent/report/metrics.hpp"
#include "agent/report/sink/file_sink.hpp"
#include "agent/report/sink/otlp_sink.hpp"
#include "agent/report/sink/webhook.hpp"
#include "common/crypto.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::chrono::hours kFileHeartbeat(1);

// A URL may hold a secret.
std::string digest_of(const std::string& receiver) { return hash_of(as_bytes(receiver)).str(); }

report::PostTarget target_of(const std::string& name, const config::Receiver& to) {
  report::PostTarget target;
  target.name = name;
  target.url = to.url;
  target.tls.ca_file = to.ca;
  target.tls.client_certificate = to.client_certificate;
  target.tls.client_key = to.client_key;
  target.token_file = to.token_file;
  target.proxy = to.proxy;
  return target;
}

std::unique_ptr<report::Sink> open_webhook(const config::Webhook& webhook, const SinkParts& parts) {
  report::WebhookSettings settings;
  settings.target = target_of("report.webhook", webhook.to);
  settings.spool = parts.state_dir / "spool" / "webhook";
  settings.cap.bytes = webhook.spool;
  return std::make_unique<report::WebhookSink>(parts.http, parts.clock, std::move(settings));
}

std::unique_ptr<report::Sink> open_file(const std::string& path) {
  return std::make_unique<report::FileSink>(
      path, [](const report::Delivery& delivery) { return delivery.document + "\n"; });
}

std::unique_ptr<report::Sink> open_textfile(const std::string& path,
                                            std::chrono::seconds stale_after) {
  return std::make_unique<report::FileSink>(path, [stale_after](const report::Delivery& delivery) {
    return report::to_prometheus(delivery.report, delivery.counters,
                                 {.now = delivery.now, .stale_after = stale_after});
  });
}

}  // namespace

std::chrono::seconds metrics_stale_after(const config::Config& config) {
  constexpr unsigned kChecks = 3;
  return std::max<std::chrono::seconds>(report::Viewing{}.stale_after,
                                        kChecks * config.check_every);
}

std::vector<report::SinkSetting> sink_settings(const config::Config& config) {
  const config::Reporting& report = config.report;
  std::vector<report::SinkSetting> settings;
  if (!report.file.empty()) settings.push_back({.name = "file", .heartbeat = kFileHeartbeat});
  if (!report.webhook.to.url.empty()) {
    settings.push_back({.name = "webhook", .heartbeat = report.webhook.heartbeat, .spools = true});
  }
  if (!report.otlp.to.url.empty()) {
    settings.push_back({.name = "otlp",
                        .receiver = digest_of(report.otlp.to.url),
                        .heartbeat = report.otlp.every});
  }
  if (report.kubernetes.condition) {
    const config::KubernetesReport& cluster = report.kubernetes;
    settings.push_back({.name = "kubernetes",
                        .receiver = digest_of(cluster.kubeconfig + "\n" + cluster.node),
                        .heartbeat = cluster.heartbeat});
  }
  // It shows when it was written, so that it is written for each report.
  if (!report.metrics.textfile.empty()) {
    settings.push_back(
        {.name = "textfile", .receiver = digest_of(report.metrics.textfile), .every_report = true});
  }
  return settings;
}

std::unique_ptr<report::Sink> open_sink(const std::string& name, const config::Config& config,
                                        const SinkParts& parts) {
  const auto settings = sink_settings(config);
  if (std::ranges::find(settings, name, &report::SinkSetting::name) == settings.end()) {
    return nullptr;
  }
  const std::chrono::seconds stale_after = metrics_stale_after(config);
  if (name == "otlp") {
    return std::make_unique<report::OtlpSink>(
        parts.http, target_of("report.otlp", config.report.otlp.to), stale_after);
  }
  if (name == "kubernetes") {
    return std::make_unique<KubernetesSink>(parts.http, parts.clock, config);
  }
  if (name == "textfile") return open_textfile(config.report.metrics.textfile, stale_after);
  if (name == "webhook") return open_webhook(config.report.webhook, parts);
  return open_file(config.report.file);
}

}  // namespace nodeproof::cli
