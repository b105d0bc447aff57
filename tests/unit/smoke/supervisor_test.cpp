#include "agent/smoke/supervisor.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include "agent/smoke/syscall_names.hpp"
#include "common/content_hash.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"
#include "tests/unit/smoke/supervise.hpp"

namespace nodeproof::smoke {
namespace {

using std::chrono::milliseconds;

class Supervisor : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = cannot_supervise(); !why.empty()) GTEST_SKIP() << why;
  }

  static RunRecord run(PlannedRun planned) { return run_alone(std::move(planned)); }
};

// A folder that a test's user can reach.
class Folder {
 public:
  Folder() { chmod(folder_.path().c_str(), 0755); }
  std::string file(const std::string& name, std::string_view content, unsigned mode = 0755) const {
    const std::string path = folder_.path() / name;
    EXPECT_TRUE(write_file_atomically(path, content, mode));
    chmod(path.c_str(), mode);
    return path;
  }

 private:
  fakes::TempFolder folder_;
};

PlannedRun program(std::string path) {
  PlannedRun run = subject({});
  run.args = {std::move(path)};
  return run;
}

TEST_F(Supervisor, BringsExitCodeOutputAndItsHash) {
  const RunRecord said = run(subject({"say", "v2.1.0"}));
  EXPECT_EQ(said.state, RunState::exited);
  EXPECT_EQ(said.exit, 0);
  EXPECT_EQ(said.out, "v2.1.0\n");
  EXPECT_EQ(said.stdout_sha256, hash_of(as_bytes("v2.1.0\n")).hex());
  EXPECT_GT(said.max_rss_kib, 0U);
  EXPECT_TRUE(said.mapped.empty()) << said.mapped;
  const RunRecord complained = run(subject({"complain", "no such flag"}));
  EXPECT_EQ(complained.exit, 3);
  EXPECT_EQ(complained.err, "no such flag");
}

TEST_F(Supervisor, NamesSignalAndFaultingInstruction) {
  const RunRecord ill = run(subject({"ill"}));
  EXPECT_EQ(ill.state, RunState::signaled);
  EXPECT_EQ(ill.signal, SIGILL);
  ASSERT_TRUE(ill.fault);
  EXPECT_TRUE(ill.fault->main);
  EXPECT_GT(ill.fault->code, 0);
#if defined(__x86_64__)
  EXPECT_TRUE(ill.fault->bytes.starts_with("0f0b")) << ill.fault->bytes;
#endif
  const RunRecord segv = run(subject({"segv"}));
  EXPECT_EQ(segv.signal, SIGSEGV);
  ASSERT_TRUE(segv.fault);
  EXPECT_EQ(segv.fault->address, 8U);
  EXPECT_FALSE(segv.fault->bytes.empty());
}

TEST_F(Supervisor, NamesTheCallThatASeccompFilterKilledFor) {
  const RunRecord record = run(subject({"refused"}));
  EXPECT_EQ(record.signal, SIGSYS);
  ASSERT_TRUE(record.fault);
  EXPECT_EQ(syscall_name(record.fault->arch, record.fault->call), "getppid");
}

TEST_F(Supervisor, MeasuresTheLargestProcessAndAllPageFaults) {
  const RunRecord idle = run(subject({"exit", "0"}));
  const RunRecord busy = run(subject({"grow", std::to_string(32 << 20)}));
  EXPECT_GT(idle.max_rss_kib, 0U);
  EXPECT_LT(idle.max_rss_kib, 8U << 10);
  EXPECT_GT(busy.max_rss_kib, 32U << 10);
  EXPECT_LT(busy.max_rss_kib, 48U << 10);
  EXPECT_GT(busy.page_faults, idle.page_faults);
}

TEST_F(Supervisor, SeesTheFaultOfAThreadAndOfAChild) {
  const RunRecord thread = run(subject({"thread"}));
  EXPECT_EQ(thread.signal, SIGILL);
  ASSERT_TRUE(thread.fault);
  EXPECT_FALSE(thread.fault->bytes.empty());
  const RunRecord child = run(subject({"child"}));
  EXPECT_EQ(child.state, RunState::exited);
  EXPECT_EQ(child.exit, 128 + SIGILL);
  ASSERT_TRUE(child.fault);
  EXPECT_FALSE(child.fault->main);
}

TEST_F(Supervisor, LeavesSignalsThatAProgramHandlesToIt) {
  const RunRecord caught = run(subject({"catch"}));
  EXPECT_EQ(caught.exit, 4);
  EXPECT_EQ(caught.out, "caught\n");
  EXPECT_FALSE(caught.fault);
}

TEST_F(Supervisor, TellsAbortAndSentSignalsFromFaults) {
  EXPECT_EQ(run(subject({"abort"})).signal, SIGABRT);
  const RunRecord sent = run(subject({"kill", std::to_string(SIGSEGV)}));
  EXPECT_EQ(sent.signal, SIGSEGV);
  ASSERT_TRUE(sent.fault);
  EXPECT_LE(sent.fault->code, 0);
  EXPECT_EQ(run(subject({"kill", std::to_string(SIGTERM)})).signal, SIGTERM);
  EXPECT_EQ(run(subject({"kill", std::to_string(SIGKILL)})).signal, SIGKILL);
}

