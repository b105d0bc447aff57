#include "agent/smoke/judge_kinds.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>

#include "agent/codes.hpp"

namespace nodeproof::smoke {
namespace {

class JudgeKinds : public ::testing::Test {
 protected:
  JudgeKinds() {
    test.name = "it";
    record.state = RunState::exited;
    record.exit = 0;
    record.runs = 1;
    record.program = "/app";
  }
  [[nodiscard]] Judged judge() const { return judge_kind(test, record, {host, Emulation::refuse}); }
  void expect(std::string_view code, Severity severity, std::string_view reason) const {
    const Judged judged = judge();
    EXPECT_FALSE(judged.passed);
    ASSERT_TRUE(judged.finding) << judged.reason;
    EXPECT_EQ(judged.finding->code, code);
    EXPECT_EQ(judged.finding->severity, severity);
    EXPECT_FALSE(judged.finding->remedy.empty());
    EXPECT_EQ(judged.reason, reason);
  }
  void expect_fail(std::string_view reason) const {
    expect(code::kSmokeFailed, Severity::fail, reason);
  }
  void expect_unknown(std::string_view reason) const {
    expect(code::kSmokeNotRun, Severity::unknown, reason);
  }

  HostFacts host;
  SmokeTest test;
  TestRecord record;
};

TEST_F(JudgeKinds, TooFewProcessorsAreNoVerdict) {
  test.cpus = 4;
  record = {};
  record.cpus = 1;
  expect_unknown("it asks for 4 processors, and here 1 can be used");
}

TEST_F(JudgeKinds, NamesTheCommandThatFailedBefore) {
  test.before = {{"true"}, {"psql", "-c", "select"}};
  record = {};
  record.before = CommandRecord{1, {}};
  record.before->run.state = RunState::exited;
  record.before->run.exit = 2;
  expect_fail("the command before it, \"psql -c select\", ended with 2, expected 0");
  EXPECT_EQ(judge().finding->message,
            "test \"it\": the command before it, \"psql -c select\", ended with 2, expected 0");
}

TEST_F(JudgeKinds, NotesACommandThatFailedAfterwards) {
  test.after = {{"rm", "x"}};
  record.after = CommandRecord{0, {}};
  record.after->run.state = RunState::signaled;
  record.after->run.signal = SIGTERM;
  EXPECT_TRUE(judge().passed);
  EXPECT_FALSE(judge().finding);
  EXPECT_EQ(judge().reason, "the command after it, \"rm x\", died of SIGTERM");
  record.exit = 1;
  expect_fail("ended with 1, expected 0");
}

TEST_F(JudgeKinds, SaysWhichRunFailed) {
  test.repeat = 100;
  record.runs = 100;
  EXPECT_TRUE(judge().passed);
  EXPECT_EQ(judge().reason, "");
  record.runs = 3;
  expect_unknown("only 3 runs of 100 were made");
  record.exit = 1;
  expect_fail("run 3 of 100: ended with 1, expected 0");
  EXPECT_EQ(judge().finding->message, "test \"it\", run 3 of 100, ended with 1, expected 0");
}

class JudgeService : public JudgeKinds {
 protected:
  JudgeService() {
    test.service = ServiceCheck{.port = 8080, .http_path = "/", .http_status = 0, .http_body = {}};
    record.service = ServiceRecord{};
    record.service->state = ServiceState::up;
    record.service->stopped = true;
  }
};

TEST_F(JudgeService, LooksAtNoExitOfWhatWasStopped) {
  record.exit = 143;
  EXPECT_TRUE(judge().passed);
  record.state = RunState::signaled;
  record.signal = SIGKILL;
  record.service->killed = true;
  EXPECT_TRUE(judge().passed);
  EXPECT_EQ(judge().reason, "its stop signal did not end it within 10 s, SIGKILL did");
}

TEST_F(JudgeService, LooksAtItsAnswerAndItsOutput) {
  test.service->http_body = "well";
  record.service->body = "all is lost\n";
  expect_fail("its answer does not match well");
  EXPECT_EQ(judge().finding->evidence, "all is lost");
  record.service->body = "all is well";
  test.expect.stderr_excludes = {"panic"};
  record.err = "panic: oh\n";
  expect_fail("its error output matches panic, which it must not");
}

TEST_F(JudgeService, TellsHowItDied) {
  record.service = ServiceRecord{};
  record.exit = 1;
  record.err = "no config\n";
  expect_fail("ended with 1 before it listened on port 8080");
  EXPECT_EQ(judge().finding->evidence, "no config");
  record.exit = 0;
  expect_fail(
      "ended with 0 before it listened on port 8080: a service must stay in the foreground");
  record.state = RunState::signaled;
  record.signal = SIGABRT;
  expect(code::kProgramCrashed, Severity::fail, "died of SIGABRT before it listened on port 8080");
  record.service->state = ServiceState::wrong_status;
  record.service->status = 500;
  expect(code::kProgramCrashed, Severity::fail,
         "answered GET / on port 8080 with 500, expected 200 to 399, then died of SIGABRT");
  record.service->state = ServiceState::up;
  expect(code::kProgramCrashed, Severity::fail, "died of SIGABRT right after it was up");
}

TEST_F(JudgeService, TellsWhatItDidInsteadOfAnswering) {
  record.state = RunState::timed_out;
  record.service = ServiceRecord{};
  expect_fail("did not listen on port 8080 within 20 s: nothing in the container listens");
  record.service->listening = {"0.0.0.0:80", "[::]:80"};
  expect_fail("did not listen on port 8080 within 20 s: it listens on 0.0.0.0:80, [::]:80");
  record.service->state = ServiceState::silent;
  expect_fail("took the connection and did not answer GET / on port 8080, for 20 s");
  record.service->state = ServiceState::garbage;
  record.service->body = "SSH-2.0\r\n";
  expect_fail("answered GET / on port 8080 with something that is no HTTP: SSH-2.0, for 20 s");
  test.service->http_status = 204;
  record.service->state = ServiceState::wrong_status;
  record.service->status = 503;
  expect_fail("answered GET / on port 8080 with 503, expected 204, for 20 s");
}

TEST_F(JudgeService, TellsWhatItsHealthCheckSaid) {
  test.service = ServiceCheck{};
  test.service->check = {"/check"};
  test.service->check_timeout = std::chrono::seconds(3);
  record.service = ServiceRecord{};
  record.state = RunState::timed_out;
  expect_fail("was not healthy within 20 s: its check came to no end");
  record.service->state = ServiceState::check_failed;
  record.service->status = 7;
  record.service->body = "sick\n";
  expect_fail("was not healthy within 20 s: its check ended with 7");
  EXPECT_EQ(judge().finding->evidence, "the check: sick ");
  record.service->status = -1;
  expect_fail("was not healthy within 20 s: its check did not end within 3.0 s");
  record.state = RunState::exited;
  record.exit = 1;
  record.service->status = 7;
  expect_fail("ended with 1 before it was healthy; its check ended with 7");
  record.service->state = ServiceState::check_unusable;
  record.service->body = "/check: ENOENT";
  expect_fail("has a check that cannot be started: /check: ENOENT");
  record.state = RunState::signaled;
  record.service->state = ServiceState::up;
  record.service->stopped = true;
  EXPECT_TRUE(judge().passed);
}

TEST_F(JudgeService, DoesNotBlameTheImageForTheSandbox) {
  record.service = ServiceRecord{};
  record.exit = 100;
  record.err = "s6-overlay-suexec: fatal: can only run as pid 1\n";
  expect_unknown(
      "ended with 100 before it listened on port 8080: it insists on being process 1, which is "
      "nodeproof's here");
  record.exit = 1;
  record.err = "chown(\"/var/cache\", 101) failed (1: Operation not permitted)\n";
  expect_unknown(
      "ended with 1 before it listened on port 8080: it seems to need a capability, and tests have "
      "none");
}

TEST_F(JudgeService, OfAnImageWithoutAProgramDidNotStart) {
  record = {};
  record.cause = StartCause::file_missing;
  record.detail = "the image names no program to start";
  EXPECT_FALSE(judge().passed);
  EXPECT_NE(judge().reason.find("names no program"), std::string::npos) << judge().reason;
}

class JudgeFile : public JudgeKinds {
 protected:
  JudgeFile() {
    test.file = FileCheck{};
    test.file->path = "/etc/app.conf";
    record = {};
    record.file = FileFacts{};
    record.file->mode = S_IFREG | 0644U;
    record.file->content = "colour = red\nsize = 1\n";
  }
  [[nodiscard]] FileCheck& check() { return *test.file; }
  [[nodiscard]] FileFacts& facts() { return *record.file; }
};

TEST_F(JudgeFile, PassesWhatIsAsAsked) {
  EXPECT_TRUE(judge().passed);
  check().mode = "-rw-r--r--";
  check().uid = check().gid = 0;
  check().contains = {"^colour = red$", "size"};
  check().excludes = {"password"};
  EXPECT_TRUE(judge().passed) << judge().reason;
}

TEST_F(JudgeFile, TellsWhetherItIsThere) {
  check().exists = false;
  expect_fail("/etc/app.conf is in the image, and must not be");
  facts().error = ENOENT;
  EXPECT_TRUE(judge().passed);
  check().exists = true;
  expect_fail("/etc/app.conf is not in the image");
  facts().link = "../nowhere";
  expect_fail("/etc/app.conf leads nowhere");
  EXPECT_EQ(judge().finding->evidence, "a symlink to ../nowhere");
  facts().error = ELOOP;
  expect_unknown("/etc/app.conf could not be looked at: ELOOP");
  facts().foreign = true;
  expect_unknown(
      "/etc/app.conf lies on a mount of the smoke container's own, which hides the image's");
}

TEST_F(JudgeFile, TellsEverythingThatIsWrongWithItsMetadata) {
  check().mode = "-rwxr-xr-x";
  check().uid = 7;
  check().gid = 8;
  check().executable_by = "any";
  facts().gid = 8;
  expect_fail(
      "/etc/app.conf is not as expected: its mode is -rw-r--r--, expected -rwxr-xr-x; its user ID "
      "is 0, expected 7; it is not executable by any");
}

TEST_F(JudgeFile, ReadsModesAsLsAndAsGoWriteThem) {
  const auto fits = [&](unsigned mode, const char* text) {
    facts().mode = mode;
    check().mode = text;
    return judge().passed;
  };
  EXPECT_TRUE(fits(S_IFDIR | 01777U, "drwxrwxrwt"));
  EXPECT_TRUE(fits(S_IFDIR | 01777U, "dtrwxrwxrwx"));
  EXPECT_TRUE(fits(S_IFREG | 04755U, "-rwsr-xr-x"));
  EXPECT_TRUE(fits(S_IFREG | 04755U, "urwxr-xr-x"));
  EXPECT_TRUE(fits(S_IFREG | 02644U, "-rw-r-Sr--"));
  EXPECT_FALSE(fits(S_IFREG | 0755U, "-rwsr-xr-x"));
  EXPECT_FALSE(fits(S_IFREG | 0777U, "lrwxrwxrwx"));
  facts().link = "target";
  EXPECT_TRUE(fits(S_IFREG | 0755U, "Lrwxrwxrwx"));
}

TEST_F(JudgeFile, AsksWhoMayExecuteIt) {
  facts().mode = S_IFREG | 0754U;
  for (const auto& [by, may] :
       {std::pair("owner", true), {"group", true}, {"other", false}, {"any", true}}) {
    check().executable_by = by;
    EXPECT_EQ(judge().passed, may) << by;
  }
}

TEST_F(JudgeFile, SearchesItsContent) {
  check().contains = {"blue"};
  expect_fail("/etc/app.conf does not contain blue");
  check().contains.clear();
  check().excludes = {"red"};
  expect_fail("/etc/app.conf contains what it must not: red");
  facts().content.reset();
  facts().size = 5'000'000;
  expect_unknown("/etc/app.conf is too large to search: 5.0 MB");
  facts().mode = S_IFDIR | 0755U;
  expect_fail("/etc/app.conf is no regular file");
}

}  // namespace
}  // namespace nodeproof::smoke
