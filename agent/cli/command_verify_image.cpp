#include <sys/time.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <csignal>
#include <memory>

#include "agent/cli/bounded_answer.hpp"
#include "agent/cli/command.hpp"
#include "agent/cli/output.hpp"
#include "agent/report/json.hpp"
#include "agent/report/verifier.hpp"
#include "agent/status_client.hpp"
#include "common/text.hpp"

namespace nodeproof::cli {
namespace {

using report::Decision;
using std::chrono::milliseconds;

// containerd's pull waits for all of it: 2 s, whatever hangs.
constexpr milliseconds kForTheAnswer{1500};
constexpr milliseconds kForTheCount{200};
constexpr itimerval kAll{{}, {2, 0}};
constexpr int kDeny = 1;

struct Question {
  report::PullQuestion pull;
  std::string media_type;  // of what lies on standard input, which nobody needs
  std::string operation = "pull";
};

struct Answer {
  Decision decision = Decision::undecided;
  std::string reason;
};

Result<Answer> judge(const Globals& globals, const report::PullQuestion& pull) {
  const config::Config config = TRY(load_config(globals));
  const std::string answer = TRY(ask_daemon(daemon_socket(globals), "status", kForTheAnswer));
  const NodeReport report = TRY(report::from_json(answer));
  if (report.images.empty() && report.sequence == 0) {
    return Answer{Decision::undecided, "the node is not checked yet"};
  }
  auto refused = report::refusal(report, pull);
  if (!refused) return Answer{Decision::allowed, "nothing is known against it"};
  if (config.mode == config::Mode::enforce) return Answer{Decision::denied, *std::move(refused)};
  return Answer{Decision::would_deny, "allowed in mode observe; " + *refused};
}

// A decision's letter, and why.
std::string encode(const Answer& verdict) {
  return static_cast<char>('0' + static_cast<int>(verdict.decision)) + verdict.reason;
}

Answer decode(const std::optional<std::string>& text) {
  if (!text || text->empty()) return {Decision::undecided, "no answer in time"};
  return {static_cast<Decision>(text->front() - '0'), text->substr(1)};
}

Answer decide(const Globals& globals, const Question& question) {
  if (question.operation != "pull") return {Decision::undecided, "only pulls are judged"};
  if (question.pull.name.empty() || question.pull.digest.empty()) {
    return {Decision::undecided, "no image and digest were named"};
  }
  return decode(answer_within(kForTheAnswer, [&] {
    auto verdict = judge(globals, question.pull);
    if (verdict) return encode(*verdict);
    return encode({Decision::undecided, printable(verdict.error().message, 1000)});
  }));
}

// Every way out but a refusal lets the image through.
int verify(Session& session, const Question& question) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGALRM, [](int) { _exit(exit_ok); });
  setitimer(ITIMER_REAL, &kAll, nullptr);
  const Answer verdict = decide(session.globals, question);
  const auto counted =
      report::count_decision(session.globals.run_dir, verdict.decision, kForTheCount);
  if (!counted) session.streams.err << "nodeproof: " << counted.error().message << '\n';
  session.streams.out << verdict.reason << '\n';
  return verdict.decision == Decision::denied ? kDeny : +exit_ok;
}

}  // namespace

// containerd writes its options as Go programs take them, with one dash; run() adds the second.
Action declare_verify_image(CLI::App& app) {
  auto question = std::make_shared<Question>();
  app.add_option("--name", question->pull.name, "reference of the image");
  app.add_option("--digest", question->pull.digest, "what it resolved to");
  app.add_option("--stdin-media-type", question->media_type, "not used");
  app.add_option("--operation", question->operation, "pull is judged, anything else allowed");
  return [question](Session& session) { return verify(session, *question); };
}

}  // namespace nodeproof::cli
