#include "common/text.hpp"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

TEST(Printable, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(printable("Grüße, 世界 ✔ 🙂"), "Grüße, 世界 ✔ 🙂");
}

TEST(Printable, ReplacesWhatATerminalWouldObey) {
  for (const std::string_view bad :
       {"\x1b", "\x07", "\r", "\x7f", "\xc2\x9b", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x80\x8b",
        "\xe2\x80\xa8", "\xef\xbb\xbf", "\xf3\xa0\x80\x81"}) {
    EXPECT_EQ(printable(bad), kReplacement);
  }
  EXPECT_EQ(printable(std::string_view("\0", 1)), kReplacement);
  EXPECT_EQ(printable("a\n\tb"), "a  b");
}

TEST(Printable, ReplacesEachByteThatIsNotUtf8) {
  for (const std::string_view bad : {"\xff", "\x80", "\xc3", "\xc1"}) {
    EXPECT_EQ(printable(bad), kReplacement);
  }
  EXPECT_EQ(printable("\xed\xa0\x80"),
            std::string(kReplacement) + std::string(kReplacement) + std::string(kReplacement));
  EXPECT_EQ(printable("\xe2\x82x"), std::string(kReplacement) + std::string(kReplacement) + "x");
}

TEST(Printable, CutsBehindWholeCharacters) {
  EXPECT_EQ(printable("äöü", 4), "äö...");
  EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("äöü"), 3U);
  EXPECT_EQ(display_width("世界"), 4U);
  EXPECT_EQ(display_width("e\xcc\x81"), 1U);
}

TEST(Shorten, KeepsTheEndsOfAName) {
  EXPECT_EQ(shorten("registry.example.com/team/app:v1", 16), "regis…eam/app:v1");
  EXPECT_EQ(shorten("registry.example.com/team/app:v1", 16, false), "regi...am/app:v1");
  EXPECT_EQ(shorten("short", 16), "short");
  for (std::size_t width = 0; width < 20; ++width) {
    EXPECT_LE(display_width(shorten("世界世界世界世界世界世界", width)), width);
    EXPECT_LE(display_width(shorten("abcdefghijklmnopqrstuvwxyz", width, false)), width);
  }
}

TEST(Wrapped, BreaksBetweenWords) {
  EXPECT_EQ(wrapped("one two three", 2, 10), "one two\n  three");
  EXPECT_EQ(wrapped("unbreakableword x", 2, 10), "unbreakableword\n  x");
  EXPECT_EQ(wrapped("", 2, 10), "");
}

TEST(HumanBytes, CountsInPowersOfThousand) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(999'949), "999.9 kB");
  EXPECT_EQ(human_bytes(999'950), "1.0 MB");
  EXPECT_EQ(human_bytes(41'234'567), "41.2 MB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "18446.7 PB");
}

TEST(HumanSeconds, IsShort) {
  EXPECT_EQ(human_seconds(0.42), "0.4 s");
  EXPECT_EQ(human_seconds(9.96), "10 s");
  EXPECT_EQ(human_seconds(185), "3m05s");
  EXPECT_EQ(human_seconds(7800), "2h10m");
  EXPECT_EQ(human_seconds(-1), "0.0 s");
}

}  // namespace
}  // namespace nodeproof
