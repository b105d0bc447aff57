#include "agent/config/config.hpp"
#include "agent/smoke_json.hpp"
#include "common/clock.hpp"
#include "common/crypto.hpp"
#include "common/json.hpp"

namespace nodeproof::config {
namespace {

using std::uint64_t;

void write_texts(json::Writer& writer, std::string_view key,
                 const std::map<std::string, std::string>& texts) {
  writer.key(key).begin_object();
  for (const auto& [name, value] : texts) writer.member(name, value);
  writer.end_object();
}

void write_registry(json::Writer& writer, const Registry& registry) {
  writer.begin_object().member("plain_http", registry.plain_http).member("ca", registry.ca);
  writer.member("client_certificate", registry.client_certificate);
  writer.member("client_key", registry.client_key).member("username", registry.username);
  writer.member("password_file", registry.password_file).member("mirrors", registry.mirrors);
  writer.member("proxy", hash_of(as_bytes(registry.proxy)).str()).end_object();
}

void write_sources(json::Writer& writer, const RegistrySources& sources) {
  writer.begin_object().member("hosts_dir", sources.hosts_dir);
  writer.member("k3s_registries", sources.k3s_registries);
  writer.member("docker_config", sources.docker_config);
  writer.member("credential_provider_config", sources.credential_provider_config);
  writer.member("credential_provider_bin_dir", sources.credential_provider_bin_dir).end_object();
}

void write_image(json::Writer& writer, const RequiredImage& image) {
  writer.begin_object().member("reference", image.reference).member("required", image.required);
  writer.member("architecture", image.when.architecture).member("board", image.when.board);
  writer.member("page_size", uint64_t{image.when.page_size});
  writer.member("emulation", static_cast<uint64_t>(image.emulation));
  writer.member("on_tag_moved", static_cast<uint64_t>(image.on_tag_moved));
  writer.key("smoke").begin_array();
  for (const SmokeTest& test : image.smoke) write_smoke_test(writer, test);
  writer.end_array().member("healthcheck", image.healthcheck);
  writer.member("structure_tests", image.structure_tests);
  write_sandbox(writer.key("sandbox"), image.sandbox);
  writer.member("golden", image.golden.report).member("keys", image.golden.keys).end_object();
}

void write_images_from(json::Writer& writer, const ImagesFrom& from) {
  writer.begin_object().member("static_pods", from.static_pods);
  writer.member("directories", from.directories).member("pods", from.pods);
  writer.member("daemonsets", from.daemonsets).member("kubeconfig", from.kubeconfig).end_object();
}

void write_acceptance(json::Writer& writer, const Acceptance& accepted) {
  writer.begin_object().member("code", accepted.code).member("image", accepted.image);
  writer.member("subject", accepted.subject).member("until", to_rfc3339(accepted.until));
  writer.member("why", accepted.why).end_object();
}

}  // namespace

std::string config_digest(const Config& config) {
  json::Writer writer;
  writer.begin_object();
  writer.member("node", config.node.name);
  write_texts(writer, "labels", config.node.labels);
  writer.member("kernel", config.host.kernel.require);
  writer.member("address", config.containerd.address);
  writer.member("namespace", config.containerd.namespace_);
  writer.member("snapshotter", config.containerd.snapshotter);
  writer.key("registries").begin_object();
  for (const auto& [host, registry] : config.registries) {
    write_registry(writer.key(host), registry);
  }
  writer.end_object();
  write_sources(writer.key("registry_sources"), config.registry_sources);
  writer.member("sources", config.sources).key("images").begin_array();
  for (const RequiredImage& image : config.images) write_image(writer, image);
  writer.end_array().member("parallel", uint64_t{config.pull.parallel});
  writer.member("bandwidth", config.pull.bandwidth);
  if (config.pull.keep_free) {
    writer.member("keep_free", config.pull.keep_free->units);
    writer.member("keep_free_percent", config.pull.keep_free->percent);
  }
  writer.key("windows").begin_array();
  for (const TimeWindow& window : config.pull.windows) {
    writer.string(to_string(window));
  }
  writer.end_array().member("start_jitter", std::int64_t{config.pull.start_jitter.count()});
  writer.member("check_every", std::int64_t{config.check_every.count()});
  writer.member("resolve_every", std::int64_t{config.resolve_every.count()});
  // Keys of a later version: where they are not used the digest is as it was before an upgrade.
  if (config.pull.unpack != Unpack::nodeproof) writer.member("unpack", "containerd");
  if (config.stale_after.count() > 0) {
    writer.member("stale_after", std::int64_t{config.stale_after.count()});
  }
  if (config.mode == Mode::enforce) writer.member("mode", "enforce");
  if (config.images_from != ImagesFrom{}) {
    write_images_from(writer.key("images_from"), config.images_from);
  }
  writer.key("accept").begin_array();
  for (const Acceptance& accepted : config.accept) write_acceptance(writer, accepted);
  writer.end_array().member("rule_set", config.rule_set);
  writer.member("scrub_every", std::int64_t{config.scrub.every.count()});
  writer.member("scrub_rate", config.scrub.rate);
  writer.member("require_smoke", config.require_smoke).end_object();
  return hash_of(as_bytes(writer.str())).str();
}

}  // namespace nodeproof::config
