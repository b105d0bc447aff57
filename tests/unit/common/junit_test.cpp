#include "common/junit.hpp"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

using Outcome = JunitCase::Outcome;

TEST(JunitDocument, CountsWhatItHolds) {
  JunitSuite suite{.name = "a&b", .hostname = "pi", .timestamp = "2026-11-21T10:00:00Z"};
  suite.cases = {
      {.classname = "c", .name = "passes", .seconds = 0.25},
      {.classname = "c", .name = "says", .text = "out"},
      {.classname = "c",
       .name = "fails",
       .outcome = Outcome::failure,
       .type = "T",
       .message = "M",
       .text = "<"},
      {.classname = "c", .name = "errs", .outcome = Outcome::error, .type = "T", .message = "M"},
      {.classname = "c", .name = "skips", .outcome = Outcome::skipped, .message = "M"}};
  EXPECT_EQ(to_xml({.name = "n", .suites = {suite}}), R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="n" tests="5" failures="1" errors="1" skipped="1">
  <testsuite name="a&amp;b" tests="5" failures="1" errors="1" skipped="1" hostname="pi" timestamp="2026-11-21T10:00:00Z">
    <testcase classname="c" name="passes" time="0.250"/>
    <testcase classname="c" name="says">
      <system-out>out</system-out>
    </testcase>
    <testcase classname="c" name="fails">
      <failure type="T" message="M">&lt;</failure>
    </testcase>
    <testcase classname="c" name="errs">
      <error type="T" message="M"></error>
    </testcase>
    <testcase classname="c" name="skips">
      <skipped message="M"></skipped>
    </testcase>
  </testsuite>
</testsuites>
)");
}

}  // namespace
}  // namespace nodeproof
