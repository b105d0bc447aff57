#include "agent/smoke/record.hpp"

#include <gtest/gtest.h>

namespace nodeproof::smoke {
namespace {

Plan plan_of(std::size_t tests) {
  Plan plan;
  plan.tests.resize(tests);
  plan.files = {{"/app", 4, ""}};
  return plan;
}

RunRecord sample() {
  RunRecord record;
  record.state = RunState::signaled;
  record.signal = 4;
  record.program = "/app";
  record.fault = Fault{4, 2, 0x1000, 0x1000, "0f0b", true};
  record.out = "two\nlines";
  record.err = "\x1b[31mred";
  record.out_bytes = 9;
  record.err_bytes = 8;
  record.seconds = 0.25;
  record.max_rss_kib = 1000;
  return record;
}

TEST(Records, AreReadAsTheyWereWritten) {
  Plan plan = plan_of(2);
  plan.loader = PlannedRun{};
  const std::string text = file_line({"/app", FileProblem::empty, 0, "", 0}) + files_line(1, 1) +
                           loader_line(sample()) + test_line(1, sample()) + std::string(kEndLine);
  const auto records = parse_records(text, plan);
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_TRUE(records->ended);
  EXPECT_EQ(records->loader, sample());
  EXPECT_FALSE(records->tests[0]);
  EXPECT_EQ(records->tests[1], sample());
  ASSERT_EQ(records->files.size(), 1U);
  EXPECT_EQ(records->files[0].problem, FileProblem::empty);
  EXPECT_EQ(records->files_wrong, 1U);
}

TEST(Records, KeepWhatRuncSaysInTheirPlace) {
  const auto records =
      parse_records("exec /dev/.nodeproof/nodeproof: exec format error\n", plan_of(1));
  ASSERT_TRUE(records);
  EXPECT_FALSE(records->ended);
  EXPECT_EQ(records->noise, "exec /dev/.nodeproof/nodeproof: exec format error\n");
}

TEST(Records, OfSomethingNotAskedForAreRefused) {
  EXPECT_FALSE(parse_records(test_line(1, sample()), plan_of(1)));
  EXPECT_FALSE(parse_records(test_line(0, sample()) + test_line(0, sample()), plan_of(1)));
  EXPECT_FALSE(parse_records(loader_line(sample()), plan_of(1)));
  EXPECT_FALSE(parse_records(file_line({"/other", FileProblem::empty, 0, "", 0}), plan_of(1)));
  EXPECT_FALSE(parse_records(std::string(kEndLine) + files_line(0, 0), plan_of(1)));
  EXPECT_FALSE(parse_records("{\"kind\":\"surprise\"}\n", plan_of(1)));
}

TEST(Records, ThatAreTooLongOrCutAreRefused) {
  RunRecord record = sample();
  record.out.assign(kMaxKeepBytes * 8, 'x');
  EXPECT_FALSE(parse_records(test_line(0, record), plan_of(1)));
  const std::string whole = test_line(0, sample());
  EXPECT_FALSE(parse_records(whole.substr(0, whole.size() / 2), plan_of(1)));
}

TEST(Records, FitIntoTheBoundTheHostReads) {
  Plan plan = plan_of(1);
  RunRecord record = sample();
  record.out.assign(plan.keep_bytes + 64, '\x01');
  record.err = record.out;
  record.program.assign(4096, 'p');
  EXPECT_LT(test_line(0, record).size(), max_record_bytes(plan));
  EXPECT_TRUE(parse_records(test_line(0, record), plan));
}

}  // namespace
}  // namespace nodeproof::smoke
