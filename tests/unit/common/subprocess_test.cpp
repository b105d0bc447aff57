#include "common/subprocess.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Command shell(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script}, .environment = {}, .input = {}};
}

Errc code_of(const Result<Finished>& finished) {
  return finished ? Errc::internal : finished.error().code;
}

TEST(RunCommand, GivesInputTakesOutputErrorsAndStatus) {
  Command command = shell("read line; echo \"got $line\"; echo oops >&2; exit 3");
  command.input = "a question\n";
  const auto finished = run_command(command, {});
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_EQ(finished->output, "got a question\n");
  EXPECT_EQ(finished->errors, "oops\n");
  EXPECT_EQ(finished->exit_status, 3);
}

TEST(RunCommand, EndsTheInputSoThatNothingWaitsForMore) {
  Command command = shell("cat");
  command.input = "all of it";
  EXPECT_EQ(run_command(command, {}).value().output, "all of it");
}

TEST(RunCommand, GivesTheEnvironmentItWasToldAndNoOther) {
  Command command{.argv = {"/usr/bin/env"}, .environment = {"ONE=1", "TWO=b c"}, .input = {}};
  EXPECT_EQ(run_command(command, {}).value().output, "ONE=1\nTWO=b c\n");
}

TEST(RunCommand, LeaksNoDescriptorIntoTheProgram) {
  constexpr int kHigh = 50;  // beyond what the shell opens for itself
  const int secret = fcntl(STDERR_FILENO, F_DUPFD, kHigh);
  ASSERT_GE(secret, kHigh);
  const auto finished =
      run_command(shell("[ -e /proc/$$/fd/" + std::to_string(secret) + " ] && echo leaked"), {});
  close(secret);
  EXPECT_EQ(finished.value().output, "");
}

TEST(RunCommand, SaysHowASignalEndedIt) {
  EXPECT_EQ(run_command(shell("kill -TERM $$"), {}).value().exit_status, 128 + SIGTERM);
}

TEST(RunCommand, NamesTheProgramThatDoesNotStart) {
  const fakes::TempFolder folder;
  const auto plain = folder.path() / "plain";
  std::ofstream(plain) << "x";
  const auto missing =
      run_command({.argv = {"/nowhere/helper"}, .environment = {}, .input = {}}, {});
  EXPECT_EQ(code_of(missing), Errc::not_found);
  EXPECT_NE(missing.error().message.find("/nowhere/helper"), std::string::npos);
  EXPECT_EQ(code_of(run_command({.argv = {plain}, .environment = {}, .input = {}}, {})),
            Errc::permission_denied);
  EXPECT_EQ(code_of(run_command({.argv = {"sh"}, .environment = {}, .input = {}}, {})),
            Errc::internal);
}

TEST(RunCommand, EndsOneThatTakesTooLong) {
  Command command = shell("exec sleep 1000");
  command.timeout = milliseconds(100);
  EXPECT_EQ(code_of(run_command(command, {})), Errc::timeout);
}

TEST(RunCommand, EndsOneThatNeverStopsTalking) {
  Command command = shell("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
  command.max_output = 1000;
  EXPECT_EQ(code_of(run_command(command, {})), Errc::too_large);
}

TEST(RunCommand, KeepsTheBeginningOfManyErrorsOnly) {
  const auto finished =
      run_command(shell("i=0; while [ $i -lt 5000 ]; do echo error >&2; i=$((i+1)); done"), {});
  EXPECT_EQ(finished.value().errors.size(), 4096U);
  EXPECT_EQ(finished->exit_status, 0);
}

TEST(RunCommand, ReturnsAfterStop) {
  std::stop_source stop;
  const std::jthread stopper([&] { stop.request_stop(); });
  Command command = shell("exec sleep 1000");
  command.timeout = seconds(60);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of(run_command(command, stop.get_token())), Errc::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

TEST(RunCommand, LeavesNothingOfItsGroupBehind) {
  // The one in the background holds the output, and would for long.
  const auto begin = std::chrono::steady_clock::now();
  const auto finished = run_command(shell("sleep 1000 & echo $!"), {});
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
  const pid_t left = std::stoi(finished->output);
  const auto gone = [&] {
    std::ifstream stat("/proc/" + std::to_string(left) + "/stat");
    std::string text;
    return !std::getline(stat, text) || text.find(") Z ") != std::string::npos;
  };
  while (!gone() && std::chrono::steady_clock::now() - begin < seconds(5))
    std::this_thread::yield();
  EXPECT_TRUE(gone());
}

TEST(RunCommand, SurvivesAProgramThatReadsNothing) {
  Command command = shell("exit 0");
  command.input = std::string(4096, 'x');
  EXPECT_EQ(run_command(command, {}).value().exit_status, 0);
  command.input += 'x';
  EXPECT_EQ(code_of(run_command(command, {})), Errc::internal);
}

}  // namespace
}  // namespace nodeproof
