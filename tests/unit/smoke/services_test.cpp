// The supervisor's services, with a real server on the loopback of a network namespace of its own.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

#include "tests/unit/smoke/supervise.hpp"

namespace nodeproof::smoke {
namespace {

using std::chrono::milliseconds;

class Services : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = cannot_supervise(); !why.empty()) GTEST_SKIP() << why;
  }
  static constexpr unsigned kPort = 8080;

  static PlannedRun server(const std::string& manner, std::string http_path = "/") {
    PlannedRun run = subject({"serve", std::to_string(kPort), manner});
    run.service = PlannedService{.port = kPort, .http_path = std::move(http_path)};
    return run;
  }
  static PlannedRun failing(PlannedRun run) {
    run.timeout = milliseconds(600);
    return run;
  }
};

TEST_F(Services, AreUpWhenTheirPortTakesAConnection) {
  for (const char* manner : {"", "six"}) {
    const TestRecord record = run_alone(server(manner, ""));
    ASSERT_TRUE(record.service) << manner;
    EXPECT_EQ(record.service->state, ServiceState::up) << manner;
    EXPECT_TRUE(record.service->stopped);
    EXPECT_FALSE(record.service->killed);
    EXPECT_EQ(record.exit, 0);
    EXPECT_EQ(record.out, "stopped\n");
    EXPECT_LT(record.seconds, 5);
  }
}

TEST_F(Services, AreAskedByHttpUntilTheyAnswerAsExpected) {
  const TestRecord later = run_alone(server("later"));
  ASSERT_TRUE(later.service);
  EXPECT_EQ(later.service->state, ServiceState::up);
  EXPECT_EQ(later.service->status, 200);
  EXPECT_EQ(later.service->body, "all is well\n");
  EXPECT_EQ(run_alone(server("picky", "/health")).service->state, ServiceState::up);
  PlannedRun busy = server("busy");
  busy.service->http_status = 503;
  EXPECT_EQ(run_alone(busy).service->state, ServiceState::up);
}

TEST_F(Services, ThatDoNotAnswerAreToldApart) {
  const TestRecord busy = run_alone(failing(server("busy")));
  EXPECT_EQ(busy.state, RunState::timed_out);
  EXPECT_EQ(busy.service->state, ServiceState::wrong_status);
  EXPECT_EQ(busy.service->status, 503);
  const TestRecord garbage = run_alone(failing(server("garbage")));
  EXPECT_EQ(garbage.service->state, ServiceState::garbage);
  EXPECT_EQ(garbage.service->body, "SSH-2.0-OpenSSH_9.2\r\n");
  EXPECT_EQ(run_alone(failing(server("silent"))).service->state, ServiceState::silent);
}

TEST_F(Services, ThatListenElsewhereAreNamedWithTheirPorts) {
  PlannedRun run = failing(server(""));
  run.service->port = 9090;
  const TestRecord record = run_alone(run);
  EXPECT_EQ(record.state, RunState::timed_out);
  EXPECT_EQ(record.service->state, ServiceState::not_up);
  EXPECT_EQ(record.service->listening, std::vector<std::string>{"127.0.0.1:8080"});
}

TEST_F(Services, ThatDieFirstSayHow) {
  PlannedRun dead = subject({"ill"});
  dead.service = PlannedService{.port = kPort};
  const TestRecord record = run_alone(dead);
  EXPECT_EQ(record.state, RunState::signaled);
  EXPECT_EQ(record.signal, SIGILL);
  EXPECT_TRUE(record.fault);
  EXPECT_EQ(record.service->state, ServiceState::not_up);
  EXPECT_FALSE(record.service->stopped);
  const TestRecord crash = run_alone(server("crash"));
  EXPECT_EQ(crash.signal, SIGSEGV);
  EXPECT_NE(crash.service->state, ServiceState::up);  // its end may come before its silence is seen
}

TEST_F(Services, GetTheSignalThatTheImageNames) {
  PlannedRun run = server("deaf");
  run.service->stop_signal = SIGUSR1;
  const TestRecord record = run_alone(run);
  EXPECT_EQ(record.exit, 0);
  EXPECT_EQ(record.out, "stopped\n");
}

TEST_F(Services, ThatIgnoreItAreKilledAfterTheGrace) {
  const auto begin = std::chrono::steady_clock::now();
  const TestRecord record = run_alone(server("deaf"));
  EXPECT_EQ(record.state, RunState::signaled);
  EXPECT_EQ(record.signal, SIGKILL);
  EXPECT_TRUE(record.service->stopped);
  EXPECT_TRUE(record.service->killed);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, kStopGrace);
}

TEST_F(Services, ComeUpAgainAndAgain) {
  PlannedRun run = server("");
  run.repeat = 3;
  EXPECT_EQ(run_alone(run).runs, 3U);
  run.service->http_body = "all is lost";
  const TestRecord record = run_alone(run);
  EXPECT_EQ(record.runs, 1U);
  EXPECT_EQ(record.service->state, ServiceState::up);
}

TEST_F(Services, OfAnImageThatNamesNoProgramDoNotStart) {
  PlannedRun run = server("");
  run.args.clear();
  const TestRecord record = run_alone(run);
  EXPECT_EQ(record.state, RunState::not_started);
  EXPECT_EQ(record.cause, StartCause::file_missing);
}

}  // namespace
}  // namespace nodeproof::smoke
