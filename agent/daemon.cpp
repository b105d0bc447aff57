#include "agent/daemon.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <optional>
#include <utility>

#include "agent/boot_state.hpp"
#include "agent/codes.hpp"
#include "agent/daemon_alarm.hpp"
#include "agent/daemon_child.hpp"
#include "agent/daemon_clock.hpp"
#include "agent/daemon_config.hpp"
#include "agent/daemon_lock.hpp"
#include "agent/daemon_memory.hpp"
#include "agent/daemon_notify.hpp"
#include "agent/daemon_side.hpp"
#include "agent/daemon_sinks.hpp"
#include "agent/daemon_socket.hpp"
#include "agent/daemon_sockets.hpp"
#include "agent/daemon_state.hpp"
#include "agent/model_json.hpp"
#include "agent/report/json.hpp"
#include "agent/report/progress_board.hpp"
#include "agent/report/progress_log.hpp"
#include "agent/report/progress_words.hpp"
#include "agent/scrub_state.hpp"
#include "common/file.hpp"
#include "common/log.hpp"
#include "common/text.hpp"

namespace nodeproof {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kMaxWaiting = 8;  // clients that wait for a check
constexpr auto kLookPatience = std::chrono::seconds(50);
constexpr auto kSinkPatience = std::chrono::minutes(10);
constexpr auto kRestAfter = std::chrono::seconds(1);
constexpr auto kStatusEvery = std::chrono::seconds(1);

enum ExitCode : int {
  exit_ok = 0,
  exit_unavailable = 69,
  exit_internal = 70,
  exit_busy = 75,
  exit_config = 78
};

std::string read_boot_id(const std::filesystem::path& file) {
  std::string id = read_file(file).value_or("");
  return id.substr(0, id.find('\n'));
}

// A pull that stalls is news; its steps are for who reads along.
void log_progress(report::ProgressLog::Weight weight, const std::string& line) {
  log::write(weight == report::ProgressLog::Weight::event ? log::Level::notice : log::Level::info,
             line);
}

std::string status_text(const report::ProgressBoard& board, const Progress& latest) {
  const std::string pulls = report::pull_text(board.cycle());
  return pulls.empty() ? "checking; " + report::progress_text(latest) : pulls;
}

}  // namespace

// The loop's one thread owns all of it.
class Supervisor {
 public:
  Supervisor(const DaemonOptions& options, Notifier notifier)
      : options_(options),
        notifier_(std::move(notifier)),
        config_(options),
        boot_id_(read_boot_id(options.boot_id_file)),
        boots_(options.state_dir),
        state_(options, boot_id_),
        stop_signals_(loop_, SIGTERM, SIGINT),
        reload_signal_(loop_, SIGHUP),
        next_cycle_(loop_),
        watchdog_(loop_),
        rest_(loop_),
        child_(loop_, options.child_silence, options.stop_grace),
        scrub_(loop_, options.child_silence, options.stop_grace, scrub_work()),
        look_(loop_, kLookPatience, options.stop_grace, look_work()),
        sinks_(loop_, sink_work()),
        sockets_(loop_, options.settle, [this] { containerd_started(); }),
        clock_(loop_, [this](std::chrono::seconds by) { clock_was_set(by); }) {}

  // Until it is asked to stop.
  Result<> run() {
    TRY(config_.load());
    note_config();
    state_.restore(config_.settings(), std::chrono::system_clock::now());
    socket_.emplace(
        TRY(StatusSocket::listen(loop_, options_.run_dir / "nodeproof.sock",
                                 [this](const std::string& method, StatusSocket::Client client) {
                                   serve(method, std::move(client));
                                 })));
    note_boot(boots_.started(boot_id_));
    watch_override();
    sockets_.watch(config_.settings().containerd_sockets);
    await_stop();
    await_reload();
    pet_watchdog();
    notifier_.send("READY=1\nSTATUS=" + state_.report().message);
    serve_sinks();
    start_cycle();
    if (options_.scrub_command) scrub_.plan();
    if (options_.look_command) look_.plan();
    loop_.run();
    note_boot(boots_.stopped(boot_id_));
    state_.leave(notifier_.is_managed());
    return {};
  }

 private:
  // Without the mark the next boot compares more than it had to.
  void note_boot(const Result<>& marked) {
    state_.set_not_kept("the mark of this boot", marked ? "" : marked.error().message);
  }

