#include "agent/smoke/smoke.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "agent/codes.hpp"
#include "agent/smoke/record.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"
#include "tests/fakes/fake_runtime.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::smoke {
namespace {

class Smoke : public ::testing::Test {
 protected:
  Smoke() {
    host.platform = {"linux", "amd64", "", "", {}};
    config.env = {"COLOUR=red", "SIZE=1"};
    config.user = "app";
  }

  SmokeInput input() {
    return {.image = "example.com/app:1",
            .config = config,
            .rootfs = *Digest::parse("sha256:" + std::string(64, 'a')),
            .tests = tests,
            .files = files,
            .program = program,
            .interpreter = interpreter,
            .host = host,
            .binary = "/usr/bin/nodeproof",
            .work_dir = work_,
            .lease = "lease-1",
            .limits = {}};
  }
  void answer(std::string text, ContainerExit exit = {}) {
    runtime.behave(
        [text = std::move(text), exit](const ContainerRequest& request) -> Result<ContainerExit> {
          std::ofstream(request.stdout_path, std::ios::app) << text;
          return exit;
        });
  }
  static SmokeTest test(std::string name) {
    SmokeTest one;
    one.name = std::move(name);
    one.args = {"/app", "--version"};
    return one;
  }
  static std::string passed(std::size_t index) {
    RunRecord record;
    record.state = RunState::exited;
    record.exit = 0;
    return test_line(index, record);
  }

  const fakes::TempFolder folder_;
  const std::filesystem::path& work_ = folder_.path();
  ImageConfig config;
  HostFacts host;
  std::vector<SmokeTest> tests;
  std::vector<FileExpectation> files;
  std::string program, interpreter;
  FakeRuntime runtime;
};

TEST_F(Smoke, RunsAllTestsInOneContainerAndLeavesNoFile) {
  tests = {test("one"), test("two")};
  answer(files_line(0, 0) + passed(0) + passed(1) + std::string(kEndLine));
  const auto report = smoke(input(), runtime, {});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->results.size(), 2U);
  EXPECT_EQ(report->results[1].result, SmokeOutcome::passed);
  EXPECT_TRUE(report->findings.empty());
  ASSERT_EQ(runtime.requests().size(), 1U);
  const ContainerRequest request = runtime.requests()[0];
  EXPECT_TRUE(request.id.starts_with("nodeproof-"));
  EXPECT_EQ(request.lease, "lease-1");
  EXPECT_EQ(request.labels.count("nodeproof.dev/smoke"), 1U);
  EXPECT_GT(request.deadline, make_plan(input()).deadline);
  EXPECT_TRUE(std::filesystem::is_empty(work_));
}

TEST_F(Smoke, ExecutesNothingOfAStaticImageWithoutTests) {
  program = "/app";
  const auto report = smoke(input(), runtime, {});
  ASSERT_TRUE(report);
  ASSERT_EQ(report->findings.size(), 1U);
  EXPECT_EQ(report->findings[0].code, code::kNotExecuted);
  EXPECT_EQ(report->findings[0].severity, Severity::info);
  EXPECT_TRUE(runtime.requests().empty());
}

TEST_F(Smoke, TriesTheLoaderOfADynamicProgram) {
  program = "/app";
  interpreter = "/lib64/ld-linux-x86-64.so.2";
  const Plan plan = make_plan(input());
  ASSERT_TRUE(plan.loader);
  EXPECT_EQ(plan.loader->args, (std::vector<std::string>{interpreter, "--list", "/app"}));
  EXPECT_EQ(plan.loader->user, "app");
}

TEST_F(Smoke, GivesATestTheImagesEnvironmentAndItsOwn) {
  tests = {test("one")};
  tests[0].env = {"COLOUR=blue"};
  tests[0].user = "0";
  const Plan plan = make_plan(input());
  const std::vector<std::string> expected = {
      "SIZE=1", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "COLOUR=blue"};
  EXPECT_EQ(plan.tests.at(0).env, expected);
  EXPECT_EQ(plan.tests.at(0).user, "0");
  EXPECT_EQ(plan.tests.at(0).cwd, "/");
}

TEST_F(Smoke, HandsTheWholeTestToTheSupervisor) {
  tests = {test("one")};
  SmokeTest& one = tests[0];
  one.cwd = "/srv";
  one.input = "hello";
  one.repeat = 3;
  one.cpus = 2;
  one.before = {{"/prepare"}};
  one.after = {{"/clear"}};
  one.expect.stdout_excludes = {"error"};
  const PlannedRun run = make_plan(input()).tests.at(0);
  EXPECT_EQ(run.cwd, "/srv");
  EXPECT_EQ(run.input, "hello");
  EXPECT_EQ(run.repeat, 3U);
  EXPECT_EQ(run.cpus, 2U);
  EXPECT_EQ(run.before, one.before);
  EXPECT_EQ(run.after, one.after);
  EXPECT_EQ(run.expect, one.expect);
  EXPECT_FALSE(run.service || run.file);
}

TEST_F(Smoke, StartsTheImagesOwnProgramAsAService) {
  config.entrypoint = {"/entry"};
  config.cmd = {"serve"};
  config.stop_signal = "SIGQUIT";
  tests = {test("own"), test("other")};
  tests[0].args.clear();
  tests[0].service = tests[1].service =
      ServiceCheck{.port = 80, .http_path = "/", .http_status = 204, .http_body = "ok"};
  const Plan plan = make_plan(input());
  EXPECT_EQ(plan.tests.at(0).args, (std::vector<std::string>{"/entry", "serve"}));
  EXPECT_EQ(plan.tests.at(1).args, tests[1].args);
  EXPECT_EQ(plan.tests.at(0).service, (PlannedService{80, "/", 204, "ok", 3}));
  config.entrypoint.clear();
  config.cmd.clear();
  EXPECT_TRUE(parse_plan(to_json(make_plan(input()))));
}

