#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "agent/cli/command.hpp"
#include "agent/cli/facts.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/host/host.hpp"
#include "agent/resolve/resolve.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::cli {
namespace {

std::string as_json(const ResolvedImage& image) {
  json::Writer writer(true);
  writer.begin_object().member("reference", image.reference.name());
  if (image.index) writer.member("indexDigest", image.index->digest.str());
  writer.member("manifestDigest", image.manifest.digest.str())
      .member("platform", to_string(normalize(image.config.platform)))
      .member("choice", image.choice)
      .key("available")
      .begin_array();
  for (const Platform& platform : image.available) writer.string(to_string(platform));
  return writer.end_array().end_object().str();
}

void print_table(std::ostream& out, const ResolvedImage& image) {
  out << image.reference.name() << '\n';
  if (image.index) out << "  index     " << image.index->digest.str() << '\n';
  out << "  offers   ";
  for (const Platform& platform : image.available) out << ' ' << printable(to_string(platform));
  out << "\n  takes     " << printable(to_string(normalize(image.config.platform))) << "  "
      << image.manifest.digest.str() << "\n  because   " << printable(image.choice, 2000) << '\n';
  for (const Finding& finding : image.findings) {
    out << "  " << finding.code << ": " << printable(finding.message, 2000) << '\n';
  }
}

Result<ResolvedImage> resolve_here(const config::Config& config, const std::string& name,
                                   const std::stop_token& stop) {
  const Reference reference = TRY(Reference::parse(name));
  const auto registries = TRY(RegistryAccess::open(config));
  HostFacts facts = host::read_host("/");
  add_containerd(facts, config, stop);
  return resolve::resolve(registries->registry(), reference, facts, stop);
}

int exit_code_of(const Error& error) {
  switch (error.code) {
    case Errc::invalid_reference:
      return exit_usage;
    case Errc::invalid_config:
      return exit_config;
    case Errc::cancelled:
      return exit_interrupted;
    case Errc::no_matching_platform:
    case Errc::not_found:
    case Errc::corrupt:
    case Errc::digest_mismatch:
      return 1;
    default:
      return 2;  // the registry could not be asked
  }
}

}  // namespace

Action declare_resolve(CLI::App& app) {
  auto image = std::make_shared<std::string>();
  app.add_option("image", *image, "image reference")->required();
  return [image](Session& session) {
    SignalStop signals;
    auto config = load_config(session.globals);
    if (!config) return complain(session, config.error());
    auto resolved = resolve_here(*config, *image, signals.token());
    if (!resolved) {
      complain(session, resolved.error());
      return exit_code_of(resolved.error());
    }
    if (session.globals.json()) {
      session.streams.out << as_json(*resolved) << '\n';
    } else {
      print_table(session.streams.out, *resolved);
    }
    return +exit_ok;
  };
}

}  // namespace nodeproof::cli