  void note_config() {
    state_.set_config_error(config_.error());
    state_.set_not_kept("the copy of the configuration", config_.not_kept());
  }

  struct Waiting {
    std::uint64_t cycle;  // answered when this one has ended
    StatusSocket::Client client;
  };

  void await_stop() {
    stop_signals_.async_wait([this](const error_code& error, int) {
      if (error) return;
      notifier_.send("STOPPING=1\nSTATUS=stopping");
      stopping_ = true;
      reload_signal_.cancel();
      child_.stop();
      scrub_.stop();
      look_.stop();
      sinks_.stop();
      sockets_.stop();
      clock_.stop();
      finish_if_stopped();
    });
  }

  void await_reload() {
    reload_signal_.async_wait([this](const error_code& error, int) {
      if (error || stopping_) return;
      reload();
      await_reload();
    });
  }

  void reload() {
    notifier_.send_reloading();
    if (auto loaded = config_.load(); !loaded) {
      log::error(loaded.error().message);  // the copy in use is gone too; what is in memory stays
    }
    note_config();
    const Verdict before = state_.report().verdict;
    state_.reconfigure(config_.settings(), std::chrono::system_clock::now());
    note_change(before);
    watch_override();
    sockets_.watch(config_.settings().containerd_sockets);
    serve_sinks();
    notifier_.send("READY=1");
    check_now();
  }

  void pet_watchdog() {
    const auto interval = notifier_.watchdog();
    if (!interval) return;
    notifier_.send("WATCHDOG=1");
    watchdog_.expires_after(*interval / 2);
    watchdog_.async_wait([this](const error_code& error) {
      if (!error) pet_watchdog();
    });
  }

  void serve(const std::string& method, StatusSocket::Client client) {
    if (method == "status") {
      const report::CycleProgress* cycle = child_.running() ? &board_.cycle() : nullptr;
      return client.reply(report::to_json(state_.report(), true, cycle));
    }
    if (method == "override") follow_override();
    if (method == "override" || method == "report") {
      return client.reply(report::to_json(state_.report()));
    }
    if (method != "check") {
      return client.reply(error_document(
          {Errc::usage, "no such method; there are status, report, check and override", ""}));
    }
    std::erase_if(waiting_, [](const Waiting& one) { return !one.client.is_there(); });
    if (waiting_.size() >= kMaxWaiting) {
      return client.reply(
          error_document({Errc::busy, "too many clients wait for a check", "ask again later"}));
    }
    // One under way may have begun before what the client wants to know about.
    waiting_.push_back({cycles_started_ + 1, std::move(client)});
    check_now();
  }

  // It may have other images now, or be another version; one that was waited for is there.
  void containerd_started() {
    log::notice("containerd has started");
    check_at_once();
  }

  // Certificates, windows and deferrals go by it; the timers do not.
  void clock_was_set(std::chrono::seconds by) {
    log::notice("the clock was set " + std::string(by.count() < 0 ? "back" : "forward") + " by " +
                std::to_string(std::abs(by.count())) + " s");
    check_at_once();
    if (options_.scrub_command) scrub_.plan();
  }

  // What was retried ever less often begins anew.
  void check_at_once() {
    retry_ = std::chrono::milliseconds(0);
    check_now();
  }

  // The file says what counts, whoever asks for a look at it.
  void follow_override() {
    state_.follow_override();
    watch_override();
    sinks_.announce(state_.report());
  }

  void watch_override() {
    const auto left = state_.override_left();
    if (!left || !state_.report().overridden) return override_end_.cancel();
    if (auto set = override_end_.set(*left, state_.report().overridden->until); !set) {
      log::warning("the override's end is looked for at each check: " + set.error().message);
    }
  }

  void check_now() {
    if (child_.running()) {
      again_ = true;
    } else {
      start_cycle();
    }
  }

  void start_cycle() {
    if (stopping_ || child_.running()) return;  // a timer that was due before it was cancelled
    again_ = false;
    next_cycle_.cancel();
    ++cycles_started_;
    board_.clear();
    notifier_.send("STATUS=checking; so far: " + state_.report().message);
    std::vector<std::string> command = options_.cycle_command(config_.file());
    const bool asked = std::ranges::any_of(
        waiting_, [this](const Waiting& one) { return one.cycle <= cycles_started_; });
    if (asked) command.emplace_back("--asked");
    auto started = child_.start(
        command, [this](const Progress& progress) { show(progress); },
        [this](CycleOutcome outcome) { end_cycle(std::move(outcome)); });
    if (!started) end_cycle({std::nullopt, std::move(started).error()});
  }