TEST_F(Supervisor, EndsWhatDoesNotEnd) {
  PlannedRun sleeper = subject({"sleep"});
  sleeper.timeout = milliseconds(300);
  const auto begin = std::chrono::steady_clock::now();
  const RunRecord record = run(sleeper);
  EXPECT_EQ(record.state, RunState::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  PlannedRun stopped = subject({"stop"});
  stopped.timeout = milliseconds(3000);
  EXPECT_EQ(run(stopped).exit, 0);
}

TEST_F(Supervisor, CutsAFloodAndKeepsBothEnds) {
  Plan plan;
  plan.tests = {subject({"flood"})};
  plan.output_limit = 4 << 20;
  plan.keep_bytes = 1000;
  const RunRecord record = run_in(plan);
  EXPECT_EQ(record.state, RunState::output_limit);
  EXPECT_GT(record.out_bytes, plan.output_limit);
  EXPECT_LT(record.out.size(), 1100U);
  EXPECT_NE(record.out.find("bytes left out"), std::string::npos);
}

TEST_F(Supervisor, ReapsZombiesAndEndsWhatWasLeftBehind) {
  EXPECT_EQ(run(subject({"zombies"})).exit, 0);
  const RunRecord daemon = run(subject({"daemon"}));
  EXPECT_EQ(daemon.exit, 0);
  EXPECT_EQ(daemon.out, "left\n");
  EXPECT_LT(daemon.seconds, 5);
}

TEST_F(Supervisor, WaitsForAProgramThatClosesItsStreams) {
  EXPECT_EQ(run(subject({"close"})).exit, 5);
}

TEST_F(Supervisor, GivesAwayEveryPrivilege) {
  PlannedRun planned = subject({"identity"});
  planned.user = "1234:4321";
  const RunRecord record = run(planned);
  EXPECT_NE(record.out.find("uid 1234 1234 gid 4321 4321 groups 4321\n"), std::string::npos)
      << record.out;
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_NE(record.out.find(std::string(set) + ":\t0000000000000000"), std::string::npos)
        << record.out;
  }
  EXPECT_NE(record.out.find("NoNewPrivs:\t1"), std::string::npos) << record.out;
  EXPECT_NE(record.out.find("SigBlk:\t0000000000000000"), std::string::npos) << record.out;
  EXPECT_NE(record.out.find("SigIgn:\t0000000000000000"), std::string::npos) << record.out;
  EXPECT_NE(record.out.find("fd 2\n"), std::string::npos) << record.out;
  EXPECT_EQ(record.out.find("fd 3\n"), std::string::npos) << record.out;
}

TEST_F(Supervisor, LooksIntoProcessesOfTheImagesUser) {
  PlannedRun planned = subject({"ill"});
  planned.user = "1234";
  const RunRecord record = run(planned);
  ASSERT_TRUE(record.fault);
  EXPECT_FALSE(record.fault->bytes.empty());
  EXPECT_TRUE(record.mapped.empty()) << record.mapped;
}

TEST_F(Supervisor, HandsOverDirectoryAndEnvironment) {
  PlannedRun planned = subject({"where"});
  planned.cwd = "/usr/lib";
  EXPECT_EQ(run(planned).out, "/usr/lib\n");
  PlannedRun variable = subject({"variable", "COLOUR"});
  variable.env.emplace_back("COLOUR=blue");
  EXPECT_EQ(run(variable).out, "blue\n");
  planned.cwd = "/absent";
  const RunRecord record = run(planned);
  EXPECT_EQ(record.state, RunState::not_started);
  EXPECT_EQ(record.cause, StartCause::cwd_unusable);
}

TEST_F(Supervisor, SaysWhyAProgramDoesNotStart) {
  const Folder folder;
  const RunRecord empty = run(program(folder.file("empty", "")));
  EXPECT_EQ(empty.error, ENOEXEC);
  EXPECT_EQ(empty.cause, StartCause::file_empty);
  EXPECT_EQ(run(program(folder.file("text", "echo hello\n"))).cause, StartCause::no_shebang);
  const RunRecord script = run(program(folder.file("script", "#!/absent/sh -e\n")));
  EXPECT_EQ(script.error, ENOENT);
  EXPECT_EQ(script.cause, StartCause::interpreter_missing);
  EXPECT_EQ(script.detail, "/absent/sh");
  EXPECT_EQ(run(program("/absent/program")).cause, StartCause::file_missing);
  EXPECT_EQ(run(program("absent-program")).cause, StartCause::file_missing);
  EXPECT_EQ(run(program(folder.file("data", "x", 0644))).cause, StartCause::not_executable);
  PlannedRun stranger = subject({"exit"});
  stranger.user = "nobody-knows-me";
  EXPECT_EQ(run(stranger).cause, StartCause::user_unknown);
}

