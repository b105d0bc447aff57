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

TEST(Pattern, ReplacesAsGoDoes) {
  struct Case {
    const char *expression, *text, *replacement, *result;
  };
  const Case cases[] = {{"^(.*)$", "library/debian", "proxy/$1", "proxy/library/debian"},
                        {"^rancher/(.*)", "rancher/k3s", "mirrored/${1}x", "mirrored/k3sx"},
                        {"a", "banana", "o", "bonono"},
                        {"x", "banana", "o", "banana"},
                        {"(a)(n)", "an", "$2$1$$", "na$"},
                        {"a", "a", "\\1", "\\1"}};
  for (const Case& item : cases) {
    const auto pattern = Pattern::compile(item.expression);
    ASSERT_TRUE(pattern) << item.expression;
    EXPECT_EQ(pattern->replaced_in(item.text, item.replacement).value_or("(error)"), item.result)
        << item.expression;
  }
}

TEST(Pattern, AReplacementForAGroupThatThereIsNotIsRefused) {
  for (const char* replacement : {"$2", "${2}", "$", "${1", "$name"}) {
    const auto replaced = Pattern::compile("(a)")->replaced_in("a", replacement);
    ASSERT_FALSE(replaced) << replacement;
    EXPECT_EQ(replaced.error().code, Errc::invalid_document);
  }
}

TEST(Pattern, TakesLinearTimeOnHostileText) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(Pattern::compile("^(a|aa)+$")->found_in(std::string(200'000, 'a') + "!"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace nodeproof
