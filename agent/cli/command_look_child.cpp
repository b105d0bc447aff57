#include <CLI/App.hpp>
#include <iostream>

#include "agent/cli/command.hpp"
#include "agent/cli/signals.hpp"
#include "agent/containerd/grpc_image_store.hpp"
#include "agent/look.hpp"
#include "agent/report/cycle_stream.hpp"

namespace nodeproof::cli {
namespace {

int look_child(Session& session) {
  const LookList list = load_look(session.globals.run_dir);
  if (list.images.empty()) return exit_ok;
  SignalStop signals;
  containerd::GrpcImageStore store(
      {.socket = list.socket, .namespace_ = list.namespace_, .snapshotter = list.snapshotter},
      signals.token());
  const auto changed = changed_since(list, store);
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
