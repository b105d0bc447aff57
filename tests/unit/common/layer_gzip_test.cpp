#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "common/layer_inflate.hpp"
#include "tests/unit/common/zlib_streams.hpp"

namespace nodeproof {
namespace {

// Gives the bytes in pieces of a fixed size.
class PieceReader final : public ByteReader {
 public:
  PieceReader(std::string_view text, std::size_t piece) : text_(text), piece_(piece) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({piece_, buffer.size(), text_.size()});
    std::ranges::copy(as_bytes(text_.substr(0, count)), buffer.begin());
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
  std::size_t piece_;
};

struct Sizes {
  std::size_t piece = 1 << 20;  // of the input
  std::size_t room = 1 << 17;   // for the output
};

struct Inflated {
  std::string plain;
  std::uint64_t consumed = 0;
};

Result<Inflated> inflated(std::string_view blob, Sizes sizes = {}) {
  PieceReader pieces(blob, sizes.piece);
  constexpr unsigned kWindow = 23;
  const auto reader = TRY(inflate(pieces, kWindow));
  Inflated all;
  std::vector<std::byte> buffer(sizes.room);
  while (const std::size_t got = TRY(reader->read(buffer))) {
    all.plain += as_text(Bytes(buffer).first(got));
  }
  all.consumed = reader->compressed_bytes();
  return all;
}

std::mt19937 seeded(unsigned seed) { return std::mt19937(seed); }

std::string noise(std::size_t size, unsigned seed, unsigned values = 256) {
  auto random = seeded(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() % values);
  return text;
}

// Words that come again, near and as far back as deflate reaches.
std::string prose(std::size_t size, unsigned seed) {
  auto random = seeded(seed);
  std::string text = noise(300, seed);
  while (text.size() < size) {
    const std::size_t reach = std::min<std::size_t>(text.size(), random() % 3 == 0 ? 32768 : 500);
    const std::size_t from = text.size() - 1 - random() % reach;
    const std::size_t length = 1 + random() % 300;
    for (std::size_t i = 0; i < length; ++i) text += text[from + i];
    text += static_cast<char>(random());
  }
  text.resize(size);
  return text;
}

std::map<std::string, std::string> contents() {
  std::map<std::string, std::string> all{{"nothing", ""},
                                         {"one byte", "x"},
                                         {"zeros", std::string(200'000, '\0')},
                                         {"noise", noise(70'000, 1)},
                                         {"few values", noise(70'000, 2, 5)},
                                         {"prose", prose(150'000, 3)}};
  // About the sizes of the buffers on the way.
  for (const unsigned size : {32767U, 32768U, 32769U, 65535U, 65536U, 65537U, 65824U, 98304U}) {
    all["prose of " + std::to_string(size)] = prose(size, size);
  }
  return all;
}

void expect_same(std::string_view plain, const std::string& blob, Sizes sizes,
                 const std::string& name) {
  const auto all = inflated(blob, sizes);
  ASSERT_TRUE(all) << name << ": " << all.error().message;
  EXPECT_TRUE(all->plain == plain) << name << ": other bytes";
  EXPECT_EQ(all->consumed, blob.size()) << name;
}

TEST(LayerGzip, InflatesWhatZlibDeflatedAtEveryLevelAndStrategy) {
  for (const auto& [name, plain] : contents()) {
    for (int level = 0; level <= 9; ++level) {
      for (const int strategy : {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED}) {
        const std::string blob = deflated(plain, {.level = level, .strategy = strategy});
        const std::string what =
            name + ", " + std::to_string(level) + ", " + std::to_string(strategy);
        expect_same(plain, blob, {}, what);
      }
    }
  }
}

TEST(LayerGzip, TheSizesOfInputAndOutputPiecesDoNotMatter) {
  const std::string plain = prose(150'000, 7) + std::string(80'000, 'z') + noise(40'000, 8);
  for (const int level : {0, 1, 6}) {
    const std::string blob = deflated(plain, {.level = level, .memory = 2});
    for (const std::size_t piece : {5UL, 9UL, 511UL, 4096UL, 16384UL, 65535UL, 1UL << 20}) {
      for (const std::size_t room : {257UL, 32767UL, 32768UL, 40000UL, 65536UL, 1UL << 20}) {
        const std::string what = std::to_string(piece) + " in, " + std::to_string(room) + " out";
        expect_same(plain, blob, {.piece = piece, .room = room}, what);
      }
    }
  }
}

TEST(LayerGzip, OneByteAtATimeInAndOut) {
  const std::string plain = prose(70'000, 9) + std::string(5000, 'y') + noise(700, 10);
  for (const int level : {0, 1, 9}) {
    for (const int strategy : {Z_DEFAULT_STRATEGY, Z_FIXED}) {
      const std::string blob = deflated(plain, {.level = level, .strategy = strategy, .memory = 1});
      for (const Sizes sizes : {Sizes{1, 1}, Sizes{1, 1 << 17}, Sizes{1 << 17, 1}, Sizes{3, 2}}) {
        expect_same(plain, blob, sizes, std::to_string(level) + std::to_string(strategy));
      }
    }
  }
}

TEST(LayerGzip, FlushesMakeEmptyBlocksAnywhere) {
  const std::string plain = prose(9000, 11);
  for (const int flush : {Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_PARTIAL_FLUSH, Z_BLOCK}) {
    for (const int every : {1, 7, 100, 3000}) {
      const std::string blob = deflated(plain, {.flush_every = every, .flush = flush});
      for (const Sizes sizes : {Sizes{}, Sizes{1, 1}, Sizes{13, 300}}) {
        expect_same(plain, blob, sizes, std::to_string(flush) + ", " + std::to_string(every));
      }
    }
  }
}

TEST(LayerGzip, SeveralMembersAreOneStream) {
  auto random = seeded(12);
  for (int round = 0; round < 60; ++round) {
    std::string plain;
    std::string blob;
    for (auto members = 1 + random() % 6; members > 0; --members) {
      const std::size_t size = random() % 4 == 0 ? 0 : random() % 50'000;
      const std::string part = prose(size, static_cast<unsigned>(random()));
      plain += part;
      blob += deflated(part, {.level = static_cast<int>(random() % 10)});
    }
    if (round % 2 == 0) blob += std::string(random() % 100'000, '\0');
    for (const Sizes sizes : {Sizes{}, Sizes{1 + random() % 40, 1 + random() % 40'000}}) {
      expect_same(plain, blob, sizes, "round " + std::to_string(round));
    }
  }
}

// What small streams need: under qemu-user the buffers are most of the time.
constexpr Sizes kSmall{.room = 1000};

// Members with every optional field, and one that follows.
std::vector<std::string> small_streams() {
  const std::string text = "a layer, a layer, a small layer; " + prose(400, 13);
  const std::string bare = deflated(text, {.wrapped = false});
  const std::string head("\x1f\x8b\x08\x02\1\2\3\4\0\xff", 10);
  const std::string extra = std::string("\x05\0", 2) + "extra";
  return {deflated(text, {}),
          deflated(text, {.level = 0}),
          deflated(text, {.strategy = Z_FIXED}),
          deflated(text, {.flush_every = 100}),
          deflated("", {}),
          member_of(bare, text, 0x02, little_endian(zlib_crc(head) & 0xffff, 2)),
          member_of(bare, text, 0x1c, extra + std::string("name\0comment\0", 13)),
          member_of(bare, text, 0x10, std::string("\0", 1)) + deflated("", {}) +
              deflated("the last", {})};
}

TEST(LayerGzip, TakesEveryOptionalFieldOfAHead) {
  for (const std::string& blob : small_streams()) {
    for (const Sizes sizes : {kSmall, Sizes{1, 1}}) {
      const auto all = inflated(blob, sizes);
      ASSERT_TRUE(all) << all.error().message;
      EXPECT_EQ(all->consumed, blob.size());
    }
  }
}

TEST(LayerGzip, CutAnywhereItIsTruncatedThere) {
  for (const std::string& blob : small_streams()) {
    for (std::size_t length = 2; length < blob.size(); ++length) {
      for (const Sizes sizes : {kSmall, Sizes{1, 1}}) {
        const auto all = inflated(std::string_view(blob).substr(0, length), sizes);
        if (all) {  // between two members
          EXPECT_EQ(all->consumed, length);
          EXPECT_TRUE(blob.substr(length).starts_with("\x1f\x8b")) << length;
          continue;
        }
        EXPECT_EQ(all.error().code, Errc::truncated) << all.error().message;
        const std::string magic = "gzip: ends inside a member's magic at compressed byte ";
        const std::string body = "gzip: ends inside a member at compressed byte ";
        EXPECT_TRUE(all.error().message == body + std::to_string(length) ||
                    all.error().message == magic + std::to_string(length - 1))
            << all.error().message << " of " << length;
      }
    }
  }
}

TEST(LayerGzip, NoFlippedBitMakesOtherBytes) {
  for (const std::string& blob : small_streams()) {
    const auto whole = inflated(blob, kSmall);
    ASSERT_TRUE(whole);
    for (std::size_t bit = 16; bit < blob.size() * 8; ++bit) {  // behind the magic
      std::string bytes = blob;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
      for (const Sizes sizes : {kSmall, Sizes{1, 1}}) {
        const auto all = inflated(bytes, sizes);
        if (all) {
          EXPECT_EQ(all->plain, whole->plain) << bit;
        } else {
          const Errc code = all.error().code;
          EXPECT_TRUE(code == Errc::corrupt || code == Errc::truncated) << all.error().message;
        }
      }
    }
  }
}

void expect_corrupt(const std::string& blob, const std::string& why) {
  for (const Sizes sizes : {kSmall, Sizes{1, 1}}) {
    const auto all = inflated(blob, sizes);
    ASSERT_FALSE(all) << why;
    EXPECT_EQ(all.error().code, Errc::corrupt);
    EXPECT_TRUE(all.error().message.starts_with("gzip: " + why + " at compressed byte "))
        << all.error().message;
  }
}

TEST(LayerGzip, SaysWhatIsCorrupt) {
  const std::string good = deflated("hello", {});
  const auto changed = [&](std::size_t at, char to) {
    std::string blob = good;
    blob[at] = to;
    return blob;
  };
  expect_corrupt(changed(2, 7), "unknown compression method");
  expect_corrupt(changed(3, '\x20'), "unknown header flags set");
  expect_corrupt(member_of("", "", 0x02, "xx"), "header crc mismatch");
  expect_corrupt(changed(10, '\x07'), "invalid deflate block");
  expect_corrupt(changed(good.size() - 5, 'x'), "incorrect data check");
  expect_corrupt(changed(good.size() - 1, 'x'), "incorrect length check");
  expect_corrupt(good + "garbage", "bytes that are no gzip member");
  expect_corrupt(good + std::string(70'000, '\0') + "x", "bytes that are no gzip member");
  // Fixed codes: a match before the first byte; a symbol no code has.
  expect_corrupt(member_of("\x03\x02\x02\0\0\0\0\0\0\0\0\0", ""), "invalid distance too far back");
  expect_corrupt(member_of("\x1b\xff\xff\xff\xff\xff\xff\xff", ""), "invalid deflate symbol");
}

TEST(LayerGzip, AReaderThatFailedGoesOnFailing) {
  const std::string blob = deflated(prose(60'000, 14), {}) + "garbage";
  PieceReader pieces(blob, 1000);
  const auto reader = inflate(pieces, 23);
  ASSERT_TRUE(reader);
  std::vector<std::byte> buffer(1 << 17);
  Result<std::size_t> got = (*reader)->read(buffer);
  while (got) got = (*reader)->read(buffer);
  const auto again = (*reader)->read(buffer);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), got.error());
}

// A stored byte waits for room beside the sums behind it, while the next piece is asked for.
TEST(LayerGzip, GivesBackBytesOfAnEarlierPiece) {
  constexpr std::size_t kAhead = 65536;  // that far ISA-L goes ahead
  const std::string plain = std::string(kAhead, 'z') + "x";
  std::string bare = deflated(plain, {.flush_every = kAhead, .wrapped = false});
  bare.resize(bare.size() - deflated("x", {.wrapped = false}).size());
  bare += std::string("\x01\x01\0\xfe\xff", 5) + "x";
  const std::string blob = member_of(bare, plain);
  for (std::size_t behind = 1; behind < 16; ++behind) {
    const Sizes sizes{.piece = blob.size() - behind, .room = kAhead};
    expect_same(plain, blob, sizes, std::to_string(behind));
  }
}

TEST(LayerGzip, GivesWhatItHasBeforeItAsksForMore) {
  struct BrokenOff final : ByteReader {
    explicit BrokenOff(std::string_view text) : start(text, 1 << 16) {}
    Result<std::size_t> read(std::span<std::byte> buffer) override {
      const auto got = start.read(buffer);
      if (*got == 0) return fail(Errc::cancelled, "stopped");
      return got;
    }
    PieceReader start;
  };
  const std::string plain = prose(50'000, 17);
  const std::string blob = deflated(plain, {});
  BrokenOff broken(std::string_view(blob).substr(0, blob.size() - 8));
  const auto reader = inflate(broken, 23);
  ASSERT_TRUE(reader);
  std::vector<std::byte> buffer(1000);
  std::string seen;
  Result<std::size_t> got = (*reader)->read(buffer);
  for (; got; got = (*reader)->read(buffer)) seen += as_text(Bytes(buffer).first(*got));
  EXPECT_EQ(got.error().code, Errc::cancelled);
  EXPECT_GE(seen.size() + buffer.size(), plain.size());
}

// Damaged deflate with the sums of what zlib makes of it: what zlib takes comes out the same.
TEST(LayerGzip, MakesOfDamagedStreamsWhatZlibMakes) {
  auto random = seeded(15);
  std::size_t taken = 0;
  for (int round = 0; round < 4000; ++round) {
    const Deflate how{.level = static_cast<int>(random() % 10),
                      .strategy = static_cast<int>(random() % 5),
                      .memory = 1,
                      .wrapped = false};
    std::string bare = deflated(prose(200 + random() % 3000, static_cast<unsigned>(round)), how);
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      bare[random() % bare.size()] = static_cast<char>(random());
    }
    const auto expected = zlib_inflated(bare, 1 << 17);
    const std::string blob = member_of(bare, expected.value_or(""));
    const Sizes sizes = round % 2 == 0 ? kSmall : Sizes{1 + random() % 9, 1 + random() % 300};
    const auto all = inflated(blob, sizes);
    if (!expected) {
      EXPECT_FALSE(all) << round;
      continue;
    }
    ++taken;
    ASSERT_TRUE(all) << round << ": " << all.error().message;
    EXPECT_TRUE(all->plain == *expected) << round;
  }
  EXPECT_GT(taken, 100U);
}

}  // namespace
}  // namespace nodeproof
