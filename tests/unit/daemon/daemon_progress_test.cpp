// What is to be heard of a cycle while it is under way.
#include <fcntl.h>

#include "agent/report/progress_json.hpp"
#include "common/log.hpp"
#include "tests/unit/daemon/daemon_process.hpp"

namespace nodeproof {
namespace {

class DaemonProgress : public DaemonProcess {
 protected:
  static Progress pull(std::string image, std::uint64_t done, std::uint64_t total) {
    Progress progress{std::move(image), Phase::pull, done, total};
    progress.all_done = 120'000'000;
    progress.all_total = 800'000'000;
    progress.all_pace = {5'000'000, 136s};
    return progress;
  }

  // A cycle that says this and goes on; with `then`, that script follows.
  void cycle_says(const std::vector<Progress>& reports, const std::string& then = "exec sleep 60") {
    std::string lines;
    for (const Progress& report : reports) lines += report::stream_line(report);
    write("progress.ndjson", lines);
    cycle_is("cat " + (root_ / "progress.ndjson").string() + "; " + then);
  }

  std::string answer() {
    return ask_daemon(options_.run_dir / "nodeproof.sock", "status", kGuard).value_or("");
  }

  std::optional<report::CycleProgress> progress() {
    auto read = report::cycle_progress_from(answer());
    EXPECT_TRUE(read.has_value()) << read.error().message;
    return read.value_or(std::nullopt);
  }

  // Its standard error goes into a file.
  void start_with_log() {
    const UniqueFd log(open((root_ / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const UniqueFd before(dup(STDERR_FILENO));
    dup2(log.get(), STDERR_FILENO);
    log::configure({.threshold = log::Level::info});
    start_and_wait_until_ready();
    log::configure({});
    dup2(before.get(), STDERR_FILENO);
  }

  [[nodiscard]] std::string log_text() const { return read_file(root_ / "log").value_or(""); }
};

TEST_F(DaemonProgress, IsShownToTheManager) {
  cycle_says({{"a:1"}, {"b:1"}, {"c:1"}, pull("a:1", 1, 2), pull("b:1", 1, 2)});
  start_and_wait_until_ready();
  EXPECT_TRUE(manager_hears("STATUS=checking; a:1: resolving"));
  EXPECT_TRUE(
      manager_hears("STATUS=pulling 2 of 3 images, 120.0 of 800.0 MB, 5.0 MB/s, 2m16s left"));
}

TEST_F(DaemonProgress, OfAStepThatIsNoPullNamesIt) {
  cycle_says({{"app:1", Phase::unpack, 2, 5}});
  start_and_wait_until_ready();
  EXPECT_TRUE(manager_hears("STATUS=checking; app:1: unpacking, 2 of 5"));
}

TEST_F(DaemonProgress, IsInTheStatusWhileTheCycleRuns) {
  Progress stalled = pull("b:1", 3, 4);
  stalled.still = 12s;
  cycle_says({pull("a:1", 1, 2), stalled});
  start_and_wait_until_ready();
  ASSERT_TRUE(eventually([&] { return progress() && progress()->images.size() == 2; }));
  const auto cycle = progress();
  EXPECT_EQ(cycle->images[0].image, "a:1");
  EXPECT_EQ(cycle->images[0].done, 1U);
  EXPECT_EQ(cycle->images[1].still, 12s);
  EXPECT_EQ(cycle->total, 800'000'000U);
  EXPECT_EQ(ask("status").reason, code::kNotChecked) << "the report is what it was";
}

TEST_F(DaemonProgress, IsGoneWhenTheCycleHasEnded) {
  write("report.ndjson", report::stream_line(report_with(Verdict::ready)));
  cycle_says({pull("a:1", 1, 2)}, "cat " + (root_ / "report.ndjson").string());
  start_and_wait_until_ready();
  EXPECT_EQ(ask("check").verdict, Verdict::ready);
  EXPECT_FALSE(answer().contains("\"progress\""));
}

TEST_F(DaemonProgress, OfACycleThatCrashedIsNotThatOfTheNext) {
  cycle_says({pull("a:1", 1, 2)}, "kill -SEGV $$");
  start_and_wait_until_ready();
  ASSERT_TRUE(eventually([&] { return ask("status").reason == code::kCycleCrashed; }));
  cycle_says({pull("b:1", 1, 2)});
  kill(pid_, SIGHUP);
  ASSERT_TRUE(eventually([&] { return progress() && !progress()->images.empty(); }));
  EXPECT_EQ(progress()->images[0].image, "b:1");
  EXPECT_EQ(progress()->seen, 1U);
}

TEST_F(DaemonProgress, IsLoggedByTheStepButNotOfImagesThatAreOnlyLookedAt) {
  Progress stalled = pull("new:1", 1, 2);
  stalled.still = 16s;
  cycle_says({{"proven:1"},
              {"new:1"},
              {"proven:1", Phase::done},
              pull("new:1", 1, 2),
              stalled,
              pull("new:1", 2, 2),
              {"new:1", Phase::unpack, 1, 1},
              {"new:1", Phase::done}});
  start_with_log();
  ASSERT_TRUE(eventually([&] { return log_text().contains("ended\n"); }));
  EXPECT_EQ(log_text(),
            "new:1: pulling, 1 of 2 B\n"
            "new:1: pulling, 1 of 2 B, stalled for 16 s\n"
            "new:1: goes on after 16 s, 2 of 2 B\n"
            "new:1: unpacking, 1 of 1\n"
            "new:1: ended\n");
}

}  // namespace
}  // namespace nodeproof
