#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>

#include "agent/cli/command.hpp"
#include "agent/cli/seconds.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Longest time between two looks, should a change of the directory ever be missed.
constexpr std::chrono::milliseconds kLook{5000};

bool is_ready(const std::filesystem::path& flag) { return access(flag.c_str(), F_OK) == 0; }

int milliseconds_left(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kLook).count());
}

// The daemon writes its flag into the run directory when, and only when, the node is ready.
Result<> wait_for(const std::filesystem::path& flag, Clock::time_point deadline) {
  UniqueFd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch) return fail_errno(errno, "inotify");
  bool watching = false;
  while (!is_ready(flag)) {
    if (Clock::now() >= deadline) {
      return fail(Errc::timeout, "the node is not ready yet", "nodeproof status says why");
    }
    if (!watching) {
      watching =
          inotify_add_watch(watch.get(), flag.parent_path().c_str(), IN_CREATE | IN_MOVED_TO) >= 0;
      if (watching) continue;  // it may have come in between
    }
    pollfd change{watch.get(), POLLIN, 0};
    poll(&change, 1, milliseconds_left(deadline));
    std::array<char, 4096> events{};
    while (read(watch.get(), events.data(), events.size()) > 0) {
    }
  }
  return {};
}

}  // namespace

Action declare_wait(CLI::App& app) {
  auto seconds = std::make_shared<double>(0);
  add_seconds(app, {"--timeout", "give up after so many seconds (never)"}, *seconds);
  return [seconds](Session& session) {
    const auto timeout = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(*seconds > 0 ? *seconds : 3.2e8));
    const auto flag = std::filesystem::path(session.globals.run_dir) / "ready";
    auto waited = wait_for(flag, Clock::now() + timeout);
    if (waited) return +exit_ok;
    complain(session, waited.error());
    return waited.error().code == Errc::timeout ? 1 : +exit_internal;
  };
}

}  // namespace nodeproof::cli
