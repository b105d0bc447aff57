#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <optional>

#include "agent/cli/command.hpp"
#include "agent/cli/lock.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/daemon_lock.hpp"
#include "agent/prepull/pins.hpp"
#include "agent/release.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::cli {
namespace {

struct ReleaseOptions {
  bool yes = false, dry_run = false;
};

struct Place {
  std::string socket, namespace_;
  Released released;
};

// While they are held neither daemon nor check takes anew what is given back.
struct Alone {
  UniqueFd daemon;
  std::optional<InstanceLock> cycle;
};

// A folder that is not there has no user.
Result<Alone> be_alone(const Globals& globals) {
  Alone alone;
  std::error_code unknown;
  if (std::filesystem::is_directory(globals.run_dir, unknown)) {
    auto daemon = lock_instance(std::filesystem::path(globals.run_dir) / "nodeproof.lock");
    if (!daemon && daemon.error().code == Errc::busy) {
      return std::unexpected(std::move(daemon).error().with_remedy(
          "stop it first: systemctl stop nodeproof; a pod by deleting its DaemonSet"));
    }
    alone.daemon = TRY(std::move(daemon));
  }
  if (std::filesystem::is_directory(globals.state_dir, unknown)) {
    alone.cycle.emplace(TRY(InstanceLock::take(globals.state_dir)));
  }
  return alone;
}

// Removal must not depend on a configuration that somebody broke or removed first. The namespace
// of the configuration is one of all.
containerd::ContainerdChoice choice_of(Session& session) {
  const Globals& globals = session.globals;
  const auto config = load_config(globals);
  if (config) return {config->containerd.address, globals.namespace_, globals.snapshotter};
  session.streams.err << "nodeproof: " << config.error().message
                      << "\n  containerd is looked for where it usually is\n";
  return {globals.address, globals.namespace_, globals.snapshotter};
}

Result<std::vector<Place>> release_everywhere(const containerd::ContainerdChoice& choice,
                                              bool dry_run, const std::stop_token& stop) {
  std::vector<Place> places;
  for (const auto& access : TRY(ContainerdAccess::open_every(choice, stop))) {
    const ContainerdFacts& facts = access->facts();
    auto released =
        release_all({access->store(), access->runtime(), access->chains()}, dry_run, stop);
    if (!released) {  // what the other places hold is given back all the same
      Error problem = std::move(released).error().with_context(facts.socket + ", namespace " +
                                                               facts.namespace_);
      released =
          Released{.pins = {}, .leases = {}, .leftovers = {}, .problems = {std::move(problem)}};
    }
    if (!released->none()) {
      places.push_back({facts.socket, facts.namespace_, *std::move(released)});
    }
  }
  return places;
}

void print_list(std::ostream& out, std::string_view what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  out << "  " << names.size() << ' ' << what << '\n';
  for (const std::string& name : names) out << "    " << printable(name) << '\n';
}

void print_table(std::ostream& out, const std::vector<Place>& places, bool dry_run) {
  if (places.empty()) out << "nothing is held in containerd\n";
  for (const Place& place : places) {
    const Released& released = place.released;
    if (released.pins.empty() && released.leases.empty() && released.leftovers.empty()) continue;
    out << place.socket << ", namespace " << printable(place.namespace_)
        << (dry_run ? ": would be given back\n" : ": given back\n");
    print_list(out, "leases", released.leases);
    print_list(out, "leftovers of unpacking and smoke tests", released.leftovers);
    const bool kubelet = place.namespace_ == prepull::kCriNamespace;
    print_list(out,
               kubelet
                   ? "image records, of which the pins go; the images stay, and the kubelet may "
                     "delete them when it needs room"
                   : "image records, of which our labels go; the images stay until somebody "
                     "removes them (ctr images rm)",
               released.pins);
  }
  if (dry_run && !places.empty()) out << "nothing was changed; to do it: nodeproof release --yes\n";
}

void print_json(std::ostream& out, const std::vector<Place>& places, bool dry_run) {
  json::Writer writer(true);
  writer.begin_object().member("apiVersion", "nodeproof.dev/v1").member("kind", "Release");
  writer.member("dryRun", dry_run).key("places").begin_array();
  for (const Place& place : places) {
    writer.begin_object().member("socket", place.socket).member("namespace", place.namespace_);
    writer.member("leases", place.released.leases);
    writer.member("leftovers", place.released.leftovers);
    writer.member("images", place.released.pins);
    std::vector<std::string> problems;
    problems.reserve(place.released.problems.size());
    for (const Error& error : place.released.problems) problems.push_back(error.message);
    writer.member("problems", problems).end_object();
  }
  writer.end_array().end_object();
  out << writer.str() << '\n';
}

int print(Session& session, const std::vector<Place>& places, bool dry_run) {
  if (session.globals.json()) {
    print_json(session.streams.out, places, dry_run);
  } else {
    print_table(session.streams.out, places, dry_run);
  }
  int code = exit_ok;
  for (const Place& place : places) {
    for (const Error& error : place.released.problems) code = complain(session, error);
  }
  return code;
}

int release_command(Session& session, const ReleaseOptions& options) {
  if (options.yes && options.dry_run) {
    return complain(session, {Errc::usage, "--yes and --dry-run exclude each other", ""});
  }
  SignalStop signals;
  std::optional<Alone> alone;
  if (options.yes) {
    auto taken = be_alone(session.globals);
    if (!taken) return complain(session, taken.error());
    alone.emplace(*std::move(taken));
  }
  auto places = release_everywhere(choice_of(session), !options.yes, signals.token());
  if (!places) return complain(session, places.error());
  return print(session, *places, !options.yes);
}

}  // namespace

Action declare_release(CLI::App& app) {
  auto options = std::make_shared<ReleaseOptions>();
  app.add_flag("--yes", options->yes, "do it; without, only what would be given back is told");
  app.add_flag("--dry-run", options->dry_run, "say what would be given back");
  return [options](Session& session) { return release_command(session, *options); };
}

}  // namespace nodeproof::cli
