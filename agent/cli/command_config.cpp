#include <unistd.h>

#include <CLI/App.hpp>
#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>

#include "agent/cli/command.hpp"
#include "agent/cli/wiring.hpp"
#include "common/reference.hpp"

namespace nodeproof::cli {

namespace {

// What is well written and cannot work on this node.
std::vector<std::string> flaws_of(const config::Config& config) {
  std::vector<std::string> flaws;
  for (const RequiredImage& image : config.images) {
    if (const auto parsed = Reference::parse(image.reference); !parsed) {
      flaws.push_back(parsed.error().message);
    }
  }
  for (const auto& [host, registry] : config.registries) {
    for (const std::string& file :
         {registry.ca, registry.client_certificate, registry.client_key, registry.password_file}) {
      if (file.empty() || access(file.c_str(), R_OK) == 0) continue;
      flaws.push_back("registry " + host + ": " + file +
                      " cannot be read: " + std::strerror(errno));
    }
  }
  return flaws;
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
  const auto keychain = TRY(open_keychain(config, clock));
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
    if (!credentials) flaws.push_back(credentials.error().message);
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
