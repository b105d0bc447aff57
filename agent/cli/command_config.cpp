#include <CLI/App.hpp>
#include <system_error>

#include "agent/cli/command.hpp"

namespace nodeproof::cli {

Action declare_config(CLI::App& app) {
  app.require_subcommand(1);
  app.add_subcommand("check", "say what is wrong with the configuration, or that nothing is");
  return [](Session& session) {
    auto config = load_config(session.globals);
    if (!config) return complain(session, config.error());
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