TEST_F(Smoke, AsksForAFilesContentOnlyToSearchIt) {
  tests = {SmokeTest{.name = "file", .args = {}, .env = {}, .user = {}, .expect = {}}};
  tests[0].file = FileCheck{};
  tests[0].file->path = "/etc/app.conf";
  EXPECT_EQ(make_plan(input()).tests.at(0).file, (PlannedFile{"/etc/app.conf", false}));
  tests[0].file->excludes = {"password"};
  EXPECT_EQ(make_plan(input()).tests.at(0).file, (PlannedFile{"/etc/app.conf", true}));
  answer("");
  ASSERT_TRUE(smoke(input(), runtime, {}));
  // Nothing runs that could need it, and it would hide the image's own.
  EXPECT_EQ(runtime.requests().at(0).spec_json.find(R"("destination":"/tmp")"), std::string::npos);
}

TEST_F(Smoke, GivesEveryRunAndCommandItsTime) {
  using std::chrono::seconds;
  tests = {test("one")};
  const auto once = make_plan(input()).deadline;
  const auto one_more = tests[0].timeout;
  tests[0].repeat = 2;
  EXPECT_GE(make_plan(input()).deadline, once + one_more);
  tests[0].before = tests[0].after = {{"/a"}, {"/b"}};
  EXPECT_GE(make_plan(input()).deadline, once + (5 * one_more));
  tests[0] = test("service");
  tests[0].service = ServiceCheck{.port = 80, .http_path = {}, .http_status = 0, .http_body = {}};
  EXPECT_GE(make_plan(input()).deadline, once + kStopGrace);
  tests[0].repeat = 4'000'000'000U;
  tests[0].timeout = std::chrono::hours(24);
  const auto plan = parse_plan(to_json(make_plan(input())));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->deadline, std::chrono::hours(24));
}

TEST_F(Smoke, TellsHowOftenATestRanAndWhatItWrote) {
  tests = {test("one")};
  tests[0].repeat = 3;
  tests[0].source = "HEALTHCHECK";
  TestRecord record;
  record.state = RunState::exited;
  record.exit = 0;
  record.runs = 3;
  record.all_seconds = 1.5;
  record.out = "on x86_64\n";
  record.stdout_sha256 = hash_of(as_bytes(record.out)).hex();
  answer(test_line(0, record) + std::string(kEndLine));
  const auto report = smoke(input(), runtime, {});
  const SmokeResult& result = report->results.at(0);
  EXPECT_EQ(result.result, SmokeOutcome::passed);
  EXPECT_EQ(result.runs, 3U);
  EXPECT_EQ(result.seconds, 1.5);
  EXPECT_EQ(result.source, "HEALTHCHECK");
  EXPECT_EQ(result.stdout_sha256, record.stdout_sha256);
  EXPECT_EQ(result.normalised_sha256, hash_of(as_bytes("on <architecture>\n")).hex());
}

TEST_F(Smoke, ComparesNothingBelowMountsOfItsOwn) {
  files = {{"/app", 1, ""},
           {"/proc/x", 1, ""},
           {"/dev/null", 1, ""},
           {"/bad\xff", 1, ""},
           {"/tmp/tool", 1, ""}};
  const Plan plan = make_plan(input());
  ASSERT_EQ(plan.files.size(), 2U);
  answer(files_line(2, 0) + std::string(kEndLine));
  ASSERT_TRUE(smoke(input(), runtime, {}));
  const std::string spec = runtime.requests().at(0).spec_json;
  EXPECT_EQ(spec.find(R"("destination":"/tmp")"), std::string::npos);
  EXPECT_NE(spec.find(R"("destination":"/run")"), std::string::npos);
}

TEST_F(Smoke, SaysUnknownWhenTheContainerDoesNotStart) {
  tests = {test("one")};
  runtime.behave([](const ContainerRequest&) -> Result<ContainerExit> {
    return fail(Errc::io, "runc: boom");
  });
  const auto report = smoke(input(), runtime, {});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->findings.at(0).code, code::kSmokeNotRun);
  EXPECT_EQ(report->findings.at(0).severity, Severity::unknown);
  EXPECT_EQ(report->results.at(0).result, SmokeOutcome::skipped);
  EXPECT_TRUE(std::filesystem::is_empty(work_));
}

TEST_F(Smoke, SaysUnknownWhenTheAnswersCannotBeTrusted) {
  tests = {test("one")};
  answer("{\"kind\":\"test\",\"index\":77}\n");
  EXPECT_EQ(smoke(input(), runtime, {})->findings.at(0).code, code::kSmokeNotRun);
  answer(std::string(32 << 20, 'x'));
  EXPECT_FALSE(smoke(input(), runtime, {}) && smoke(input(), runtime, {})->findings.empty());
  answer(passed(0), {.status = 137, .timed_out = true});
  const auto report = smoke(input(), runtime, {});
  EXPECT_EQ(report->results.at(0).result, SmokeOutcome::passed);
  EXPECT_EQ(report->findings.at(0).code, code::kSmokeNotRun);
}

TEST_F(Smoke, PassesOnThatItWasStopped) {
  tests = {test("one")};
  runtime.behave([](const ContainerRequest&) -> Result<ContainerExit> {
    return fail(Errc::cancelled, "stopped");
  });
  EXPECT_EQ(smoke(input(), runtime, {}).error().code, Errc::cancelled);
  EXPECT_TRUE(std::filesystem::is_empty(work_));
}

}  // namespace
}  // namespace nodeproof::smoke
