// The supervisor's kinds of test, with real child processes.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"
#include "tests/unit/smoke/supervise.hpp"

namespace nodeproof::smoke {
namespace {

using std::chrono::milliseconds;

class Kinds : public ::testing::Test {
 protected:
  Kinds() { chmod(folder_.path().c_str(), 0777); }
  void SetUp() override {
    if (const std::string why = cannot_supervise(); !why.empty()) GTEST_SKIP() << why;
  }
  static PlannedRun shell(const std::string& script) {
    PlannedRun run = subject({});
    run.args = {"/bin/sh", "-c", script};
    return run;
  }
  // A run that counts its calls in a file and fails from the n-th on.
  [[nodiscard]] PlannedRun failing_at(unsigned number) const {
    return shell("echo x >> " + path("calls") + "; test $(wc -l < " + path("calls") + ") -lt " +
                 std::to_string(number));
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path() / name; }
  [[nodiscard]] std::string text(const std::string& name) const {
    return read_file(path(name)).value_or("(no file)");
  }
  static FileFacts look(std::string path, bool content = false) {
    PlannedRun run = subject({});
    run.args.clear();
    run.file = PlannedFile{std::move(path), content};
    return run_alone(run).file.value();
  }

  fakes::TempFolder folder_;
};

TEST_F(Kinds, InputIsReadToItsEnd) {
  PlannedRun cat = subject({});
  cat.args = {"/bin/cat"};
  cat.input = "first\nlast";
  EXPECT_EQ(run_alone(cat).out, "first\nlast");
  cat.input.clear();
  EXPECT_EQ(run_alone(cat).out, "");
  cat.input.assign(1 << 20, 'x');  // more than a pipe holds
  const TestRecord large = run_alone(cat);
  EXPECT_EQ(large.exit, 0);
  EXPECT_EQ(large.out_bytes, cat.input.size());
  EXPECT_TRUE(large.out_cut);
}

TEST_F(Kinds, AProgramMayLeaveItsInputAlone) {
  PlannedRun run = subject({"exit", "3"});
  run.input.assign(1 << 20, 'x');
  const TestRecord record = run_alone(run);
  EXPECT_EQ(record.state, RunState::exited);
  EXPECT_EQ(record.exit, 3);
}

TEST_F(Kinds, WhatARepeatedTestHasToDoIsAskedOfEachRun) {
  PlannedRun run = failing_at(3);
  run.repeat = 5;
  const TestRecord record = run_alone(run);
  EXPECT_EQ(record.runs, 3U);
  EXPECT_EQ(record.exit, 1);
  EXPECT_GE(record.all_seconds, record.seconds);
  PlannedRun wordy = shell("echo x >> " + path("calls2") + "; wc -l < " + path("calls2"));
  wordy.repeat = 5;
  wordy.expect.stdout_excludes = {"^2$"};
  EXPECT_EQ(run_alone(wordy).runs, 2U);
  PlannedRun good = subject({"exit", "4"});
  good.repeat = 3;
  good.expect.exit = 4;
  EXPECT_EQ(run_alone(good).runs, 3U);
}

TEST_F(Kinds, NothingRunsWhereProcessorsAreMissing) {
  PlannedRun run = shell("touch " + path("ran"));
  run.cpus = 100'000;
  const TestRecord record = run_alone(run);
  ASSERT_TRUE(record.cpus);
  EXPECT_GE(*record.cpus, 1U);
  EXPECT_EQ(record.runs, 0U);
  EXPECT_FALSE(std::filesystem::exists(path("ran")));
}

TEST_F(Kinds, AProgramMayUseEveryProcessorThatWeMay) {
  PlannedRun run = subject({"processors"});
  run.cpus = std::thread::hardware_concurrency();
  const TestRecord record = run_alone(run);
  EXPECT_FALSE(record.cpus);
  EXPECT_EQ(record.out, std::to_string(std::thread::hardware_concurrency()) + "\n");
}

TEST_F(Kinds, CommandsBeforeAndAfterRunAsTheTestsUser) {
  PlannedRun run = shell("cat " + path("made"));
  run.user = "1234:4321";
  run.before = {{"/bin/sh", "-c", "id -u > " + path("made")},
                {"/bin/sh", "-c", "id -g >> " + path("made")}};
  run.after = {{"/bin/sh", "-c", "echo $PATH > " + path("after")}};
  const TestRecord record = run_alone(run);
  EXPECT_FALSE(record.before);
  EXPECT_FALSE(record.after);
  EXPECT_EQ(record.out, "1234\n4321\n");
  EXPECT_EQ(text("after"), "/usr/bin:/bin\n");
}

TEST_F(Kinds, ACommandThatFailsBeforeIsNamedAndTheTestNotRun) {
  PlannedRun run = shell("touch " + path("ran"));
  run.before = {{"/bin/true"}, {"/bin/sh", "-c", "echo no >&2; exit 7"}, {"/bin/touch", path("b")}};
  run.after = {{"/bin/false"}, {"/bin/touch", path("cleared")}};
  const TestRecord record = run_alone(run);
  ASSERT_TRUE(record.before);
  EXPECT_EQ(record.before->place, 1U);
  EXPECT_EQ(record.before->run.exit, 7);
  EXPECT_EQ(record.before->run.err, "no\n");
  EXPECT_EQ(record.runs, 0U);
  EXPECT_FALSE(std::filesystem::exists(path("ran")));
  EXPECT_FALSE(std::filesystem::exists(path("b")));
  ASSERT_TRUE(record.after);
  EXPECT_EQ(record.after->place, 0U);
  EXPECT_TRUE(std::filesystem::exists(path("cleared")));
}

TEST_F(Kinds, AFileIsDescribedAsProgramsFindIt) {
  ASSERT_TRUE(write_file_atomically(path("config"), "colour = red\n", 0640));
  ASSERT_EQ(chown(path("config").c_str(), 12, 34), 0);
  std::filesystem::create_symlink("config", path("link"));
  std::filesystem::create_symlink("nowhere", path("dangling"));
  const FileFacts facts = look(path("link"), true);
  EXPECT_EQ(facts.error, 0);
  EXPECT_EQ(facts.link, "config");
  EXPECT_EQ(facts.mode, S_IFREG | 0640U);
  EXPECT_EQ(facts.uid, 12U);
  EXPECT_EQ(facts.gid, 34U);
  EXPECT_EQ(facts.content, "colour = red\n");
  EXPECT_FALSE(look(path("config")).content);
  EXPECT_FALSE(look("/etc/passwd").foreign);  // /tmp may be a mount of its own
  const FileFacts dangling = look(path("dangling"));
  EXPECT_EQ(dangling.error, ENOENT);
  EXPECT_EQ(dangling.link, "nowhere");
  EXPECT_EQ(look("/absent/file").error, ENOENT);
  EXPECT_FALSE(look("/absent/file").foreign);
}

TEST_F(Kinds, AFileThatIsTooLargeIsNotHandedOver) {
  ASSERT_TRUE(write_file_atomically(path("large"), std::string(kMaxContentBytes + 1, 'x'), 0644));
  ASSERT_TRUE(write_file_atomically(path("most"), std::string(kMaxContentBytes, '\1'), 0644));
  EXPECT_FALSE(look(path("large"), true).content);
  EXPECT_EQ(look(path("large"), true).size, kMaxContentBytes + 1);
  EXPECT_TRUE(look(path("most"), true).content);
}

TEST_F(Kinds, AFileOnAMountOfTheContainersOwnSaysNothing) {
  EXPECT_TRUE(look("/proc/version", true).foreign);
  EXPECT_TRUE(look("/proc/absent").foreign);
}

}  // namespace
}  // namespace nodeproof::smoke