  void show(const Progress& progress) {
    const auto now = std::chrono::steady_clock::now();
    const report::ProgressBoard::Change change = board_.take(progress);
    log_.take(change, board_.cycle(), now);
    const bool at_once = change.news > report::ProgressBoard::News::moved;
    if (!at_once && now - last_status_ < kStatusEvery) return;
    last_status_ = now;
    notifier_.send("STATUS=" + status_text(board_, progress));
  }

  void end_cycle(CycleOutcome outcome) {
    board_.clear();
    if (stopping_) return finish_if_stopped();  // cut short: what it says is not about the images
    if (outcome.report && outcome.report->config_digest != config_.settings().config_digest) {
      if (again_) return start_cycle();  // reloaded meanwhile: nobody asks for these images now
      outcome = {std::nullopt, Error{Errc::internal, "the check was of another configuration", ""}};
    }
    const Verdict before = state_.report().verdict;
    const bool failed = !outcome.report;
    if (failed) {
      fail_cycle(*outcome.error);
    } else {
      last_failure_.reset();
      state_.accept(*std::move(outcome.report));
    }
    const NodeReport& report = state_.report();
    note_change(before);
    watch_override();
    notifier_.send("STATUS=" + report.message);
    sinks_.announce(report);
    answer_waiting();
    const bool unknown =
        report.verdict == Verdict::unknown && report.reason != code::kNothingRequired;
    plan_next(failed || unknown, until_deferred(report, failed));
    rest();
  }

  void note_change(Verdict before) const {
    const NodeReport& report = state_.report();
    if (report.verdict == before) return;
    log::notice("now " + std::string(to_string(report.verdict)) + ": " + report.message);
  }

  void fail_cycle(const Error& error) {
    if (error != last_failure_) log::error("no report: " + error.message);
    last_failure_ = error;
    state_.accept_failure(finding_of_failure(error), config_.settings(),
                          std::chrono::system_clock::now());
  }

  void answer_waiting() {
    const std::string document = waiting_.empty() ? "" : report::to_json(state_.report());
    std::vector<Waiting> answered;
    for (Waiting& one : std::exchange(waiting_, {})) {
      (one.cycle <= cycles_started_ ? answered : waiting_).push_back(std::move(one));
    }
    for (const Waiting& one : answered) one.client.reply(document);
  }

  // What is not known is asked again sooner: a network that was not up yet, a containerd that was
  // restarted.
  void plan_next(bool soon, std::chrono::milliseconds at_most) {
    if (again_) return start_cycle();
    const auto every = config_.settings().check_every;
    retry_ = soon ? std::min(every, retry_.count() == 0 ? options_.first_retry : retry_ * 2)
                  : std::chrono::milliseconds(0);
    next_cycle_.expires_after(std::min(soon ? retry_ : every, at_most));
    next_cycle_.async_wait([this](const error_code& error) {
      if (!error) start_cycle();
    });
  }

  // A slice ends by itself; between two there is a pause, and none begins while a cycle runs.
  SideJob::Work scrub_work() {
    return {.command = [this] { return side_command(options_.scrub_command, scrub_wanted()); },
            .pause = [this] { return until_scrub(); },
            .said = [](const Error& error) { log::info("the scrub: " + error.message); },
            .ended =
                [this] {
                  rest();
                  finish_if_stopped();
                }};
  }

  [[nodiscard]] bool scrub_wanted() const { return config_.settings().scrub; }

  [[nodiscard]] std::chrono::milliseconds until_scrub() const {
    using std::chrono::milliseconds;
    constexpr milliseconds kLook = std::chrono::hours(1);  // at most: a new image may have come
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto due = std::chrono::seconds(load_scrub(options_.state_dir).due);
    return std::max(std::min(std::chrono::duration_cast<milliseconds>(due - now), kLook),
                    options_.scrub_pause);
  }

  // What is proven may be deleted behind our back, by a kubelet that needs room or by hand.
  SideJob::Work look_work() {
    return {.command =
                [this] {
                  sockets_.look();
                  clock_.look();
                  return side_command(options_.look_command, true);
                },
            .pause = [this] { return options_.look_every; },
            .said = [this](const Error& error) { take_look(error); },
            .ended = [this] { end_look(); }};
  }

