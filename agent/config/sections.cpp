#include "agent/config/sections.hpp"

#include <algorithm>
#include <cctype>

#include "agent/config/credential.hpp"
#include "common/clock.hpp"
#include "common/http_url.hpp"
#include "common/reference.hpp"

namespace nodeproof::config {
namespace {

constexpr std::uint64_t kMostParallel = 16;

Result<> read_labels(const Entry& entry, Node& into) {
  TRY(entry.must_be(json::Value::Kind::object));
  for (const auto& [key, value] : entry.value().members()) {
    into.labels[key] = TRY(entry.child(value).text());
  }
  return {};
}

Result<> read_address(const Entry& entry, Containerd& into) {
  constexpr std::string_view kScheme = "unix://";
  std::string address = TRY(entry.text());
  if (address.starts_with(kScheme)) address.erase(0, kScheme.size());
  if (!address.empty() && !address.starts_with('/')) {
    return entry.error("the address must be the absolute path of containerd's socket");
  }
  into.address = std::move(address);
  return {};
}

Result<> read_parallel(const Entry& entry, Pull& into) {
  into.parallel = static_cast<unsigned>(TRY(entry.number(1, kMostParallel)));
  return {};
}

Result<> read_unpack(const Entry& entry, Pull& into) {
  static constexpr std::array kChoices = {Choice<Unpack>{"nodeproof", Unpack::nodeproof},
                                          Choice<Unpack>{"containerd", Unpack::containerd}};
  into.unpack = TRY(one_of<Unpack>(entry, kChoices));
  return {};
}

bool is_http_url(const std::string& text) {
  return (text.starts_with("http://") || text.starts_with("https://")) && parse_http_url(text);
}

Result<> read_mirrors(const Entry& entry, Registry& into) {
  into.mirrors = TRY(entry.texts());
  for (const std::string& mirror : into.mirrors) {
    const auto url = parse_http_url(mirror);
    if (!is_http_url(mirror) || url->user_info || url->target.contains('?')) {
      // It may hold a password, so it is not shown.
      return entry.error("a mirror is a URL such as \"https://cache.lan:5000\", without a login");
    }
  }
  return {};
}

Result<> read_proxy(const Entry& entry, Registry& into) {
  into.proxy = TRY(entry.text());
  // It may hold a password, so it is not shown.
  if (into.proxy.empty() || is_http_url(into.proxy)) return {};
  return entry.error("it is no URL such as \"http://proxy.lan:3128\"");
}

Result<> read_keep_free(const Entry& entry, Pull& into) {
  const std::string text = TRY(entry.text());
  if (text.empty()) return {};
  const auto amount = parse_amount(text);
  if (!amount) return entry.error(amount.error().message);
  if (amount->units > 0 && std::isdigit(static_cast<unsigned char>(text.back())) != 0) {
    return entry.error("\"" + text + "\" has no unit: write \"" + text + "GB\" or \"" + text +
                       "%\"");
  }
  constexpr double kAll = 100;
  if (amount->percent >= kAll) return entry.error("nothing could be fetched: keep less free");
  into.keep_free = *amount;
  return {};
}

Result<> read_bandwidth(const Entry& entry, Pull& into) {
  into.bandwidth = TRY(entry.bandwidth());
  return {};
}

Result<> read_windows(const Entry& entry, Pull& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  into.windows.clear();
  for (const json::Value& item : entry.value().items()) {
    const Entry one = entry.child(item);
    const auto window = parse_time_window(TRY(one.text()));
    if (!window) return one.error(window.error().message);
    into.windows.push_back(*window);
  }
  return {};
}

Result<> read_start_jitter(const Entry& entry, Pull& into) {
  into.start_jitter = {};
  if (TRY(entry.text()).empty()) return {};
  into.start_jitter = std::chrono::duration_cast<std::chrono::seconds>(TRY(entry.duration()));
  return {};
}

constexpr std::array kNode = {Field<Node>{"name", text<&Node::name>},
                              Field<Node>{"labels", read_labels}};

// A module, a file system, "btf", or an option of the kernel's configuration.
bool is_kernel_feature(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

Result<> read_required(const Entry& entry, Kernel& into) {
  into.require = TRY(entry.texts());
  for (const std::string& name : into.require) {
    if (is_kernel_feature(name)) continue;
    return entry.error("\"" + excerpt(name, 64) +
                       "\" is no module such as \"vxlan\", nor \"btf\", nor an option such as "
                       "\"CONFIG_BPF_SYSCALL\"");
  }
  return {};
}

constexpr std::array kKernel = {Field<Kernel>{"require", read_required}};

constexpr std::array kHost = {Field<Host>{"kernel", [](const Entry& entry, Host& into) {
                                            return read_fields<Kernel>(entry, kKernel, into.kernel);
                                          }}};

constexpr std::array kContainerd = {
    Field<Containerd>{"address", read_address},
    Field<Containerd>{"namespace", text<&Containerd::namespace_>},
    Field<Containerd>{"snapshotter", text<&Containerd::snapshotter>}};

constexpr std::array kRegistry = {
    Field<Registry>{"plain_http", boolean<&Registry::plain_http>},
    Field<Registry>{"ca", secret<&Registry::ca>},
    Field<Registry>{"client_certificate", secret<&Registry::client_certificate>},
    Field<Registry>{"client_key", secret<&Registry::client_key>},
    Field<Registry>{"username", text<&Registry::username>},
    Field<Registry>{"password_file", secret<&Registry::password_file>},
    Field<Registry>{"mirrors", read_mirrors},
    Field<Registry>{"proxy", read_proxy}};

// A path, or "none".
template <auto Member>
Result<> source(const Entry& entry, detail::Owner<Member>& into) {
  const std::string given = TRY(entry.text());
  if (!given.empty() && given != "none" && !given.starts_with('/')) {
    return entry.error("a path must start with /; \"none\" = not used");
  }
  into.*Member = given;
  return {};
}

constexpr std::array kRegistrySources = {
    Field<RegistrySources>{"hosts_dir", source<&RegistrySources::hosts_dir>},
    Field<RegistrySources>{"k3s_registries", source<&RegistrySources::k3s_registries>},
    Field<RegistrySources>{"docker_config", source<&RegistrySources::docker_config>},
    Field<RegistrySources>{"credential_provider_config",
                           source<&RegistrySources::credential_provider_config>},
    Field<RegistrySources>{"credential_provider_bin_dir",
                           source<&RegistrySources::credential_provider_bin_dir>}};

Result<> read_registry_sources(const Entry& entry, Config& into) {
  RegistrySources& sources = into.registry_sources;
  TRY(read_fields<RegistrySources>(entry, kRegistrySources, sources));
  const bool has_config = sources.credential_provider_config.starts_with('/');
  if (has_config == sources.credential_provider_bin_dir.starts_with('/')) return {};
  return entry.error("credential_provider_config and credential_provider_bin_dir go together");
}

constexpr std::array kPull = {
    Field<Pull>{"parallel", read_parallel},         Field<Pull>{"bandwidth", read_bandwidth},
    Field<Pull>{"keep_free", read_keep_free},       Field<Pull>{"windows", read_windows},
    Field<Pull>{"start_jitter", read_start_jitter}, Field<Pull>{"unpack", read_unpack}};

Result<> read_mode(const Entry& entry, Config& into) {
  static constexpr std::array kChoices = {Choice<Mode>{"observe", Mode::observe},
                                          Choice<Mode>{"enforce", Mode::enforce}};
  into.mode = TRY(one_of<Mode>(entry, kChoices));
  return {};
}

// The key of a registry is what stands before the first slash of a reference.
bool is_registry_host(const std::string& text) {
  const auto reference = Reference::parse(text + "/x");
  return reference && reference->domain() == text;
}

Result<> read_registries(const Entry& entry, Config& into) {
  TRY(entry.must_be(json::Value::Kind::object));
  for (const auto& [host, value] : entry.value().members()) {
    const Entry registry = entry.child(value);
    if (!is_registry_host(host)) {
      return registry.error("the key must be a registry's host with an optional port");
    }
    TRY(read_fields<Registry>(registry, kRegistry, into.registries[host]));
  }
  return {};
}

Result<> read_images(const Entry& entry, Config& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  for (const json::Value& item : entry.value().items()) {
    into.images.push_back(TRY(read_image(entry.child(item))));
  }
  return {};
}

Result<> read_sources(const Entry& entry, Config& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  for (const json::Value& item : entry.value().items()) {
    std::string path = TRY(entry.child(item).path());
    if (path.empty()) return entry.child(item).error("the path of a folder or an archive");
    into.sources.push_back(std::move(path));
  }
  return {};
}

// ---- images_from ----
template <std::vector<std::string> ImagesFrom::* Member>
Result<> read_folders(const Entry& entry, ImagesFrom& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  std::vector<std::string> folders;
  for (const json::Value& item : entry.value().items()) {
    folders.push_back(TRY(entry.child(item).path()));
    if (folders.back().empty()) return entry.child(item).error("the path of a folder");
  }
  into.*Member = std::move(folders);
  return {};
}

constexpr std::array kImagesFrom = {
    Field<ImagesFrom>{"static_pods", read_folders<&ImagesFrom::static_pods>},
    Field<ImagesFrom>{"directories", read_folders<&ImagesFrom::directories>},
    Field<ImagesFrom>{"pods", boolean<&ImagesFrom::pods>},
    Field<ImagesFrom>{"daemonsets", boolean<&ImagesFrom::daemonsets>},
    Field<ImagesFrom>{"kubeconfig", secret<&ImagesFrom::kubeconfig>}};

// ---- accept ----
Result<> read_until(const Entry& entry, Acceptance& into) {
  const std::string text = TRY(entry.text());
  const auto day = parse_rfc3339(text + "T00:00:00Z");
  if (!day) {
    return entry.error("\"" + excerpt(text, 64) + "\" is no day such as \"2027-01-31\"");
  }
  into.until = std::chrono::floor<std::chrono::days>(*day);
  return {};
}

constexpr std::array kAccept = {Field<Acceptance>{"code", text<&Acceptance::code>},
                                Field<Acceptance>{"image", text<&Acceptance::image>},
                                Field<Acceptance>{"subject", text<&Acceptance::subject>},
                                Field<Acceptance>{"until", read_until},
                                Field<Acceptance>{"why", text<&Acceptance::why>}};

Result<> read_accept(const Entry& entry, Config& into) {
  TRY(entry.must_be(json::Value::Kind::array));
  for (const json::Value& item : entry.value().items()) {
    const Entry here = entry.child(item);
    Acceptance accepted;
    TRY(read_fields<Acceptance>(here, kAccept, accepted));
    if (accepted.code.empty()) return here.error("what is accepted needs a \"code\"");
    if (accepted.until == std::chrono::sys_days()) return here.error("it needs an end: \"until\"");
    if (accepted.why.empty()) return here.error("it needs a reason: \"why\"");
    accepted.place = here.place() + ": " + item.path();
    into.accept.push_back(std::move(accepted));
  }
  return {};
}

Result<> read_scrub_every(const Entry& entry, Scrub& into) {
  into.every = {};
  if (TRY(entry.text()).empty()) return {};
  const auto every = TRY(entry.duration());
  if (every < std::chrono::minutes(1)) return entry.error("at least \"1m\", or \"\" for never");
  into.every = std::chrono::duration_cast<std::chrono::seconds>(every);
  return {};
}

Result<> read_scrub_rate(const Entry& entry, Scrub& into) {
  into.rate = TRY(entry.bandwidth());
  return into.rate > 0 ? Result<>{} : entry.error("a rate such as \"5MB/s\"");
}

constexpr std::array kScrub = {Field<Scrub>{"every", read_scrub_every},
                               Field<Scrub>{"rate", read_scrub_rate}};

template <std::chrono::seconds Config::* Member>
Result<> read_period(const Entry& entry, Config& into) {
  const auto every = TRY(entry.duration());
  if (every < std::chrono::seconds(1)) return entry.error("at least \"1s\"");
  into.*Member = std::chrono::duration_cast<std::chrono::seconds>(every);
  return {};
}

Result<> read_stale_after(const Entry& entry, Config& into) {
  into.stale_after = {};
  if (TRY(entry.text()).empty()) return {};
  const auto limit = TRY(entry.duration());
  into.stale_after = std::chrono::ceil<std::chrono::seconds>(limit);
  return {};
}

constexpr std::array kConfig = {
    Field<Config>{"mode", read_mode},
    Field<Config>{"node", [](const Entry& entry,
                             Config& into) { return read_fields<Node>(entry, kNode, into.node); }},
    Field<Config>{"host", [](const Entry& entry,
                             Config& into) { return read_fields<Host>(entry, kHost, into.host); }},
    Field<Config>{"containerd",
                  [](const Entry& entry, Config& into) {
                    return read_fields<Containerd>(entry, kContainerd, into.containerd);
                  }},
    Field<Config>{"registries", read_registries},
    Field<Config>{"registry_sources", read_registry_sources},
    Field<Config>{"sources", read_sources},
    Field<Config>{"images", read_images},
    Field<Config>{"images_from",
                  [](const Entry& entry, Config& into) {
                    return read_fields<ImagesFrom>(entry, kImagesFrom, into.images_from);
                  }},
    Field<Config>{"pull", [](const Entry& entry,
                             Config& into) { return read_fields<Pull>(entry, kPull, into.pull); }},
    Field<Config>{"check_every", read_period<&Config::check_every>},
    Field<Config>{"resolve_every", read_period<&Config::resolve_every>},
    Field<Config>{"require_smoke", boolean<&Config::require_smoke>},
    Field<Config>{"stale_after", read_stale_after},
    Field<Config>{"accept", read_accept},
    Field<Config>{"rule_set", text<&Config::rule_set>},
    Field<Config>{"scrub",
                  [](const Entry& entry, Config& into) {
                    return read_fields<Scrub>(entry, kScrub, into.scrub);
                  }},
    Field<Config>{"report", read_report}};

}  // namespace

Result<> read_document(const Entry& root, Config& into) {
  return read_fields<Config>(root, kConfig, into);
}

Result<std::vector<RequiredImage>> read_image_list(const Entry& root) {
  static constexpr std::array kOnlyImages = {Field<Config>{"images", read_images}};
  Config into;
  TRY(read_fields<Config>(root, kOnlyImages, into));
  return std::move(into.images);
}

std::vector<std::string> supported_keys() {
  std::vector<std::string> keys;
  list_keys<Config>("", kConfig, keys);
  list_keys<Node>("node.", kNode, keys);
  list_keys<Host>("host.", kHost, keys);
  list_keys<Kernel>("host.kernel.", kKernel, keys);
  list_keys<Containerd>("containerd.", kContainerd, keys);
  list_keys<Registry>("registries.*.", kRegistry, keys);
  list_keys<RegistrySources>("registry_sources.", kRegistrySources, keys);
  list_keys<ImagesFrom>("images_from.", kImagesFrom, keys);
  list_keys<Pull>("pull.", kPull, keys);
  list_keys<Acceptance>("accept[].", kAccept, keys);
  list_keys<Scrub>("scrub.", kScrub, keys);
  std::ranges::move(supported_image_keys(), std::back_inserter(keys));
  std::ranges::move(supported_report_keys(), std::back_inserter(keys));
  std::ranges::sort(keys);
  return keys;
}

}  // namespace nodeproof::config
