// A check command beside a service, as the supervisor runs Docker's HEALTHCHECK.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

#include "tests/fakes/temp_folder.hpp"
#include "tests/unit/smoke/supervise.hpp"

namespace nodeproof::smoke {
namespace {

using std::chrono::milliseconds;

class HealthChecks : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = cannot_supervise(); !why.empty()) GTEST_SKIP() << why;
  }
  static PlannedRun checked(std::vector<std::string> check) {
    PlannedRun run = subject({"serve", "8080", ""});
    run.service.emplace().check = std::move(check);
    run.service->check_pause = milliseconds(20);
    return run;
  }
  static PlannedRun checked_by_shell(const std::string& script) {
    return checked({"/bin/sh", "-c", script});
  }
};

TEST_F(HealthChecks, PassWithTheirFirstSuccess) {
  PlannedRun run = checked_by_shell("echo well; exit 0");
  run.service->port = 8080;  // before it listens it would not know its stop signal
  const TestRecord record = run_alone(run);
  ASSERT_TRUE(record.service);
  EXPECT_EQ(record.service->state, ServiceState::up);
  EXPECT_EQ(record.service->body, "well\n");
  EXPECT_TRUE(record.service->stopped);
  EXPECT_FALSE(record.service->killed);
  EXPECT_EQ(record.exit, 0);
  EXPECT_EQ(record.out, "stopped\n");
}

TEST_F(HealthChecks, AreRunAgainUntilThen) {
  const fakes::TempFolder folder;
  const std::string count = folder.path() / "count";
  const TestRecord record =
      run_alone(checked_by_shell("echo x >> " + count + "; [ $(wc -l < " + count + ") -ge 3 ]"));
  EXPECT_EQ(record.service->state, ServiceState::up);
}

TEST_F(HealthChecks, ThatFailToTheEndSayHow) {
  PlannedRun run = checked_by_shell("echo sick; echo very >&2; exit 7");
  run.timeout = milliseconds(500);
  const TestRecord record = run_alone(run);
  EXPECT_EQ(record.state, RunState::timed_out);
  EXPECT_EQ(record.service->state, ServiceState::check_failed);
  EXPECT_EQ(record.service->status, 7);
  EXPECT_EQ(record.service->body, "sick\nvery\n");
  EXPECT_FALSE(record.service->stopped);
}

TEST_F(HealthChecks, ThatHangAreEndedAndTriedAgain) {
  PlannedRun run = checked_by_shell("sleep 1000 & sleep 1000");
  run.service->check_timeout = milliseconds(50);
  run.timeout = milliseconds(700);
  const auto begin = std::chrono::steady_clock::now();
  const TestRecord record = run_alone(run);
  EXPECT_EQ(record.state, RunState::timed_out);
  EXPECT_EQ(record.service->state, ServiceState::check_failed);
  EXPECT_EQ(record.service->status, -1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(HealthChecks, ThatCannotBeStartedAreNotTriedAgain) {
  for (const char* program : {"/nowhere/check", "no-such-check"}) {
    const TestRecord record = run_alone(checked({program}));
    ASSERT_TRUE(record.service) << program;
    EXPECT_EQ(record.service->state, ServiceState::check_unusable) << program;
    EXPECT_NE(record.service->body.find(program), std::string::npos) << record.service->body;
    EXPECT_LT(record.seconds, 5);
  }
}

TEST_F(HealthChecks, OfAServiceThatDiesFirstDoNotCount) {
  PlannedRun run = subject({"ill"});
  run.service.emplace().check = {"/bin/sh", "-c", "sleep 1000"};
  const TestRecord record = run_alone(run);
  EXPECT_EQ(record.state, RunState::signaled);
  EXPECT_EQ(record.signal, SIGILL);
  EXPECT_FALSE(record.service->stopped);
}

TEST_F(HealthChecks, RunBesideAPortThatIsAskedForToo) {
  PlannedRun run = checked_by_shell("exit 0");
  run.service->port = 8080;
  EXPECT_EQ(run_alone(run).service->state, ServiceState::up);
  run.service->port = 9090;
  run.timeout = milliseconds(500);
  const TestRecord record = run_alone(run);
  EXPECT_EQ(record.state, RunState::timed_out);
  EXPECT_EQ(record.service->state, ServiceState::not_up);
}

}  // namespace
}  // namespace nodeproof::smoke
