#include <CLI/App.hpp>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/cycle_run.hpp"
#include "agent/cli/required_images.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/unpack_rights.hpp"
#include "agent/containerd/grpc_image_store.hpp"
#include "agent/look.hpp"
#include "agent/report/cycle_stream.hpp"
#include "agent/required_set.hpp"

namespace nodeproof::cli {
namespace {

// What other places require now: the folders first, an API server that does not answer holds them
// up for no minute. A configuration that cannot be read is the daemon's to tell.
std::string required_now(Session& session, const LookList& list, const std::stop_token& stop) {
  auto config = load_config(session.globals);
  if (list.found.empty() || !config) return list.found;
  const config::ImagesFrom& from = config->images_from;
  std::string folders = fingerprint(from, look_at_folders(from));
  if (list.found.substr(0, list.found.find(' ')) != folders) return folders;
  CycleConfig cycle = cycle_config(session.globals, *std::move(config));
  find_required(cycle, Ask::without_logins, stop);
  return cycle.fingerprint;
}

Result<std::string> gone(const LookList& list, const std::stop_token& stop) {
  if (list.images.empty()) return "";
  containerd::GrpcImageStore store(
      {.socket = list.socket, .namespace_ = list.namespace_, .snapshotter = list.snapshotter},
      stop);
  return changed_since(list, store);
}

// containerd first: an API server that does not answer holds that up for no minute.
Result<std::string> look(Session& session, const LookList& list, const std::stop_token& stop) {
  std::string changed = TRY(gone(list, stop));
  if (!changed.empty()) return changed;
  const std::string now = required_now(session, list, stop);
  if (now == list.found) return "";
  // Two changes one after the other are two pieces of news.
  return "other images are required now (" + now.substr(now.find(' ') + 1, 19) + ")";
}

int look_child(Session& session) {
  UnpackRights::give_up();
  const LookList list = load_look(session.globals.run_dir);
  SignalStop signals;
  const auto changed = look(session, list, signals.token());
  if (changed && changed->empty()) return exit_ok;
  const Error said = changed ? Error{Errc::not_found, *changed, ""} : changed.error();
  session.streams.out << report::stream_line(said) << std::flush;
  return changed ? 1 : exit_code_of(said.code);
}

}  // namespace

// For the daemon: exits with 0 and says nothing where all is as the last cycle left it, with 1 and
// one line (Errc::not_found) where a cycle is needed.
Action declare_look_child(CLI::App& /*app*/) { return look_child; }

}  // namespace nodeproof::cli
