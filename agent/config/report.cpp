// Where reports go: the section "report".
#include <algorithm>
#include <array>
#include <cctype>

#include "agent/config/credential.hpp"
#include "agent/config/sections.hpp"
#include "common/amount.hpp"
#include "common/http_url.hpp"

namespace nodeproof::config {
namespace {

// It may hold a login, so it is not shown.
Result<> read_url(const Entry& entry, Receiver& into) {
  into.url = TRY(entry.text());
  if (into.url.empty()) return {};
  const auto url = parse_http_url(into.url);
  if (!url) return entry.error("it is no URL such as \"https://fleet.example.com/nodeproof\"");
  if (url->user_info) return entry.error("no login in the URL: use token_file or a certificate");
  return {};
}

Result<> read_proxy(const Entry& entry, Receiver& into) {
  into.proxy = TRY(entry.text());
  if (into.proxy.empty() || parse_http_url(into.proxy)) return {};
  return entry.error("it is no URL such as \"http://proxy.lan:3128\"");
}

Result<std::chrono::seconds> period(const Entry& entry) {
  const auto every = TRY(entry.duration());
  if (every < std::chrono::seconds(1)) return entry.error("at least \"1s\"");
  return std::chrono::duration_cast<std::chrono::seconds>(every);
}

template <class T, auto Read>
Result<> of_receiver(const Entry& entry, T& into) {
  return Read(entry, into.to);
}

// The keys that every receiver has, and the section's own behind them.
template <class T, class... Own>
constexpr auto with_receiver(Own... own) {
  return std::array{
      Field<T>{"url", of_receiver<T, read_url>},
      Field<T>{"plain_http", of_receiver<T, boolean<&Receiver::plain_http>>},
      Field<T>{"ca", of_receiver<T, secret<&Receiver::ca>>},
      Field<T>{"client_certificate", of_receiver<T, secret<&Receiver::client_certificate>>},
      Field<T>{"client_key", of_receiver<T, secret<&Receiver::client_key>>},
      Field<T>{"token_file", of_receiver<T, secret<&Receiver::token_file>>},
      Field<T>{"proxy", of_receiver<T, read_proxy>},
      own...};
}

Result<> read_spool(const Entry& entry, Webhook& into) {
  constexpr std::uint64_t kLeast = 64 * 1024;
  const std::string text = TRY(entry.text());
  const auto amount = parse_amount(text);
  if (!amount || amount->percent > 0 || amount->units < kLeast) {
    return entry.error("a size such as \"8MB\", at least \"64KiB\"");
  }
  into.spool = amount->units;
  return {};
}

constexpr auto kWebhook =
    with_receiver<Webhook>(Field<Webhook>{"heartbeat",
                                          [](const Entry& entry, Webhook& into) -> Result<> {
                                            into.heartbeat = TRY(period(entry));
                                            return {};
                                          }},
                           Field<Webhook>{"spool", read_spool});

constexpr auto kOtlp =
    with_receiver<Otlp>(Field<Otlp>{"every", [](const Entry& entry, Otlp& into) -> Result<> {
                                      into.every = TRY(period(entry));
                                      return {};
                                    }});

// Of this very machine by default: what is served there has no login.
Result<> read_listen(const Entry& entry, Metrics& into) {
  into.listen = TRY(entry.text());
  if (into.listen.empty()) return {};
  const auto url = parse_http_url("http://" + into.listen);
  const bool has_port = url && into.listen.ends_with(":" + std::to_string(url->port));
  if (url && has_port && url->target == "/" && !url->user_info &&
      kind_of_host(url->host) != HostKind::name && !url->host.ends_with("localhost")) {
    return {};
  }
  return entry.error("an address and a port such as \"127.0.0.1:9639\" or \"[::]:9639\"");
}

// Of other files node_exporter reads nothing.
Result<> read_textfile(const Entry& entry, Metrics& into) {
  into.textfile = TRY(entry.path());
  if (into.textfile.empty() || into.textfile.ends_with(".prom")) return {};
  return entry.error("the collector reads files called *.prom");
}

constexpr std::array kMetrics = {Field<Metrics>{"textfile", read_textfile},
                                 Field<Metrics>{"listen", read_listen}};

Result<> read_heartbeat(const Entry& entry, KubernetesReport& into) {
  constexpr std::chrono::seconds kLeast(30);  // each is a write to the cluster's etcd
  into.heartbeat = TRY(period(entry));
  if (into.heartbeat < kLeast) return entry.error("at least \"30s\"");
  return {};
}

// The key alone: the effect is whatever it has on the node.
Result<> read_taint(const Entry& entry, KubernetesReport& into) {
  into.taint = TRY(entry.text());
  const bool plain = std::ranges::all_of(into.taint, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
  });
  if (plain) return {};
  return entry.error("the key of a taint, such as \"readiness.k8s.io/nodeproof\", without effect");
}

constexpr std::array kKubernetes = {
    Field<KubernetesReport>{"condition", boolean<&KubernetesReport::condition>},
    Field<KubernetesReport>{"kubeconfig", secret<&KubernetesReport::kubeconfig>},
    Field<KubernetesReport>{"node", text<&KubernetesReport::node>},
    Field<KubernetesReport>{"heartbeat", read_heartbeat},
    Field<KubernetesReport>{"events", boolean<&KubernetesReport::events>},
    Field<KubernetesReport>{"labels", boolean<&KubernetesReport::labels>},
    Field<KubernetesReport>{"taint", read_taint},
    Field<KubernetesReport>{"taint_kubeconfig", secret<&KubernetesReport::taint_kubeconfig>}};

constexpr std::array kSigning = {Field<Reporting>{"key", secret<&Reporting::signing_key>}};

Result<> read_metrics(const Entry& entry, Reporting& into) {
  return read_fields<Metrics>(entry, kMetrics, into.metrics);
}

Result<> read_kubernetes(const Entry& entry, Reporting& into) {
  return read_fields<KubernetesReport>(entry, kKubernetes, into.kubernetes);
}

Result<> read_signing(const Entry& entry, Reporting& into) {
  return read_fields<Reporting>(entry, kSigning, into);
}

// After all keys of the object, in whatever order they came.
Result<> check_receiver(const Entry& entry, const Receiver& to) {
  if (to.client_certificate.empty() != to.client_key.empty()) {
    return entry.error("client_certificate and client_key belong together");
  }
  if (to.url.empty()) return {};
  const HttpUrl url = TRY(parse_http_url(to.url));
  const bool tls_asked = !to.ca.empty() || !to.client_certificate.empty();
  if (!url.tls && tls_asked) return entry.error("http:// and certificates exclude each other");
  if (url.tls || to.plain_http || kind_of_host(url.host) == HostKind::loopback) return {};
  return entry.error("reports go over https://; \"plain_http\": true allows http:// all the same");
}

Result<> read_webhook(const Entry& entry, Reporting& into) {
  TRY(read_fields<Webhook>(entry, kWebhook, into.webhook));
  return check_receiver(entry, into.webhook.to);
}

Result<> read_otlp(const Entry& entry, Reporting& into) {
  TRY(read_fields<Otlp>(entry, kOtlp, into.otlp));
  return check_receiver(entry, into.otlp.to);
}

constexpr std::array kReport = {Field<Reporting>{"file", path<&Reporting::file>},
                                Field<Reporting>{"webhook", read_webhook},
                                Field<Reporting>{"otlp", read_otlp},
                                Field<Reporting>{"metrics", read_metrics},
                                Field<Reporting>{"kubernetes", read_kubernetes},
                                Field<Reporting>{"signing", read_signing}};

}  // namespace

Result<> read_report(const Entry& entry, Config& into) {
  return read_fields<Reporting>(entry, kReport, into.report);
}

std::vector<std::string> supported_report_keys() {
  std::vector<std::string> keys;
  list_keys<Reporting>("report.", kReport, keys);
  list_keys<Webhook>("report.webhook.", kWebhook, keys);
  list_keys<Otlp>("report.otlp.", kOtlp, keys);
  list_keys<Metrics>("report.metrics.", kMetrics, keys);
  list_keys<KubernetesReport>("report.kubernetes.", kKubernetes, keys);
  list_keys<Reporting>("report.signing.", kSigning, keys);
  return keys;
}

}  // namespace nodeproof::config
