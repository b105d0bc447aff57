#include <CLI/App.hpp>
#include <algorithm>
#include <set>
#include <system_error>

#include "agent/cli/command.hpp"
#include "agent/cli/report_file.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/config/credential.hpp"
#include "common/file.hpp"
#include "common/reference.hpp"

namespace nodeproof::cli {

namespace {

constexpr std::size_t kMaxPemBytes = 16 << 20;

struct PemFile {
  const std::string& path;
  std::string_view holds;  // "CERTIFICATE"
};

// "" = none, or there is no such file to be had. DER is taken, too.
std::string flaw_of(const PemFile& file) {
  if (file.path.empty()) return "";
  const auto text = read_file(file.path, kMaxPemBytes);
  if (!text) return text.error().message;
  if (text->find(std::string(file.holds) + "-----") != std::string::npos) return "";
  if (text->starts_with('\x30')) return "";
  return file.path + " holds no PEM " + (file.holds == "CERTIFICATE" ? "certificate" : "key");
}

// What keeps reports from going where they should.
class ReportFlaws {
 public:
  explicit ReportFlaws(std::vector<std::string>& flaws) : flaws_(flaws) {}

  void look_at(const config::Reporting& report) {
    look_at("report.webhook", report.webhook.to);
    look_at("report.otlp", report.otlp.to);
    look_at("report.kubernetes", "kubeconfig", report.kubernetes.kubeconfig);
    look_at("report.kubernetes", "taint_kubeconfig", report.kubernetes.taint_kubeconfig);
    look_at_place("report.file", report.file);
    look_at_place("report.metrics.textfile", report.metrics.textfile);
    const std::string& key = report.signing_key;
    if (key.empty() || !is_handed_over("report.signing", "key", key)) return;
    if (const auto read = read_private_key(key, "report.signing.key"); !read) {
      flaws_.push_back(read.error().message);
    }
  }

 private:
  void look_at(const std::string& name, const config::Receiver& to) {
    const std::size_t before = flaws_.size();
    look_at(name, "ca", to.ca);
    look_at(name, "client_certificate", to.client_certificate);
    look_at(name, "client_key", to.client_key);
    look_at(name, "token_file", to.token_file);
    if (flaws_.size() > before) return;  // that they cannot be read is enough
    for (const PemFile& file : {PemFile{to.ca, "CERTIFICATE"},
                                {to.client_certificate, "CERTIFICATE"},
                                {to.client_key, "PRIVATE KEY"}}) {
      const std::string flaw = flaw_of(file);
      if (!flaw.empty()) flaws_.push_back(name + ": " + flaw);
    }
  }

  void look_at(const std::string& name, std::string_view key, const std::string& file) {
    if (file.empty() || !is_handed_over(name, key, file)) return;
    if (const auto text = read_file(file, kMaxPemBytes); !text) {
      flaws_.push_back(name + ": " + std::string(key) + ": " + text.error().message);
    }
  }

  void look_at_place(const std::string& name, const std::filesystem::path& file) {
    std::error_code error;
    if (file.empty()) return;
    if (std::filesystem::is_directory(file, error)) {
      flaws_.push_back(name + ": " + file.string() + " is a folder, not a file");
    } else if (!file.native().starts_with("/run/") &&  // those are made when they are needed
               !std::filesystem::is_directory(file.parent_path(), error)) {
      flaws_.push_back(name + ": there is no folder " + file.parent_path().string());
    }
  }

  bool is_handed_over(const std::string& name, std::string_view key, const std::string& file) {
    const auto handed = config::check_credential(name, key, file);
    if (!handed) flaws_.push_back(handed.error().message + "; " + handed.error().remedy);
    return handed.has_value();
  }

