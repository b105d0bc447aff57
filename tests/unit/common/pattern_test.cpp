#include "common/pattern.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace nodeproof {
namespace {

TEST(Pattern, IsSearchedForLineByLine) {
  EXPECT_TRUE(Pattern::compile("^v2\\.")->found_in("banner\nv2.1.0\n"));
  EXPECT_TRUE(Pattern::compile("^42$")->found_in("42\n"));
  EXPECT_FALSE(Pattern::compile("^42$")->found_in("x42\n"));
  EXPECT_TRUE(Pattern::compile("[0-9]+ (ms|s)")->found_in("took 17 ms"));
  EXPECT_FALSE(Pattern::compile("a.b")->found_in("a\nb"));
}

TEST(Pattern, ThatIsNoneSaysWhy) {
  for (const char* text : {"(", "[", "a{5", "(?=x)", "\\1", "(?<!y)"}) {
    const auto pattern = Pattern::compile(text);
    if (std::string_view(text) == "a{5") {
      EXPECT_TRUE(pattern);  // a literal brace
      continue;
    }
    ASSERT_FALSE(pattern) << text;
    EXPECT_EQ(pattern.error().code, Errc::invalid_document);
    EXPECT_FALSE(pattern.error().remedy.empty());
  }
  EXPECT_EQ(Pattern::compile(std::string(5000, 'a')).error().code, Errc::too_large);
  EXPECT_FALSE(Pattern::compile("((a{1000}){1000}){1000}"));
}

TEST(Pattern, TakesLinearTimeOnHostileText) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(Pattern::compile("^(a|aa)+$")->found_in(std::string(200'000, 'a') + "!"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace nodeproof
