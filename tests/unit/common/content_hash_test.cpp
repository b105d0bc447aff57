#include "common/content_hash.hpp"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

// Of xxh128sum(1), xxhash 0.8.1.
TEST(ContentHash, IsWhatXxh128sumPrints) {
  EXPECT_EQ(to_hex(content_hash({})), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(to_hex(content_hash(as_bytes("abc"))), "06b05ab6733a618578af5f94892f3950");
  EXPECT_EQ(to_hex(content_hash(as_bytes(std::string(100'000, 'x')))),
            "0fe996a84987456bd8b99a30e426ac41");
}

TEST(ContentHash, IsTheSameHoweverTheBytesCome) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i);
  ContentHasher hasher;
  for (std::size_t at = 0, piece = 1; at < text.size(); at += piece, piece = piece * 3 % 1021) {
    piece = std::min(piece, text.size() - at);
    hasher.update(as_bytes(text).subspan(at, piece));
  }
  EXPECT_EQ(hasher.finish(), content_hash(as_bytes(text)));
}

TEST(ContentHash, IsReadBackFromItsDigits) {
  const ContentHash hash = content_hash(as_bytes("abc"));
  EXPECT_EQ(content_hash_of_hex(to_hex(hash)), hash);
  for (const char* wrong :
       {"", "06b05ab6733a618578af5f94892f395", "06B05AB6733A618578AF5F94892F3950",
        "06b05ab6733a618578af5f94892f39500"}) {
    EXPECT_FALSE(content_hash_of_hex(wrong)) << wrong;
  }
}

TEST(ContentHash, BeginsAnewAfterAReset) {
  ContentHasher hasher;
  hasher.update(as_bytes("something else"));
  hasher.reset();
  hasher.update(as_bytes("abc"));
  EXPECT_EQ(hasher.finish(), content_hash(as_bytes("abc")));
}

}  // namespace
}  // namespace nodeproof
