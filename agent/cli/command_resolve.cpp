#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/cli/asked_host.hpp"
#include "agent/cli/command.hpp"
#include "agent/cli/image_source.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/resolve/explain.hpp"
#include "agent/resolve/resolve.hpp"

namespace nodeproof::cli {
namespace {

struct Options {
  std::string image;
  std::vector<std::string> from;
  AskedHost host;
};

// What there is to say, and why there is no image in it if there is none.
struct Outcome {
  resolve::Answer answer;
  std::optional<Error> error;
};

Result<Outcome> resolve_for(const Globals& globals, const config::Config& config,
                            const Options& options, const std::stop_token& stop) {
  const Reference reference = TRY(Reference::parse(options.image));
  HostFacts host = TRY(host_asked_for(options.host, config, stop));
  const auto source = TRY(ImageSource::open(config, options.from, {reference}));
  TRY(source->usable());
  resolve::RememberingRegistry registry(source->registry());
  auto tree = resolve::fetch_tree(registry, reference, stop);
  if (!tree) {
    return std::unexpected(std::move(tree).error().with_context("resolving " + reference.name()));
  }
  auto image = resolve::resolve(registry, reference, host, stop);
  // The ledger is this node's: it says nothing of another's proofs.
  const auto proven = options.host.is_this_one()
                          ? resolve::Ledger(std::filesystem::path(globals.state_dir) / "ledger")
                                .find(reference.name())
                          : std::nullopt;
  auto explanation = resolve::explain(*std::move(tree), host, proven);
  Outcome outcome{{reference, std::move(host), std::move(explanation), {}, {}}, {}};
  outcome.answer.rate_limit = source->registry().rate_limit(reference);
  if (image) {
    outcome.answer.image = *std::move(image);
  } else {
    outcome.error = std::move(image).error();
  }
  return outcome;
}

constexpr auto kDamage = std::to_array({Errc::no_matching_platform, Errc::not_found, Errc::corrupt,
                                        Errc::digest_mismatch, Errc::truncated});

// An answer that was cut off says nothing about the registry's copy; a file is what it is.
Judged damage_in(const Options& options) {
  const std::span all(kDamage);
  return {options.from.empty() ? all.first(all.size() - 1) : all};
}

}  // namespace

Action declare_resolve(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("image", options->image, "image reference")->required();
  add_from_option(app, options->from);
  auto* file =
      app.add_option("--host", options->host.file, std::string("for another host: ") + kHostOption);
  app.add_option("--platform", options->host.platform,
                 "for a host of this platform, such as linux/arm/v7")
      ->excludes(file);
  app.add_option("--containerd", options->host.containerd_version,
                 "as if the host had this version of containerd, such as 2.1.4");
  return [options](Session& session) {
    SignalStop signals;
    auto config = load_config(session.globals);
    if (!config) return complain(session, config.error());
    const auto outcome = resolve_for(session.globals, *config, *options, signals.token());
    if (!outcome) return complain(session, outcome.error(), damage_in(*options));
    if (session.globals.json()) {
      session.streams.out << resolve::to_json(outcome->answer) << '\n';
    } else {
      session.streams.out << resolve::to_table(outcome->answer);
    }
    return outcome->error ? complain(session, *outcome->error, damage_in(*options)) : +exit_ok;
  };
}

}  // namespace nodeproof::cli
