#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <chrono>

#include "agent/cli/command.hpp"
#include "agent/cli/cycle_run.hpp"
#include "agent/cli/lines.hpp"
#include "agent/cli/required_images.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/unpack_rights.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/report/cycle_stream.hpp"
#include "agent/scrub.hpp"

namespace nodeproof::cli {
namespace {

// Of this process and all its threads to come.
void step_back() {
  constexpr int kProcess = 1, kIdleClass = 3, kClassShift = 13;  // linux/ioprio.h
  static_cast<void>(setpriority(PRIO_PROCESS, 0, 19));
  static_cast<void>(syscall(SYS_ioprio_set, kProcess, 0, kIdleClass << kClassShift));
}

Result<> scrub(Session& session, LineWriter& lines, const std::stop_token& stop) {
  CycleConfig cycle = cycle_config(session.globals, TRY(load_config(session.globals)));
  find_required(cycle, Ask::nobody, stop);
  TRY(make_directories(cycle.state_dir, 0700));
  const auto containerd = TRY(ContainerdAccess::open(cycle.settings, stop));
  const SystemClock clock;
  ScrubSlice slice;
  slice.alive = [&lines, last = std::chrono::steady_clock::now()]() mutable {
    constexpr std::chrono::seconds kEvery{30};
    const auto now = std::chrono::steady_clock::now();
    if (now - last < kEvery) return;
    last = now;
    lines.write(report::stream_line(Progress{.image = "scrub"}));
  };
  return scrub_slice(cycle, containerd->store(), clock, slice, stop);
}

int scrub_child(Session& session) {
  UnpackRights::give_up();
  step_back();
  SignalStop signals;
  LineWriter lines(session.streams.out);
  const auto done = scrub(session, lines, signals.token());
  if (done) return exit_ok;
  lines.write(report::stream_line(done.error()));
  return complain(session, done.error());
}

}  // namespace

// For the daemon: lines on stdout only where a blob takes long, or an error.
Action declare_scrub_child(CLI::App& /*app*/) { return scrub_child; }

}  // namespace nodeproof::cli
