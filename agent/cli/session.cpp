#include <algorithm>
#include <system_error>

#include "agent/cli/command.hpp"
#include "agent/report/leniency.hpp"

namespace nodeproof::cli {
namespace {

constexpr const char* kDefaultConfig = "/etc/nodeproof/nodeproof.json";

void apply_overrides(const Globals& globals, config::Config& config) {
  const auto override_with = [](std::string& value, const std::string& given) {
    if (!given.empty()) value = given;
  };
  override_with(config.containerd.address, globals.address);
  override_with(config.containerd.namespace_, globals.namespace_);
  override_with(config.containerd.snapshotter, globals.snapshotter);
}

}  // namespace

int exit_code_of(Errc code, const std::optional<Judged>& judged) {
  switch (code) {
    case Errc::usage:
    case Errc::invalid_reference:
      return exit_usage;
    case Errc::invalid_config:
      return exit_config;
    case Errc::cancelled:
      return exit_interrupted;
    case Errc::internal:
      return exit_internal;
    case Errc::permission_denied:  // of this machine's files and sockets, not of a registry
      return exit_unavailable;
    default:
      break;
  }
  if (judged) return std::ranges::find(judged->damage, code) != judged->damage.end() ? 1 : 2;
  switch (code) {
    case Errc::runtime_unavailable:
      return exit_unavailable;
    case Errc::busy:
      return exit_busy;
    default:
      return exit_internal;
  }
}

int complain(Session& session, const Error& error, const std::optional<Judged>& judged) {
  session.streams.err << "nodeproof: " << error.message << '\n';
  if (!error.remedy.empty()) session.streams.err << "  " << error.remedy << '\n';
  return exit_code_of(error.code, judged);
}

std::filesystem::path config_path(const Globals& globals) {
  return globals.config_file.empty() ? kDefaultConfig : globals.config_file;
}

Result<config::Config> load_config(const Globals& globals) {
  const std::filesystem::path path = config_path(globals);
  std::error_code ignored;
  if (!globals.config_file.empty() || std::filesystem::exists(path, ignored)) {
    return load_config(globals, path);
  }
  config::Config config = TRY(config::load({}, path.parent_path() / "conf.d"));
  TRY(report::make_leniency(config.accept, config.rule_set));
  apply_overrides(globals, config);
  return config;
}

Result<config::Config> load_config(const Globals& globals, const std::filesystem::path& path) {
  config::Config config = TRY(config::load(path, path.parent_path() / "conf.d"));
  TRY(report::make_leniency(config.accept, config.rule_set));
  apply_overrides(globals, config);
  return config;
}

}  // namespace nodeproof::cli
