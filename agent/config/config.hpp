// The configuration with its defaults in place, and its strict loader: an unknown key or a wrong
// type is an error that names file, line and JSON path.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "common/amount.hpp"
#include "common/error.hpp"
#include "common/time_window.hpp"

namespace nodeproof::config {

struct Node {
  std::string name;  // "" = the host name
  std::map<std::string, std::string> labels;
  friend bool operator==(const Node&, const Node&) = default;
};

struct Containerd {  // "" = found out
  std::string address, namespace_, snapshotter;
  friend bool operator==(const Containerd&, const Containerd&) = default;
};

struct Kernel {
  // "overlay", "btf", "CONFIG_BPF_SYSCALL": a node whose kernel lacks one is not ready
  std::vector<std::string> require;
  friend bool operator==(const Kernel&, const Kernel&) = default;
};

struct Host {
  Kernel kernel;
  friend bool operator==(const Host&, const Host&) = default;
};

struct Registry {
  bool plain_http = false;
  std::string ca, client_certificate, client_key;  // PEM files
  std::string username, password_file;
  std::vector<std::string> mirrors = {};  // URLs, asked before the registry
  std::string proxy = {};                 // "" = the environment's
  friend bool operator==(const Registry&, const Registry&) = default;
};

// What other programs on this node have written about registries: "" = found out, "none" = not
// used.
struct RegistrySources {
  std::string hosts_dir, k3s_registries, docker_config;
  std::string credential_provider_config, credential_provider_bin_dir;
  friend bool operator==(const RegistrySources&, const RegistrySources&) = default;
};

// Who writes the files of a layer; nodeproof leaves to containerd what is not for it.
enum class Unpack { nodeproof, containerd };

struct Pull {
  unsigned parallel = 3;        // blobs at once
  std::uint64_t bandwidth = 0;  // bytes per second over all images; 0 = no cap
  std::optional<Amount>
      keep_free;  // nothing = the larger of 20 % and 2 GB, above a kubelet's marks
  // For what may wait: images with a proven version here, and those that are not required.
  std::vector<TimeWindow> windows;       // none = at any time
  std::chrono::seconds start_jitter{0};  // of which each node waits a share of its own
  Unpack unpack = Unpack::nodeproof;
  friend bool operator==(const Pull&, const Pull&) = default;
};

// Of the required images' blobs in containerd's content store.
struct Scrub {
  std::chrono::seconds every{7 * 24 * 3600};  // each of them is hashed once in that time; 0 = never
  std::uint64_t rate = 5'000'000;             // bytes per second
  friend bool operator==(const Scrub&, const Scrub&) = default;
};

// Who receives reports over HTTP, and how it and we are believed.
struct Receiver {
  std::string url;                                 // "" = none
  bool plain_http = false;                         // http:// to other hosts than this one
  std::string ca, client_certificate, client_key;  // PEM files
  std::string token_file;  // what "Authorization: Bearer" says; "" = nothing
  std::string proxy;       // "" = the environment's
  friend bool operator==(const Receiver&, const Receiver&) = default;
};

struct Webhook {
  Receiver to;
  std::chrono::seconds heartbeat{3600};  // without news
  std::uint64_t spool = 8'000'000;       // bytes on disk of what it has not taken yet
  friend bool operator==(const Webhook&, const Webhook&) = default;
};

struct Otlp {
  Receiver to;
  std::chrono::seconds every{60};
  friend bool operator==(const Otlp&, const Otlp&) = default;
};

struct Metrics {
  std::string textfile;  // of node_exporter's collector; "" = none
  std::string listen;    // "127.0.0.1:9639"; "" = nowhere
  friend bool operator==(const Metrics&, const Metrics&) = default;
};

struct KubernetesReport {
  bool condition = false;
  std::string kubeconfig;               // "" = found out
  std::string node;                     // "" = this node's name
  std::chrono::seconds heartbeat{300};  // without news
  bool events = true;
  bool labels = false;
  std::string taint;             // key of what is taken off a ready node; "" = none
  std::string taint_kubeconfig;  // of one who may; "" = the same
  friend bool operator==(const KubernetesReport&, const KubernetesReport&) = default;
};

// Where the report goes besides the status socket. Nothing of it is part of config_digest(): it
// changes no verdict.
struct Reporting {
  std::string file;         // the document as it is; "" = none
  std::string signing_key;  // PEM, ECDSA P-256; "" = reports are not signed
  Webhook webhook;
  Otlp otlp;
  Metrics metrics;
  KubernetesReport kubernetes;
  friend bool operator==(const Reporting&, const Reporting&) = default;
};

// In observe nothing that gates anything is changed, beside the ready flag.
enum class Mode { observe, enforce };

// Where more required images are named than in this configuration.
struct ImagesFrom {
  std::vector<std::string> static_pods;  // folders of a kubelet's manifests
  std::vector<std::string> directories;  // folders with files like conf.d's, "images" only
  bool pods = false;                     // of the pods that are bound to this node
  bool daemonsets = false;               // of those whose pods would land here
  std::string kubeconfig = {};           // "" = found out
  friend bool operator==(const ImagesFrom&, const ImagesFrom&) = default;
};

struct Config {
  Mode mode = Mode::observe;
  Node node;
  Host host;
  Containerd containerd;
  std::map<std::string, Registry> registries;  // by host[:port]
  RegistrySources registry_sources;
  std::vector<std::string> sources;  // image layouts on this host, looked at before the registries
  std::vector<RequiredImage> images;
  ImagesFrom images_from;
  Pull pull;
  std::chrono::seconds check_every{15 * 60};
  std::chrono::seconds resolve_every{6 * 3600};  // one question per proven tag in that time
  std::chrono::seconds stale_after{0};  // a proof stands so long without its registry; 0 = for ever
  std::vector<Acceptance> accept;
  std::string rule_set;  // "0.1": rules new in it or later warn at most; "" = this program's own
  Scrub scrub;
  bool require_smoke = false;  // an image of which nothing ran is unknown instead of ready
  Reporting report;
  friend bool operator==(const Config&, const Config&) = default;
};

// main_file ("" = none) and then conf_d/*.json in name order; an absent conf_d is fine, an absent
// main_file is not.
Result<Config> load(const std::filesystem::path& main_file, const std::filesystem::path& conf_d);

// A file that holds "images" and nothing else, as images_from.directories has them.
Result<std::vector<RequiredImage>> load_images(const std::filesystem::path& file);

// Files *.json of a folder in the order of their names; hidden ones are none. Absent: none.
Result<std::vector<std::filesystem::path>> fragments(const std::filesystem::path& directory);

// Two spellings of one image are one image.
[[nodiscard]] std::string identity(const std::string& reference);

// Identifies the configuration in reports: "sha256:..." over its canonical form; secrets are not
// part of it.
[[nodiscard]] std::string config_digest(const Config& config);

}  // namespace nodeproof::config
