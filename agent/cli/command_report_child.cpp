#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "agent/cli/command.hpp"
#include "agent/cli/report_file.hpp"
#include "agent/cli/report_sinks.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/unpack_rights.hpp"
#include "agent/report/attestation.hpp"
#include "agent/report/cycle_stream.hpp"
#include "agent/report/json.hpp"
#include "agent/status_client.hpp"
#include "common/http_curl.hpp"

namespace nodeproof::cli {
namespace {

struct ReportChildOptions {
  std::string sink, receiver;
  bool news = false;
  bool hold = false;
};

// Read anew each time: keys are rotated without a restart.
Result<std::string> signed_document(const std::string& document, const NodeReport& report,
                                    const std::string& key_file) {
  if (key_file.empty()) return document;
  const PrivateKey key = TRY(read_private_key(key_file, "report.signing.key"));
  return report::with_attestations(document, TRY(report::attest(report, key)));
}

// Only what is signed is sent, where it is asked for.
bool is_signed(const std::string& sink) { return sink == "file" || sink == "webhook"; }

Result<report::Delivery> delivery_of(const Globals& globals, const config::Config& config,
                                     const ReportChildOptions& options) {
  const std::filesystem::path run_dir = globals.run_dir;
  report::Delivery delivery;
  delivery.document = TRY(ask_daemon(run_dir / "nodeproof.sock", "report"));
  delivery.report = TRY(report::from_json(delivery.document));
  if (is_signed(options.sink)) {
    delivery.document =
        TRY(signed_document(delivery.document, delivery.report, config.report.signing_key));
  }
  delivery.counters = report::load_counters(run_dir);
  delivery.news = options.news;
  delivery.hold = options.hold;
  delivery.now = std::chrono::floor<std::chrono::seconds>(SystemClock().now());
  return delivery;
}

Result<> deliver(const Globals& globals, const ReportChildOptions& options,
                 report::SinkState& state) {
  const SignalStop signals;
  const config::Config config = TRY(load_config(globals));
  CurlHttpClient http;
  const SystemClock clock;
  const auto sink = open_sink(options.sink, config, {http, clock, globals.state_dir});
  if (!sink) return fail(Errc::usage, "the configuration names no sink " + options.sink);
  const auto delivery = delivery_of(globals, config, options);
  if (!delivery) return std::unexpected(delivery.error());
  return sink->deliver(*delivery, state, signals.token());
}

// What the last attempt left for this one. A receiver that is not asked says nothing new of itself.
void begin(report::SinkState& state, const ReportChildOptions& options) {
  if (state.receiver != options.receiver) {
    state.receiver = options.receiver;
    state.memory.clear();
    state.stopped = false;
  }
  state.done = state.kept = false;
  if (options.hold) return;
  state.retry_after.reset();
  state.stopped = state.more = false;
  state.problem.clear();
}

int report_child(Session& session, const ReportChildOptions& options) {
  UnpackRights::give_up();
  const auto now = std::chrono::floor<std::chrono::seconds>(SystemClock().now());
  auto state = report::load_sink_state(session.globals.run_dir, options.sink, now);
  begin(state, options);
  const std::uint64_t failures = state.counters.failures;
  auto done = deliver(session.globals, options, state);
  ++state.attempts;
  state.done = done.has_value();
  if (!done && state.counters.failures == failures) ++state.counters.failures;
  if (!done && state.problem.empty()) state.problem = done.error().message;
  const auto saved = report::save_sink_state(session.globals.run_dir, state);
  if (done && !saved) done = saved;
  if (done) return exit_ok;
  session.streams.out << report::stream_line(done.error()) << std::flush;
  return exit_code_of(done.error().code);
}

}  // namespace

// For the daemon: one attempt of one sink. Its state in the runtime folder says how it went, a line
// on stdout what to do about it.
Action declare_report_child(CLI::App& app) {
  auto options = std::make_shared<ReportChildOptions>();
  app.add_option("--sink", options->sink)->required();
  app.add_option("--receiver", options->receiver);
  app.add_flag("--news", options->news);
  app.add_flag("--hold", options->hold);
  return [options](Session& session) { return report_child(session, *options); };
}

}  // namespace nodeproof::cli
