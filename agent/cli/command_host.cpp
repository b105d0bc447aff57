#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "agent/cli/command.hpp"
#include "agent/cli/facts.hpp"
#include "agent/host/host.hpp"

namespace nodeproof::cli {

Action declare_host(CLI::App& app) {
  auto root = std::make_shared<std::string>("/");
  app.add_option("--root", *root,
                 "read the facts below this directory instead, without containerd");
  return [root](Session& session) {
    auto config = load_config(session.globals);
    if (!config) return complain(session, config.error());
    HostFacts facts = host::read_host(*root);
    if (*root == "/") add_containerd(facts, *config, {});
    session.streams.out << (session.globals.json() ? host::to_json(facts) + "\n"
                                                   : host::to_table(facts));
    return +exit_ok;
  };
}

}  // namespace nodeproof::cli
