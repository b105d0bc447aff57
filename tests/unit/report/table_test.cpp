#include "agent/report/table.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "common/text.hpp"
#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

TEST(Table, IsThis) {
  EXPECT_EQ(
      to_table(sample(), {.unicode = true, .width = 120}),
      R"(pi-17 · linux/arm64/v8 · 16K pages · Raspberry Pi 5 Model B Rev 1.0 · containerd 1.7.24

  VERDICT    IMAGE                               PLATFORM     MANIFEST             PULLED            SMOKE
✔ ready      registry.example.com/demo/good:1    linux/arm64  sha256:0123456789ab  41.2 MB in 3.1 s  1/1
✘ not ready  registry.example.com/demo/wrong:v2  linux/arm64  sha256:0123456789ab  41.2 MB in 3.1 s  0/1
  ✘ ArchMismatch  /usr/bin/tini
    the entrypoint is built for x86-64, this node is arm64
    evidence ELF e_machine 62 (x86-64)
    layer    sha256:dddddddddddd
    remedy   rebuild /usr/bin/tini for linux/arm64
? unknown    registry.example.com/demo/far:3     -            -                    -                 -      (unreachable)
  ? RegistryUnreachable
    registry.example.com: connection refused

  ! MemoryCgroupMissing

✘ not ready  1/3 ready; ArchMismatch wrong:v2 (+1) (unreachable)
  more: nodeproof explain ArchMismatch
)");
}

TEST(Table, HasNoEscapeWithoutColourAndSomeWithIt) {
  EXPECT_FALSE(to_table(sample()).contains('\x1b'));
  EXPECT_TRUE(to_table(sample(), {.colour = true}).contains("\x1b[31mx not ready"));
}

TEST(Table, IsAsciiWithoutUnicode) {
  for (const char c : to_table(sample(), {.unicode = false, .width = 60})) {
    EXPECT_GE(static_cast<signed char>(c), 0);
  }
}

TEST(Table, KeepsToTheWidth) {
  for (const std::size_t width : {60U, 80U, 100U, 120U}) {
    std::istringstream lines(to_table(sample(), {.unicode = true, .width = width}));
    lines.ignore(200, '\n');  // the node's own line may be longer
    for (std::string line; std::getline(lines, line);) {
      if (line.contains("(unreachable)")) continue;  // said behind the last column
      EXPECT_LE(display_width(line), width) << line;
    }
  }
}

TEST(Table, MakesHostileStringsInert) {
  NodeReport report = sample();
  const std::string hostile = "\x1b]0;owned\x07\x1b[2J\r\nfake line \xe2\x80\xae\xff";
  report.node = hostile;
  report.host.board = hostile;
  report.message = hostile;
  report.images[0].reference = hostile;
  report.images[1].findings[0] = {hostile, Severity::fail, hostile, hostile,
                                  hostile, hostile,        hostile};
  const std::string table = to_table(report, {.unicode = true});
  for (const char* bad : {"\x1b", "\x07", "\r", "\xe2\x80\xae", "\xff", "\nfake"}) {
    EXPECT_FALSE(table.contains(bad));
  }
}

TEST(Table, ShowsAWarningOfAReadyImageToo) {
  NodeReport report;
  report.images = {ready_image("a:1")};
  report.images[0].findings = {finding(code::kTagMoved, Severity::warn),
                               finding(code::kNotExecuted, Severity::info)};
  conclude(report);
  const std::string table = to_table(report);
  EXPECT_TRUE(table.contains("! TagMoved"));
  EXPECT_FALSE(table.contains("NotExecuted"));
}

TEST(Table, ShowsARateLimitOncePerRegistryAndOnlyWhenLittleIsLeft) {
  NodeReport report = sample();
  for (ImageReport& image : report.images) {
    image.rate_limit = RateLimit{100, 20, std::chrono::hours(6)};
  }
  EXPECT_EQ(to_table(report, {}).find("requests left"), std::string::npos);
  for (ImageReport& image : report.images) image.rate_limit->remaining = 19;
  const std::string table = to_table(report, {});
  const std::string line = "registry.example.com: 19 of 100 requests left in 6h";
  ASSERT_NE(table.find(line), std::string::npos) << table;
  EXPECT_EQ(table.find(line, table.find(line) + 1), std::string::npos);
}

TEST(Table, SaysWhenNothingHadToBeFetched) {
  NodeReport report;
  report.images = {ready_image("a:1")};
  report.images[0].pull.downloaded_bytes = 0;
  conclude(report);
  EXPECT_TRUE(to_table(report).contains("already here"));
}

}  // namespace
}  // namespace nodeproof::report
