#include <CLI/App.hpp>

#include "agent/cli/command.hpp"

namespace nodeproof::cli {

Action declare_config(CLI::App& app) {
  app.require_subcommand(1);
  app.add_subcommand("check", "say what is wrong with the configuration, or that nothing is");
  return [](Session& session) {
    auto config = load_config(session.globals);
    if (!config) return complain(session, config.error());
    session.streams.out << config_path(session.globals).string() << ": ok, "
                        << config->images.size() << " image(s), digest "
                        << config::config_digest(*config) << '\n';
    return +exit_ok;
  };
}

}  // namespace nodeproof::cli