TEST_F(Supervisor, ComparesFiles) {
  const Folder folder;
  const std::string good = to_hex(content_hash(as_bytes("good")));
  Plan plan;
  plan.files = {{folder.file("same", "good", 0600), 4, good},
                {folder.file("changed", "evil"), 4, good},
                {folder.file("empty", ""), 4, good},
                {folder.file("short", "goo"), 4, ""},
                {folder.file("right-size", "evil"), 4, ""},
                {"/absent/file", 4, good},
                {"/usr", 4, good}};
  const Supervised done = supervise(plan);
  ASSERT_TRUE(done.records.ended) << done.answers;
  EXPECT_EQ(done.records.files_compared, 7U);
  EXPECT_EQ(done.records.files_wrong, 5U);
  const std::vector<FileProblem> expected = {FileProblem::changed, FileProblem::empty,
                                             FileProblem::truncated, FileProblem::missing,
                                             FileProblem::not_regular};
  std::vector<FileProblem> found;
  found.reserve(done.records.files.size());
  for (const FileRecord& record : done.records.files) found.push_back(record.problem);
  EXPECT_EQ(found, expected);
}

TEST_F(Supervisor, KeepsItsOwnDeadline) {
  Plan plan;
  plan.tests = {subject({"say", "first"}), subject({"sleep"})};
  plan.deadline = milliseconds(700);
  const Supervised done = supervise(plan);
  EXPECT_EQ(done.status, 75);
  EXPECT_TRUE(done.records.deadline) << done.answers;
  ASSERT_EQ(done.records.tests.size(), 2U);
  EXPECT_TRUE(done.records.tests[0]);
  EXPECT_FALSE(done.records.tests[1]);
}

TEST_F(Supervisor, IsNotEndedByATest) {
  Plan plan;
  PlannedRun shell = subject({});
  shell.args = {"/bin/sh", "-c",
                "kill -ALRM 1; kill -KILL 1; kill -STOP 1; kill -CHLD 1; echo > /proc/1/fd/1"};
  plan.tests = {shell, subject({"exit", "4"})};
  const Supervised done = supervise(plan);
  ASSERT_TRUE(done.records.ended) << done.answers;
  EXPECT_NE(done.records.tests[0]->err.find("ermission denied"), std::string::npos);
  EXPECT_EQ(done.records.tests[1]->exit, 4);
}

TEST_F(Supervisor, RunsTestsInOrderAndEachAfterTheOther) {
  Plan plan;
  for (const char* code : {"1", "2", "3"}) plan.tests.push_back(subject({"exit", code}));
  const Supervised done = supervise(plan);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(done.records.tests.at(static_cast<std::size_t>(i))->exit, i + 1);
}

TEST_F(Supervisor, DoesWithoutPtraceWhereItIsRefused) {
  Plan plan;
  plan.tests = {subject({"ill"}), subject({"say", "hello"})};
  const Supervised done = supervise(plan, World::no_ptrace);
  ASSERT_TRUE(done.records.ended) << done.status << done.answers;
  EXPECT_EQ(done.records.tests[0]->signal, SIGILL);
  EXPECT_FALSE(done.records.tests[0]->fault);
  EXPECT_EQ(done.records.tests[1]->out, "hello\n");
}

TEST_F(Supervisor, NoticesAnEmulator) {
  const Folder folder;
  std::string foreign(64, '\0');
  foreign.replace(0, 7,
                  std::string("\x7f"
                              "ELF\x02\x01\x01"));
  foreign[18] = foreign[19] = 0x7a;
  Plan plan;
  const std::string path = folder.file("foreign", foreign);
  plan.tests = {program(path), subject({"become", path}),
                subject({"become", "/bin/echo", "native"})};
  for (const World world : {World::emulator, World::plain}) {
    const Supervised done = supervise(plan, world);
    if (done.status == kNoSuchWorld)
      GTEST_SKIP() << "this kernel has no binfmt_misc of a user namespace";
    ASSERT_TRUE(done.records.ended) << done.status << done.answers;
    const RunRecord& record = *done.records.tests[0];
    if (world == World::emulator) {
      EXPECT_EQ(record.exit, 0);
      EXPECT_NE(record.mapped.find("emulator"), std::string::npos) << record.mapped;
      EXPECT_EQ(done.records.tests[1]->exit, 0);
      EXPECT_NE(done.records.tests[1]->mapped.find("emulator"), std::string::npos);
      EXPECT_EQ(done.records.tests[2]->out, "native\n");
      EXPECT_EQ(done.records.tests[2]->mapped, "");
    } else {
      EXPECT_EQ(record.cause, StartCause::wrong_architecture);
    }
  }
}

TEST(SupervisorAlone, RefusesAnythingButAPlan) { EXPECT_EQ(supervisor_main({}), 64); }

}  // namespace
}  // namespace nodeproof::smoke
