#include "agent/smoke/expectation.hpp"

#include <gtest/gtest.h>

#include "common/crypto.hpp"

namespace nodeproof::smoke {
namespace {

std::string sha256(std::string_view text) { return std::string(hash_of(as_bytes(text)).hex()); }

RunRecord wrote(std::string out, std::string err = "") {
  RunRecord record;
  record.state = RunState::exited;
  record.exit = 0;
  record.stdout_sha256 = sha256(out);
  record.out_bytes = out.size();
  record.out = std::move(out);
  record.err = std::move(err);
  return record;
}

TEST(Expectation, TakesSeveralPatternsOfBothStreams) {
  SmokeExpectation expect;
  expect.stdout_matches = {"^one$", "two"};
  expect.stdout_excludes = {"error"};
  expect.stderr_matches = {"warn"};
  expect.stderr_excludes = {"^panic"};
  EXPECT_FALSE(output_mismatch(expect, wrote("one\ntwo\n", "a warning\n")));
  const auto missing = output_mismatch(expect, wrote("one\n", "a warning\n"));
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->reason, "its output does not match two");
  const auto unwanted = output_mismatch(expect, wrote("one\ntwo\nan error\nmore\n", "warn"));
  ASSERT_TRUE(unwanted);
  EXPECT_EQ(unwanted->reason, "its output matches error, which it must not");
  EXPECT_EQ(unwanted->text, "an error");
  EXPECT_FALSE(unwanted->unknown);
  EXPECT_EQ(output_mismatch(expect, wrote("one\ntwo", "warn\npanic: x"))->text, "panic: x");
}

TEST(Expectation, DoesNotKnowWhatWasNotKept) {
  RunRecord record = wrote("start\n[1000 bytes left out]\nend\n", "");
  record.out_cut = true;
  SmokeExpectation expect;
  expect.stdout_matches = {"^start$"};
  EXPECT_FALSE(output_mismatch(expect, record));
  expect.stdout_matches = {"middle"};
  EXPECT_TRUE(output_mismatch(expect, record)->unknown);
  expect.stdout_matches.clear();
  expect.stdout_excludes = {"middle"};
  EXPECT_TRUE(output_mismatch(expect, record)->unknown);
  expect.stdout_excludes = {"end"};
  EXPECT_FALSE(output_mismatch(expect, record)->unknown);
  expect = {};
  expect.stdout_sha256 = sha256("x");
  EXPECT_TRUE(output_mismatch(expect, record)->unknown);
  EXPECT_EQ(normalised_sha256(record), "");
}

TEST(Expectation, ComparesDigestsOfNormalisedOutput) {
  SmokeExpectation expect;
  expect.stdout_sha256 = sha256("Linux <architecture>\n");
  EXPECT_FALSE(output_mismatch(expect, wrote("Linux x86_64\r\n")));
  EXPECT_FALSE(output_mismatch(expect, wrote("Linux aarch64")));
  const auto other = output_mismatch(expect, wrote("Linux riscv64\n"));
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->unknown);
  EXPECT_NE(other->reason.find(sha256("Linux riscv64\n")), std::string::npos);
}

TEST(Expectation, TakesWhatIsNoTextAsItIs) {
  RunRecord here = wrote("\xff\xfe amd64");
  const std::string raw = here.stdout_sha256;
  EXPECT_EQ(normalised_sha256(here), raw);
  here.out = "\ufffd\ufffd amd64";  // as it comes out of the record
  EXPECT_EQ(normalised_sha256(here), raw);
  EXPECT_EQ(normalised_sha256(RunRecord{}), "");
  EXPECT_EQ(normalised_sha256(wrote("")), sha256(""));
}

TEST(Expectation, RefusesToJudgeByWhatIsNoExpression) {
  SmokeExpectation expect;
  expect.stderr_excludes = {"("};
  EXPECT_TRUE(output_mismatch(expect, wrote("", "x"))->unknown);
}

TEST(Expectation, OfARunIsItsExitAndOutputAndOfAServiceThatItWasUp) {
  PlannedRun test;
  test.expect.exit = 3;
  RunRecord record = wrote("fine");
  EXPECT_FALSE(as_expected(test, record));
  record.exit = 3;
  EXPECT_TRUE(as_expected(test, record));
  record.state = RunState::timed_out;
  EXPECT_FALSE(as_expected(test, record));
  test.service = PlannedService{.port = 80, .http_body = "well"};
  record.service = ServiceRecord{};
  EXPECT_FALSE(as_expected(test, record));
  record.service->state = ServiceState::up;
  record.service->body = "all is well";
  EXPECT_FALSE(as_expected(test, record));
  record.service->stopped = true;
  EXPECT_TRUE(as_expected(test, record));
  record.service->body = "no";
  EXPECT_FALSE(as_expected(test, record));
}

}  // namespace
}  // namespace nodeproof::smoke
