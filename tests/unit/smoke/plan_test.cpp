#include "agent/smoke/plan.hpp"

#include <gtest/gtest.h>

namespace nodeproof::smoke {
namespace {

Plan sample() {
  Plan plan;
  plan.deadline = std::chrono::milliseconds(12345);
  plan.keep_bytes = 100;
  plan.output_limit = 1000;
  plan.files = {{"/usr/bin/app", 42, std::string(64, 'a')}, {"/etc/passwd", 7, ""}};
  plan.loader =
      PlannedRun{"loader", {"/lib/ld.so", "--list", "/app"}, {"A=b"}, "1000:1000", "/srv", {}};
  plan.loader->timeout = std::chrono::milliseconds(500);
  plan.tests = {*plan.loader};
  return plan;
}

Plan of_kinds() {
  Plan plan = sample();
  PlannedRun run = *plan.loader;
  run.input = "line\n";
  run.repeat = 7;
  run.cpus = 2;
  run.before = {{"/bin/mkdir", "/tmp/x"}, {"true"}};
  run.after = {{"/bin/rm"}};
  run.expect = {3, {"a"}, {"b"}, {"c"}, {"d"}, std::string(64, 'f')};
  PlannedRun service;
  service.service = PlannedService{8080, "/health", 204, "well", 37};
  PlannedRun checked;
  checked.service.emplace().check = {"/bin/sh", "-c", "curl -f localhost"};
  checked.service->check_timeout = std::chrono::milliseconds(7);
  checked.service->check_pause = std::chrono::milliseconds(8);
  PlannedRun file;
  file.file = PlannedFile{"/etc/app.conf", true};
  plan.tests = {run, service, file, checked};
  return plan;
}

std::string changed(std::string_view from, std::string_view to) {
  std::string text = to_json(sample());
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Plan, IsReadAsItWasWritten) {
  const auto plan = parse_plan(to_json(sample()));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(*plan, sample());
  EXPECT_EQ(*parse_plan(to_json(Plan{})), Plan{});
}

TEST(Plan, OfEveryKindIsReadAsItWasWritten) {
  const auto plan = parse_plan(to_json(of_kinds()));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(*plan, of_kinds());
}

TEST(Plan, OfAKindThatMakesNoSenseIsRefused) {
  const auto refused = [](auto change) {
    Plan plan = of_kinds();
    change(plan.tests);
    return !parse_plan(to_json(plan));
  };
  using Tests = std::vector<PlannedRun>;
  EXPECT_TRUE(refused([](Tests& tests) { tests[0].repeat = kMaxRepeat + 1; }));
  EXPECT_TRUE(refused([](Tests& tests) { tests[0].before = {{}}; }));
  EXPECT_TRUE(refused([](Tests& tests) { tests[0].after.assign(65, {"true"}); }));
  EXPECT_TRUE(refused([](Tests& tests) { tests[0].before[0][1] = std::string("a\0b", 3); }));
  EXPECT_TRUE(refused([](Tests& tests) { tests[1].service->port = 0; }));
  EXPECT_TRUE(refused([](Tests& tests) { tests[1].service->port = 65536; }));
  EXPECT_TRUE(refused([](Tests& tests) { tests[1].service->stop_signal = 65; }));
  EXPECT_TRUE(refused([](Tests& tests) { tests[1].service.reset(); }));
  EXPECT_TRUE(refused([](Tests& tests) { tests[2].file->path = "etc"; }));
}

TEST(Plan, IsRefusedWhenItMakesNoSense) {
  EXPECT_FALSE(parse_plan(""));
  EXPECT_FALSE(parse_plan("{}"));
  EXPECT_FALSE(parse_plan(changed(R"("version":1)", R"("version":2)")));
  EXPECT_FALSE(parse_plan(changed(R"("keepBytes":100)", R"("keepBytes":999999999)")));
  EXPECT_FALSE(parse_plan(changed(R"("deadlineMs":12345)", R"("deadlineMs":0)")));
  EXPECT_FALSE(parse_plan(changed(R"("/usr/bin/app")", R"("usr/bin/app")")));
  EXPECT_FALSE(parse_plan(changed(R"("cwd":"/srv")", R"("cwd":"srv")")));
  EXPECT_FALSE(parse_plan(changed(R"("args":["/lib/ld.so","--list","/app"])", R"("args":[])")));
  EXPECT_FALSE(parse_plan(changed(R"("/lib/ld.so")", R"("/lib/\u0000ld.so")")));
}

}  // namespace
}  // namespace nodeproof::smoke
