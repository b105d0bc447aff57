#include <unistd.h>

#include <CLI/App.hpp>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "agent/cli/command.hpp"
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

}  // namespace

Action declare_config(CLI::App& app) {
  app.require_subcommand(1);
  app.add_subcommand("check", "say what is wrong with the configuration, or that nothing is");
  return [](Session& session) {
    auto config = load_config(session.globals);
    if (!config) return complain(session, config.error());
    const std::vector<std::string> flaws = flaws_of(*config);
    for (const std::string& flaw : flaws) session.streams.err << "nodeproof: " << flaw << '\n';
    if (!flaws.empty()) return +exit_config;
    const auto path = config_path(session.globals);
    std::error_code ignored;
    session.streams.out << path.string()
                        << (std::filesystem::exists(path, ignored)
                                ? ": ok, "
                                : ": there is no such file, the defaults hold; ")
                        << config->images.size() << " image(s), digest "
                        << config::config_digest(*config) << '\n';
    return +exit_ok;
  };
}

}  // namespace nodeproof::cli
