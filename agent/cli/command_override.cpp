#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstring>
#include <memory>

#include "agent/cli/command.hpp"
#include "agent/cli/output.hpp"
#include "agent/cli/seconds.hpp"
#include "agent/model_json.hpp"
#include "agent/override_state.hpp"
#include "agent/report/json.hpp"
#include "agent/report/overridden.hpp"
#include "agent/status_client.hpp"
#include "common/file.hpp"
#include "common/text.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::size_t kMaxReason = 500;  // bytes
constexpr std::size_t kShown = 5;        // events

struct OverrideOptions {
  bool ready = false, clear = false;
  std::string length, reason;
};

// What a daemon that runs makes of it.
struct Told {
  std::optional<NodeReport> report;  // nothing: none runs
  std::optional<Error> error;        // it could not be told
};

Result<> check_reason(const std::string& reason) {
  if (reason.find_first_not_of(" \t") == std::string::npos) {
    return fail(Errc::usage, "--reason is empty: say why, for whoever reads the report");
  }
  if (reason.size() > kMaxReason || printable(reason, kMaxReason) != reason) {
    return fail(Errc::usage, "--reason is not one line of text of at most " +
                                 std::to_string(kMaxReason) + " bytes");
  }
  return {};
}

Result<> check_usage(const OverrideOptions& options) {
  if (options.clear && options.ready) {
    return fail(Errc::usage, "--ready and --clear exclude each other");
  }
  const bool more = !options.length.empty() || !options.reason.empty();
  if (!options.ready && more) {
    return fail(Errc::usage, "--for and --reason belong to --ready",
                "nodeproof override --ready --for 4h --reason TEXT");
  }
  if (options.ready && (options.length.empty() || options.reason.empty())) {
    return fail(Errc::usage, "--ready needs both --for and --reason",
                "nodeproof override --ready --for 4h --reason TEXT");
  }
  return {};
}

// To the journal, whether or not a daemon runs that would tell it: authpriv, notice. What nobody
// listens to is in the audit all the same.
void tell_journal(const std::string& text) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, "/dev/log", sizeof address.sun_path - 1);
  const std::string line = "<85>nodeproof[" + std::to_string(::getpid()) + "]: " + text;
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::sendto(fd.get(), line.data(), line.size(), MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Told tell_daemon(const Globals& globals) {
  auto answer = ask_daemon(daemon_socket(globals), "override");
  if (!answer && answer.error().code == Errc::not_found) return {};
  if (!answer && answer.error().code == Errc::usage) {
    return {{},
            Error{Errc::busy, "the daemon that runs is another version and knows no override",
                  "systemctl restart nodeproof"}};
  }
  if (!answer) return {{}, std::move(answer).error()};
  auto report = report::from_json(*answer);
  if (!report) return {{}, std::move(report).error()};
  return {*std::move(report), {}};
}

void print_event(std::ostream& out, const OverrideEvent& event) {
  out << "  " << event.time << "  " << event.event;
  if (event.uid) {
    out << " by uid " << *event.uid;
    if (event.login_uid) out << " (login uid " << *event.login_uid << ")";
  }
  out << ", until " << event.until << ": " << printable(event.reason) << '\n';
}

void write_event(json::Writer& out, const OverrideEvent& event) {
  out.begin_object().member("time", event.time).member("event", event.event);
  out.member("until", event.until).member("reason", event.reason);
  if (event.uid) out.member("uid", std::uint64_t{*event.uid});
  if (event.login_uid) out.member("loginUid", std::uint64_t{*event.login_uid});
  if (event.pid) out.member("pid", *event.pid);
  out.end_object();
}

void print_json(Session& session, const std::optional<Override>& active,
                const std::vector<OverrideEvent>& history) {
  json::Writer out(true);
  out.begin_object().member("apiVersion", "nodeproof.dev/v1").member("kind", "Override");
  out.member("active", active.has_value());
  if (active) {
    out.key("override");
    report::write_override(out, *active);
  }
  out.key("history").begin_array();
  for (const OverrideEvent& event : history) write_event(out, event);
  out.end_array().end_object();
  session.streams.out << out.str() << '\n';
}

void print(Session& session, const OverrideState& state, const Told& told) {
  const auto active = state.active(moment_now(kernel_boot_id()));
  const auto history = state.history(kShown);
  if (session.globals.json()) return print_json(session, active, history);
  std::ostream& out = session.streams.out;
  out << (active ? printable(report::text_of(*active), 1000) : "no override: the verdict counts")
      << '\n';
  if (told.report) {
    out << "verdict: " << to_string(told.report->verdict) << ", " << printable(told.report->message)
        << '\n';
  } else if (!told.error) {
    out << "no daemon runs"
        << (active ? ": it counts in checks, and for a daemon from its start on" : "") << '\n';
  }
  if (!history.empty()) out << '\n';
  for (const OverrideEvent& event : history) print_event(out, event);
}

Result<> give(const OverrideState& state, const OverrideOptions& options) {
  const auto length = TRY(parse_span({"--for", options.length, kLongestOverride}));
  TRY(check_reason(options.reason));
  Override wanted = by_this_process();
  wanted.reason = options.reason;
  const Override given = TRY(state.give(wanted, length, moment_now(kernel_boot_id())));
  tell_journal(report::text_of(given));
  return {};
}

Result<> clear(const OverrideState& state) {
  const Override by = by_this_process();
  const auto ended = TRY(state.clear(by, moment_now(kernel_boot_id())));
  if (ended) {
    tell_journal("override cleared by " + report::text_of_giver(by) + "; it was " +
                 report::text_of(*ended));
  }
  return {};
}

int run_override(Session& session, const OverrideOptions& options) {
  if (auto usage = check_usage(options); !usage) return complain(session, usage.error());
  const OverrideState state(session.globals.state_dir);
  if (auto readable = state.readable(); !readable) return complain(session, readable.error());
  Result<> done;
  if (options.ready) done = give(state, options);
  if (options.clear) done = clear(state);
  if (!done && !options.clear) return complain(session, done.error());
  // Cleared is cleared, also when the audit could not be written.
  const bool changed = options.ready || options.clear;
  const Told told = changed || ::access(daemon_socket(session.globals).c_str(), F_OK) == 0
                        ? tell_daemon(session.globals)
                        : Told{};
  print(session, state, told);
  if (!done) return complain(session, done.error());
  return told.error ? complain(session, *told.error) : +exit_ok;
}

}  // namespace

Action declare_override(CLI::App& app) {
  auto options = std::make_shared<OverrideOptions>();
  app.add_flag("--ready", options->ready, "count this node as ready, whatever is proven");
  app.add_option("--for", options->length, "with --ready: how long (30m, 4h, 2d; 7d at most)");
  app.add_option("--reason", options->reason, "with --ready: why; it is in every report");
  app.add_flag("--clear", options->clear, "the verdict counts again");
  return [options](Session& session) { return run_override(session, *options); };
}

}  // namespace nodeproof::cli