  std::vector<std::string>& flaws_;
};

// What is well written and cannot work on this node.
std::vector<std::string> flaws_of(const config::Config& config) {
  std::vector<std::string> flaws;
  for (const RequiredImage& image : config.images) {
    if (const auto parsed = Reference::parse(image.reference); !parsed) {
      flaws.push_back(parsed.error().message);
    }
  }
  for (const auto& [host, registry] : config.registries) {
    if (const auto handed = config::check_credentials(host, registry); !handed) {
      flaws.push_back(handed.error().message + "; " + handed.error().remedy);
      continue;
    }
    for (const PemFile& file : {PemFile{registry.ca, "CERTIFICATE"},
                                {registry.client_certificate, "CERTIFICATE"},
                                {registry.client_key, "PRIVATE KEY"}}) {
      const std::string flaw = flaw_of(file);
      if (!flaw.empty()) flaws.push_back("registry " + host + ": " + flaw);
    }
    if (registry.password_file.empty()) continue;
    if (const auto text = read_file(registry.password_file); !text) {
      flaws.push_back("registry " + host + ": password_file: " + text.error().message);
    }
  }
  ReportFlaws(flaws).look_at(config.report);
  return flaws;
}

// The credentials need some of the same files: what was said of one is not said again.
bool is_known(const std::vector<std::string>& flaws, const Error& error) {
  return std::ranges::any_of(flaws, [&](const std::string& flaw) {
    return flaw.find(error.message) != std::string::npos;
  });
}

// What would keep each required image from being asked for.
std::vector<std::string> route_flaws(const config::Config& config) {
  const auto routes = open_routes(config);
  std::set<std::string> flaws;
  const auto note = [&](const Error& error) {
    flaws.insert(error.message + (error.remedy.empty() ? "" : "; " + error.remedy));
  };
  if (routes->doubt()) note(*routes->doubt());
  for (const RequiredImage& image : config.images) {
    const auto reference = Reference::parse(image.reference);
    if (!reference) continue;
    for (const auto capability : {registry::Capability::resolve, registry::Capability::pull}) {
      if (const auto hosts = routes->to(*reference, capability); !hosts) note(hosts.error());
    }
  }
  return {flaws.begin(), flaws.end()};
}

// One line for each registry: who would be asked for a login. Nobody is asked now.
Result<std::string> credential_lines(const config::Config& config) {
  const SystemClock clock;
  const auto keychain = open_keychain(config, clock);
  std::set<std::string> lines;
  for (const RequiredImage& image : config.images) {
    const auto reference = Reference::parse(image.reference);
    if (!reference) continue;
    const std::string source = TRY(keychain->describe({reference->domain(), reference->path()}));
    lines.insert("credentials for " + reference->domain() + ": " +
                 (source.empty() ? "none, anonymous" : source) + "\n");
  }
  std::string text;
  for (const auto& line : lines) text += line;
  return text;
}

}  // namespace

Action declare_config(CLI::App& app) {
  app.require_subcommand(1);
  app.add_subcommand("check", "say what is wrong with the configuration, or that nothing is");
  return [](Session& session) {
    auto config = load_config(session.globals);
    if (!config) return complain(session, config.error());
    std::vector<std::string> flaws = flaws_of(*config);
    for (std::string& flaw : route_flaws(*config)) flaws.push_back(std::move(flaw));
    const auto credentials = credential_lines(*config);
    if (!credentials && !is_known(flaws, credentials.error())) {
      flaws.push_back(credentials.error().message);
    }
    for (const std::string& flaw : flaws) session.streams.err << "nodeproof: " << flaw << '\n';
    if (!flaws.empty()) return +exit_config;
    const auto path = config_path(session.globals);
    std::error_code ignored;
    session.streams.out << path.string()
                        << (std::filesystem::exists(path, ignored)
                                ? ": ok, "
                                : ": there is no such file, the defaults hold; ")
                        << config->images.size() << " image(s), digest "
                        << config::config_digest(*config) << '\n'
                        << *credentials;
    return +exit_ok;
  };
}

}  // namespace nodeproof::cli
