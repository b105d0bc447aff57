#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "agent/config/sections.hpp"
#include "common/file.hpp"
#include "common/log.hpp"
#include "common/reference.hpp"

namespace nodeproof::config {
namespace {

namespace fs = std::filesystem;

// Gathers the files of one configuration.
class Loader {
 public:
  Result<> add(const fs::path& file) {
    const std::string name = file.string();
    auto text = read_file(file);
    if (!text) return fail(Errc::invalid_config, text.error().message);
    auto root = json::parse(*text, {.comments = true});
    if (!root) return fail(Errc::invalid_config, name + ": " + root.error().message);
    const Entry entry(name, *root);
    const std::size_t before = config_.images.size();
    TRY(read_document(entry, config_));
    note_registries(entry);
    const auto note_place = [&](const char* key, std::string& place) {
      const json::Value* value = entry.value().find(key);
      if (value != nullptr) place = entry.child(*value).place() + ": " + value->path();
    };
    note_place("pull", pull_place_);
    note_place("stale_after", stale_place_);
    note_place("report", report_place_);
    return check_repeats(entry, before);
  }

  Result<Config> finish() {
    for (const auto& [host, registry] : config_.registries) {
      TRY(check_registry(host, registry));
      warn_of_open_secret(registry.password_file);
    }
    TRY(check_pull(config_.pull));
    TRY(check_stale());
    TRY(check_taint());
    TRY(check_condition());
    return std::move(config_);
  }

 private:
  // images append: the ones from `first` on are this file's.
  Result<> check_repeats(const Entry& root, std::size_t first) {
    for (std::size_t i = first; i < config_.images.size(); ++i) {
      const std::string& reference = config_.images[i].reference;
      const Entry here = root.child(root.value().find("images")->items()[i - first]);
      const auto [other, fresh] = places_.emplace(identity(reference), here.place());
      if (!fresh) {
        return here.error("the image " + excerpt(reference) + " stands in " + other->second +
                          " already");
      }
    }
    return {};
  }

  void note_registries(const Entry& root) {
    const json::Value* registries = root.value().find("registries");
    if (registries == nullptr) return;
    for (const auto& [host, value] : registries->members()) {
      registry_places_[host] = root.child(value).place() + ": " + value.path();
    }
  }

  // After the merge, for a later file may bring what an earlier one left open.
  Result<> check_registry(const std::string& host, const Registry& registry) const {
    const auto wrong = [&](const char* what) {
      return fail(Errc::invalid_config, registry_places_.at(host) + ": " + what);
    };
    const bool tls = !registry.ca.empty() || !registry.client_certificate.empty();
    if (registry.plain_http && tls) return wrong("plain_http and certificates exclude each other");
    if (registry.client_certificate.empty() != registry.client_key.empty()) {
      return wrong("client_certificate and client_key belong together");
    }
    if (registry.username.empty() != registry.password_file.empty()) {
      return wrong("username and password_file belong together");
    }
    return {};
  }

  // A node whose share is longer than a window would never begin in it.
  Result<> check_pull(const Pull& pull) const {
    for (const TimeWindow& window : pull.windows) {
      if (pull.start_jitter < window.length()) continue;
      return fail(Errc::invalid_config,
                  pull_place_ +
                      ": start_jitter must be shorter than each of the windows, such as \"30m\" "
                      "with \"01:00-05:00\"");
    }
    return {};
  }

  // Each tag is asked for once per period, at any moment of it.
  Result<> check_stale() const {
    const std::chrono::seconds least = 2 * config_.resolve_every;
    if (config_.stale_after.count() == 0 || config_.stale_after >= least) return {};
    return fail(Errc::invalid_config, stale_place_ +
                                          " must be at least twice resolve_every, here \"" +
                                          std::to_string(least.count()) + "s\"");
  }

  // Taking a taint off lets work land.
  [[nodiscard]] Result<> check_taint() const {
    if (config_.report.kubernetes.taint.empty() || config_.mode == Mode::enforce) return {};
    return fail(Errc::invalid_config,
                report_place_ + R"(.kubernetes.taint needs "mode": "enforce": in observe nothing )"
                                "that gates anything is changed");
  }

  // They are written by who writes the condition.
  [[nodiscard]] Result<> check_condition() const {
    const KubernetesReport& report = config_.report.kubernetes;
    if (report.condition) return {};
    const char* key = !report.taint.empty()              ? "taint"
                      : !report.taint_kubeconfig.empty() ? "taint_kubeconfig"
                      : report.labels                    ? "labels"
                                                         : nullptr;
    if (key == nullptr) return {};
    return fail(Errc::invalid_config, report_place_ + ".kubernetes." + key +
                                          R"( does nothing without "condition": true beside it)");
  }

  static void warn_of_open_secret(const std::string& file) {
    struct ::stat status{};
    if (file.empty() || ::stat(file.c_str(), &status) != 0) return;
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return;
    log::warning(file +
                 " holds a password and is open to others than its owner; run chmod 600 on it");
  }

  Config config_;
  std::map<std::string, std::string> places_;  // identity of an image -> file:line
  std::map<std::string, std::string>
      registry_places_;  // host -> file:line: path of its last mention
  std::string pull_place_, stale_place_, report_place_;  // file:line: path of its last mention
};

}  // namespace

std::string identity(const std::string& reference) {
  const auto parsed = Reference::parse(reference);
  return parsed ? parsed->name() : reference;
}

Result<std::vector<fs::path>> fragments(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  if (error == std::errc::no_such_file_or_directory) return files;
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::path& file = entries->path();
    const bool hidden = file.filename().string().starts_with('.');
    if (!hidden && file.extension() == ".json") files.push_back(file);
  }
  if (error) {
    return fail(Errc::invalid_config, "reading " + directory.string() + ": " + error.message());
  }
  std::ranges::sort(files);
  return files;
}

Result<std::vector<RequiredImage>> load_images(const fs::path& file) {
  const std::string name = file.string();
  std::error_code unseen;  // then it cannot be read either
  if (fs::is_other(fs::status(file, unseen))) {
    return fail(Errc::invalid_config, name + " is no regular file");
  }
  const std::string text = TRY(read_file(file));
  auto root = json::parse(text, {.comments = true});
  if (!root) return fail(Errc::invalid_config, name + ": " + root.error().message);
  return read_image_list(Entry(name, *root));
}

Result<Config> load(const fs::path& main_file, const fs::path& conf_d) {
  Loader loader;
  if (!main_file.empty()) TRY(loader.add(main_file));
  const std::vector<fs::path> more = TRY(fragments(conf_d));
  for (const fs::path& file : more) TRY(loader.add(file));
  return loader.finish();
}

}  // namespace nodeproof::config
