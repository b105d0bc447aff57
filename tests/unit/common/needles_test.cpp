#include "common/needles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace nodeproof {
namespace {

using Hits = std::vector<std::pair<std::size_t, std::size_t>>;  // where, which

Hits found(const std::vector<std::string_view>& needles, std::string_view text) {
  Hits hits;
  Needles(needles).find(text,
                        [&](std::size_t needle, std::size_t at) { hits.emplace_back(at, needle); });
  std::ranges::sort(hits);
  return hits;
}

Hits expected(const std::vector<std::string_view>& needles, std::string_view text) {
  Hits hits;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (std::size_t i = 0; i < needles.size(); ++i) {
      if (text.substr(at).starts_with(needles[i])) hits.emplace_back(at, i);
    }
  }
  return hits;
}

TEST(Needles, FindsWhatASlowSearchFinds) {
  const std::vector<std::string_view> needles = {"ababababa", "babababba", "aaaaaaaaaaaa",
                                                 "bbbbbbbbb", "abbbaabbab"};
  std::mt19937 random(4711);  // NOLINT: the same every time
  std::size_t hits = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 200, 'a');
    const std::string letters = round % 4 < 2 ? "aab" : "cdefghijklmnop";
    for (char& c : text) c = letters[random() % letters.size()];
    if (round % 2 == 0) text.insert(random() % (text.size() + 1), needles[random() % 5]);
    const Hits truth = expected(needles, text);
    EXPECT_EQ(found(needles, text), truth) << text;
    hits += truth.size();
  }
  EXPECT_GT(hits, 1000U);
}

TEST(Needles, StopsAtTheEndOfTheText) {
  EXPECT_EQ(found({"123456789"}, "123456789"), (Hits{{0, 0}}));
  EXPECT_EQ(found({"1234567890"}, "123456789"), Hits{});
  EXPECT_EQ(found({"123456789"}, ""), Hits{});
  EXPECT_EQ(found({"123456789"}, "12345678"), Hits{});
}

TEST(Needles, BytesAreBytes) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(found({"\xff\0\x80zzzzzz"sv}, "..\xff\0\x80zzzzzz"sv), (Hits{{2, 0}}));
}

}  // namespace
}  // namespace nodeproof
