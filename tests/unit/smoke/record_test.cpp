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
  record.page_faults = 77;
  record.cgroup = {true, 2, 64 << 20, true, 3};
  return record;
}

TEST(Records, HoldOutputWithNulBytes) {
  RunRecord record = sample();
  record.out = std::string("a\0b", 3);
  record.detail = std::string("\0", 1);
  const auto records = parse_records(test_line(0, record) + std::string(kEndLine), plan_of(1));
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_EQ(records->tests[0]->out,
            "a\xef\xbf\xbd"
            "b");
}

TEST(Records, TakeAnyNumberForASystemCall) {
  RunRecord record = sample();
  record.fault = Fault{31, 1, 0, 0, "", true, 0x40000000 + 435, 0xc000003e};
  const auto records = parse_records(test_line(0, record) + std::string(kEndLine), plan_of(1));
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_EQ(records->tests[0], TestRecord(record));
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
  EXPECT_EQ(records->tests[1], TestRecord(sample()));
  ASSERT_EQ(records->files.size(), 1U);
  EXPECT_EQ(records->files[0].problem, FileProblem::empty);
  EXPECT_EQ(records->files_wrong, 1U);
}

Plan plan_of_kinds() {
  Plan plan = plan_of(2);
  plan.tests[0].repeat = 5;
  plan.tests[0].before = {{"a"}, {"b"}};
  plan.tests[0].after = {{"c"}};
  plan.tests[0].service = PlannedService{.port = 80};
  plan.tests[1].file = PlannedFile{"/etc/app.conf", true};
  return plan;
}

TestRecord every_kind() {
  TestRecord record(sample());
  record.runs = 3;
  record.all_seconds = 1.5;
  record.out_cut = true;
  record.service = ServiceRecord{.state = ServiceState::wrong_status,
                                 .status = 503,
                                 .body = "busy",
                                 .body_cut = true,
                                 .stopped = true,
                                 .killed = true,
                                 .seconds = 0.5,
                                 .listening = {"0.0.0.0:80"}};
  record.before = CommandRecord{1, sample()};
  record.after = CommandRecord{0, sample()};
  record.cpus = 1;
  return record;
}

TestRecord of_a_file() {
  TestRecord record;
  record.file = FileFacts{};
  record.file->link = "other";
  record.file->mode = 0100644;
  record.file->uid = 7;
  record.file->gid = 0xffffffff;
  record.file->content = "text\n";
  record.file->foreign = true;
  return record;
}

TEST(Records, OfEveryKindAreReadAsTheyWereWritten) {
  const std::string text = test_line(0, every_kind()) + test_line(1, of_a_file());
  const auto records = parse_records(text, plan_of_kinds());
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_EQ(records->tests[0], every_kind());
  EXPECT_EQ(records->tests[1], of_a_file());
}

TEST(Records, OfAKindNotAskedForAreRefused) {
  const auto refused = [](std::size_t index, TestRecord record, auto change) {
    change(record);
    return !parse_records(test_line(index, record), plan_of_kinds());
  };
  EXPECT_TRUE(refused(0, every_kind(), [](TestRecord& r) { r.runs = 6; }));
  EXPECT_TRUE(refused(0, every_kind(), [](TestRecord& r) { r.before->place = 2; }));
  EXPECT_TRUE(refused(0, every_kind(), [](TestRecord& r) { r.after->place = 1; }));
  EXPECT_TRUE(refused(0, every_kind(), [](TestRecord& r) { r.file = FileFacts{}; }));
  EXPECT_TRUE(refused(0, every_kind(), [](TestRecord& r) { r.service->listening.resize(17); }));
  EXPECT_TRUE(refused(0, every_kind(),
                      [](TestRecord& r) { r.service->body.assign(4 * kMaxBodyBytes, 'x'); }));
  EXPECT_TRUE(refused(1, of_a_file(), [](TestRecord& r) { r.file.reset(); }));
  EXPECT_TRUE(refused(1, of_a_file(),
                      [](TestRecord& r) { r.file->content->assign(4 * kMaxContentBytes, 'x'); }));
  EXPECT_FALSE(refused(1, of_a_file(), [](TestRecord&) {}));
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

TEST(Records, OfEveryKindFitIntoTheBoundTheHostReads) {
  const Plan plan = plan_of_kinds();
  TestRecord record = every_kind();
  record.out.assign(plan.keep_bytes + 64, '\x01');
  record.err = record.out;
  record.before->run.out.assign(kMaxCommandBytes + 64, '\x01');
  record.before->run.err = record.after->run.out = record.after->run.err = record.before->run.out;
  record.service->body.assign(kMaxBodyBytes, '\x01');
  TestRecord file = of_a_file();
  file.file->content->assign(kMaxContentBytes, '\x01');
  const std::string text = test_line(0, record) + test_line(1, file);
  EXPECT_LT(text.size(), max_record_bytes(plan));
  EXPECT_TRUE(parse_records(text, plan));
}

}  // namespace
}  // namespace nodeproof::smoke