  // What a cycle could not mend is no reason for the next one.
  void take_look(const Error& error) {
    if (error.code != Errc::not_found) {
      return log::debug("the look at containerd: " + error.message);
    }
    looked_ = error.message;
  }

  void end_look() {
    const bool news = !looked_.empty() && looked_ != seen_;
    seen_ = std::exchange(looked_, "");
    rest();
    if (news && !stopping_) {
      log::notice(seen_ + ": it is checked again");
      check_at_once();
    }
    finish_if_stopped();
  }

  // A receiver that is asked may take its time; the report is what the socket gives when it is.
  DaemonSinks::Work sink_work() {
    return {.run_dir = options_.run_dir,
            .first_retry = options_.sink_retry,
            .silence = kSinkPatience,
            .grace = options_.stop_grace,
            .metrics =
                [this](const NodeReport& report) {
                  return options_.metrics(report, config_.settings().metrics_stale_after);
                },
            .command =
                [this](const report::SinkSetting& sink, report::SinkAttempt attempt) {
                  return options_.sink_command(config_.file(), sink, attempt);
                },
            .ended =
                [this] {
                  rest();
                  finish_if_stopped();
                }};
  }

  void serve_sinks() {
    if (!options_.sink_command) return;
    sinks_.announce(state_.report());
    sinks_.configure(config_.settings().sinks, config_.settings().metrics_listen);
  }

  using Command = std::function<std::vector<std::string>(const std::filesystem::path& file)>;
  [[nodiscard]] std::vector<std::string> side_command(const Command& command, bool wanted) const {
    if (!wanted || child_.running()) return {};
    return command(config_.file());
  }

  // What the start and a cycle's end needed is given back when it has been quiet for a moment.
  void rest() {
    rest_.expires_after(kRestAfter);
    rest_.async_wait([](const error_code& error) {
      if (!error) give_memory_back();
    });
  }

  void finish_if_stopped() {
    const bool side = scrub_.running() || look_.running() || sinks_.running();
    if (!stopping_ || child_.running() || side) return;
    socket_.reset();
    loop_.stop();
  }

  const DaemonOptions& options_;
  const Notifier notifier_;
  AcceptedConfig config_;
  const std::string boot_id_;
  const BootState boots_;
  DaemonState state_;
  asio::io_context loop_{1};
  asio::signal_set stop_signals_, reload_signal_;
  asio::steady_timer next_cycle_, watchdog_, rest_;
  DaemonAlarm override_end_{loop_, [this] { follow_override(); }};
  CycleChild child_;
  SideJob scrub_, look_;
  DaemonSinks sinks_;
  SocketWatch sockets_;
  ClockWatch clock_;
  std::optional<StatusSocket> socket_;
  std::vector<Waiting> waiting_;
  report::ProgressBoard board_;  // of the cycle under way
  report::ProgressLog log_{log_progress, report::ProgressLog::About::work};
  std::string looked_, seen_;  // what is wrong by the look that runs, and by the last one
  std::optional<Error> last_failure_;
  std::uint64_t cycles_started_ = 0;
  bool again_ = false;  // wanted while one was under way
  bool stopping_ = false;
  std::chrono::milliseconds retry_{0};  // the last one's pause; 0 = the last cycle knew
  std::chrono::steady_clock::time_point last_status_;
};

static Result<> run_locked(const DaemonOptions& options) {
  // Without a place for its state it goes on in memory, and says so.
  static_cast<void>(make_directories(options.state_dir, 0700));
  TRY(make_directories(options.run_dir));
  const UniqueFd lock = TRY(lock_instance(options.run_dir / "nodeproof.lock"));
  Supervisor supervisor(options, Notifier::from_environment());
  return supervisor.run();
}

int run_daemon(const DaemonOptions& options) {
  const auto ended = run_locked(options);
  if (ended) return exit_ok;
  log::error(ended.error().message +
             (ended.error().remedy.empty() ? "" : " (" + ended.error().remedy + ")"));
  switch (ended.error().code) {
    case Errc::busy:
      return exit_busy;
    case Errc::permission_denied:
      return exit_unavailable;
    case Errc::invalid_config:
      return exit_config;
    default:
      return exit_internal;
  }
}

}  // namespace nodeproof
