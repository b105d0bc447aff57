#include "agent/smoke/judge.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>

#include "agent/codes.hpp"
#include "agent/smoke/judge_fault.hpp"

namespace nodeproof::smoke {
namespace {

class Judge : public ::testing::Test {
 protected:
  Judged judge(Emulation emulation = Emulation::refuse) {
    return judge_test(test, record, {host, emulation});
  }
  void expect_fail(std::string_view code) {
    const Judged judged = judge();
    EXPECT_FALSE(judged.passed);
    ASSERT_TRUE(judged.finding);
    EXPECT_EQ(judged.finding->code, code) << judged.finding->message;
    EXPECT_EQ(judged.finding->severity, Severity::fail);
    EXPECT_FALSE(judged.finding->remedy.empty());
    EXPECT_FALSE(judged.reason.empty());
  }
  static RunRecord exited(int code) {
    RunRecord record;
    record.state = RunState::exited;
    record.exit = code;
    record.program = "/app";
    return record;
  }

  HostFacts host;
  SmokeTest test{.name = "starts", .args = {"/app"}, .env = {}, .user = {}, .expect = {}};
  RunRecord record = exited(0);
};

TEST_F(Judge, PassesWhatEndsAsExpected) {
  EXPECT_TRUE(judge().passed);
  EXPECT_FALSE(judge().finding);
  record.exit = 7;
  test.expect.exit = 7;
  EXPECT_TRUE(judge().passed);
}

TEST_F(Judge, FailsAnotherExitCodeWithTheLastLinesAsEvidence) {
  record.exit = 3;
  record.err = "first\nsecond\nthird\n\x1b[31mfourth\n\n";
  expect_fail(code::kSmokeFailed);
  EXPECT_EQ(judge().reason, "ended with 3, expected 0");
  EXPECT_TRUE(judge().finding->evidence.starts_with("second | third | "))
      << judge().finding->evidence;
  EXPECT_EQ(judge().finding->evidence.find('\x1b'), std::string::npos);
}

TEST_F(Judge, ReadsAShellsExitCodes) {
  record.exit = 127;
  EXPECT_NE(judge().reason.find("did not find"), std::string::npos);
  record.exit = 128 + SIGILL;
  EXPECT_NE(judge().reason.find("SIGILL"), std::string::npos);
}

TEST_F(Judge, MatchesOutputLineByLine) {
  test.expect.stdout_matches = {"^42$"};
  record.out = "the answer:\n42\n";
  EXPECT_TRUE(judge().passed);
  record.out = "421\n";
  expect_fail(code::kSmokeFailed);
  test.expect.stdout_matches = {};
  test.expect.stderr_matches = {"^ready"};
  expect_fail(code::kSmokeFailed);
  record.err = "ready\n";
  EXPECT_TRUE(judge().passed);
}

TEST_F(Judge, KeepsItsTimeOnExpressionsMadeToExplode) {
  test.expect.stdout_matches = {"^(a+)+$"};
  record.out.assign(64 << 10, 'a');
  record.out += '!';
  expect_fail(code::kSmokeFailed);
}

TEST_F(Judge, SaysUnknownForAnExpressionNobodyUnderstands) {
  test.expect.stdout_matches = {"(?=ahead)"};
  const Judged judged = judge();
  EXPECT_FALSE(judged.passed);
  EXPECT_EQ(judged.finding->code, code::kSmokeNotRun);
  EXPECT_EQ(judged.finding->severity, Severity::unknown);
}

#if defined(__x86_64__)
constexpr const char* kTrap = "0f0b";
constexpr const char* kVector = "62f17d48efc0";
constexpr const char* kExtension = "avx512f";
#else
constexpr const char* kTrap = "00000000";
constexpr const char* kVector = "e0e31825";
constexpr const char* kExtension = "sve";
#endif

TEST_F(Judge, NamesTheExtensionThatIsMissing) {
  record.state = RunState::signaled;
  record.signal = SIGILL;
  record.fault = Fault{SIGILL, 2, 0x400078, 0x400078, kVector, true};
  expect_fail(code::kMissingIsaExtension);
  EXPECT_NE(judge().reason.find(kExtension), std::string::npos);
  EXPECT_NE(judge().finding->evidence.find(kVector), std::string::npos);
  host.hwcaps = {kExtension};
  expect_fail(code::kProgramCrashed);
}

TEST_F(Judge, TellsADeliberateTrapFromAMissingExtension) {
  record.state = RunState::signaled;
  record.signal = SIGILL;
  record.fault = Fault{SIGILL, 2, 0x400078, 0x400078, kTrap, true};
  expect_fail(code::kProgramCrashed);
  EXPECT_NE(judge().reason.find("deliberate trap"), std::string::npos);
  record.fault.reset();
  expect_fail(code::kProgramCrashed);
  EXPECT_EQ(judge().reason, "died of SIGILL");
}

TEST_F(Judge, SeesThroughAShellToTheChildThatDied) {
  record.exit = 128 + SIGILL;
  record.fault = Fault{SIGILL, 2, 0x400078, 0x400078, kVector, false};
  expect_fail(code::kMissingIsaExtension);
  EXPECT_NE(judge().reason.find("a process it started"), std::string::npos);
}

TEST_F(Judge, RefusesEmulationUnlessItIsAllowed) {
  record.mapped = "/usr/bin/qemu-aarch64-static";
  expect_fail(code::kWouldRunEmulated);
  EXPECT_TRUE(judge(Emulation::warn).passed);
  EXPECT_EQ(judge(Emulation::warn).finding->severity, Severity::warn);
  EXPECT_EQ(judge(Emulation::allow).finding->severity, Severity::info);
}

struct Start {
  StartCause cause;
  std::string_view code;
};

TEST_F(Judge, HasOneCodePerReasonNotToStart) {
  const Start starts[] = {{StartCause::file_missing, code::kSmokeFailed},
                          {StartCause::file_empty, code::kFileCorrupt},
                          {StartCause::file_zeroed, code::kFileCorrupt},
                          {StartCause::file_truncated, code::kFileCorrupt},
                          {StartCause::wrong_architecture, code::kArchMismatch},
                          {StartCause::no_shebang, code::kNotExecutable},
                          {StartCause::interpreter_missing, code::kLoaderMissing},
                          {StartCause::interpreter_unusable, code::kSmokeFailed},
                          {StartCause::not_mapped, code::kPageSizeIncompatible},
                          {StartCause::not_executable, code::kNotExecutable},
                          {StartCause::user_unknown, code::kSmokeFailed},
                          {StartCause::cwd_unusable, code::kSmokeFailed},
                          {StartCause::other, code::kSmokeFailed}};
  record = {};
  record.program = "/app";
  record.error = ENOEXEC;
  for (const Start& start : starts) {
    record.cause = start.cause;
    expect_fail(start.code);
  }
  EXPECT_EQ(judge().finding->evidence, "execve: ENOEXEC");
  record.cause = StartCause::sandbox;
  EXPECT_EQ(judge().finding->severity, Severity::unknown);
}

TEST_F(Judge, NamesTimeoutsFloodsAndKills) {
  record.state = RunState::timed_out;
  EXPECT_NE(judge().reason.find("20 s"), std::string::npos) << judge().reason;
  expect_fail(code::kTimedOut);
  record.state = RunState::output_limit;
  expect_fail(code::kOutputLimit);
  record.state = RunState::signaled;
  record.signal = SIGKILL;
  EXPECT_NE(judge().reason.find("memory limit"), std::string::npos);
}

TEST_F(Judge, NamesTheMemoryLimitAlsoWhenAChildWasKilled) {
  record.exit = 1;
  record.cgroup = {true, 1, 1'000'000'000, true, 0};
  expect_fail(code::kOutOfMemory);
  EXPECT_EQ(judge().reason, "killed by the memory limit of 1.0 GB (sandbox.memory)");
  record.exit = 0;
  EXPECT_TRUE(judge().passed);
  EXPECT_EQ(judge().finding->severity, Severity::warn);
}

TEST_F(Judge, DoesNotBlameAnImageForAHostWithoutMemory) {
  record.exit = 1;
  record.cgroup = {true, 1, 1'000'000'000, false, 0};
  EXPECT_EQ(judge().finding->severity, Severity::unknown);
  record.exit = 0;
  EXPECT_FALSE(judge().passed);
  EXPECT_EQ(judge().finding->severity, Severity::unknown);
}

TEST_F(Judge, BelievesTheCgroupThatNothingWasKilledForMemory) {
  record.state = RunState::signaled;
  record.signal = SIGKILL;
  record.cgroup.memory_known = true;
  expect_fail(code::kSmokeFailed);
  EXPECT_EQ(judge().reason, "died of SIGKILL, not sent by nodeproof");
}

TEST_F(Judge, NamesTheLimitOfProcessesOfAFailedTestOnly) {
  record.cgroup.refused_forks = 7;
  EXPECT_TRUE(judge().passed);
  EXPECT_FALSE(judge().finding);
  record.exit = 1;
  expect_fail(code::kProcessLimit);
}

TEST_F(Judge, TrustsARuntimesWordsMoreThanTheCrashThatFollows) {
  record.state = RunState::signaled;
  record.signal = SIGSEGV;
  record.fault = Fault{SIGSEGV, SEGV_MAPERR, 0, 0x400078, "", true};
  record.err = "<jemalloc>: Unsupported system page size\n";
  expect_fail(code::kPageSizeIncompatible);
}

TEST_F(Judge, BlamesTheEmulatorForAFailureUnderIt) {
  record.exit = 1;
  record.mapped = "/usr/bin/qemu-aarch64-static";
  expect_fail(code::kWouldRunEmulated);
  EXPECT_EQ(judge(Emulation::allow).finding->code, code::kSmokeFailed);
}

TEST_F(Judge, ReadsTheLoadersWordsInATest) {
  record.exit = 127;
  record.err =
      "/app: error while loading shared libraries: libz.so.1: cannot open shared object file\n";
  expect_fail(code::kLibraryMissing);
}

TEST_F(Judge, TrustsTheLoadersDryRun) {
  record.out = "\tlibc.so.6 => /lib/libc.so.6 (0x1)\n";
  EXPECT_TRUE(judge_loader("/app", record, {host}).passed);
  record.out = "\tlibz.so.1 => not found\n";
  EXPECT_EQ(judge_loader("/app", record, {host}).finding->code, code::kLibraryMissing);
  record.out = "";
  record.exit = 1;
  EXPECT_EQ(judge_loader("/app", record, {host}).finding->severity, Severity::unknown);
  RunRecord absent;
  absent.cause = StartCause::file_missing;
  absent.program = "/lib64/ld-linux-x86-64.so.2";
  EXPECT_EQ(judge_loader("/app", absent, {host}).finding->code, code::kLoaderMissing);
}

TEST(Names, AreThoseOfTheHeaders) {
  EXPECT_EQ(signal_name(SIGILL), "SIGILL");
  EXPECT_EQ(signal_name(40), "signal 40");
  EXPECT_EQ(errno_name(ENOEXEC), "ENOEXEC");
}

}  // namespace
}  // namespace nodeproof::smoke
