#include "common/tar_index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/byte_source.hpp"
#include "tests/fakes/tar_writer.hpp"

namespace nodeproof {
namespace {

using fakes::TarWriter;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::Pair;

Result<TarIndex> index(const std::string& tar, const TarIndexLimits& limits = {}) {
  return index_tar(
      MemorySource(as_bytes(tar)), [](std::string_view path) { return path != "unwanted"; },
      limits);
}

std::string content(const std::string& tar, const std::string& name) {
  const auto found = index(tar);
  EXPECT_TRUE(found) << found.error().message;
  if (!found || !found->contains(name)) return "(none)";
  const TarPlace place = found->at(name);
  return tar.substr(place.offset, place.size);
}

TEST(TarIndexing, FindsEveryFileInItsPlace) {
  const std::string tar = TarWriter()
                              .directory("blobs/")
                              .file("a", "one")
                              .file("./blobs//b", std::string(100'000, 'b'))
                              .file("/c", "")
                              .file("unwanted", "x")
                              .str();
  EXPECT_THAT(*index(tar), ElementsAre(Pair("a", TarPlace{1024, 3}), Key("blobs/b"), Key("c")));
  EXPECT_EQ(content(tar, "a"), "one");
  EXPECT_EQ(content(tar, "blobs/b"), std::string(100'000, 'b'));
  EXPECT_EQ(content(tar, "c"), "");
}

TEST(TarIndexing, ReadsLongNamesAndPaxHeaders) {
  const std::string name = "blobs/sha512/" + std::string(128, 'f');
  EXPECT_EQ(content(TarWriter().gnu_long('L', name).file("cut", "gnu").str(), name), "gnu");
  EXPECT_EQ(content(TarWriter().pax({{"path", name}}).file("cut", "pax").str(), name), "pax");
}

TEST(TarIndexing, AHardLinkIsTheFileItNames) {
  const std::string tar =
      TarWriter().file("a", "content").hard_link("b", "./a").hard_link("c", "nothing").str();
  EXPECT_EQ(content(tar, "b"), "content");
  EXPECT_EQ(content(tar, "c"), "(none)");
}

TEST(TarIndexing, TheLastMemberOfAPathCounts) {
  EXPECT_EQ(content(TarWriter().file("a", "old").file("a", "new").str(), "a"), "new");
  EXPECT_EQ(content(TarWriter().file("a", "old").symlink("a", "/etc/passwd").str(), "a"), "(none)");
}

TEST(TarIndexing, LeavesOutWhatIsNoPlainFile) {
  const std::string tar = TarWriter()
                              .symlink("link", "/etc/passwd")
                              .special("device", '3')
                              .special("fifo", '6')
                              .file("../up", "x")
                              .pax({{"GNU.sparse.major", "1"},
                                    {"GNU.sparse.minor", "0"},
                                    {"GNU.sparse.name", "sparse"},
                                    {"GNU.sparse.realsize", "1000000000000"}})
                              .file("holes", "1\n0\n0\n" + std::string(506, '\0'))
                              .file("a", "x")
                              .str();
  EXPECT_THAT(*index(tar), ElementsAre(Key("a")));
}

TEST(TarIndexing, AFileBeyondTheEndIsTruncated) {
  const std::string whole = TarWriter().file("a", std::string(5000, 'a')).str();
  for (const std::size_t length : {600U, 1023U, 2000U, 5000U}) {
    const auto found = index(whole.substr(0, length));
    ASSERT_FALSE(found) << length;
    EXPECT_EQ(found.error().code, Errc::truncated) << found.error().message;
  }
  const std::string giant = TarWriter().pax({{"size", "8999999999999999999"}}).file("a", "").str();
  EXPECT_FALSE(index(giant));
}

TEST(TarIndexing, MoreMembersThanTheLimitAreRefused) {
  TarWriter writer;
  for (int i = 0; i < 30; ++i) writer.file("f" + std::to_string(i), "");
  EXPECT_TRUE(index(writer.str(), {.members = 30}));
  const auto refused = index(writer.str(), {.members = 29});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::too_large);
}

// A million members, made while they are read: nothing of it is in memory.
class Endless final : public ByteSource {
 public:
  [[nodiscard]] std::uint64_t size() const override { return std::uint64_t{1'000'000} * 512; }
  Result<> read_at(std::uint64_t offset, std::span<std::byte> buffer) const override {
    last_ = offset + buffer.size();
    for (std::size_t i = 0; i < buffer.size(); ++i) {
      buffer[i] = static_cast<std::byte>(member_[(offset + i) % 512]);
    }
    return {};
  }
  [[nodiscard]] std::uint64_t last() const { return last_; }

 private:
  std::string member_ = TarWriter().file("a", "").body();
  mutable std::uint64_t last_ = 0;
};

TEST(TarIndexing, AMillionMembersAreRefusedEarly) {
  const Endless endless;
  const auto refused = index_tar(endless, [](std::string_view) { return true; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::too_large);
  EXPECT_LT(endless.last(), 101'000U * 512);
}

TEST(TarIndexing, WhatIsNoTarIsCorrupt) {
  for (const std::string& bytes : {std::string(10'000, 'g'), std::string()}) {
    const auto found = index(bytes);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::corrupt);
  }
}

class Broken final : public ByteSource {
 public:
  [[nodiscard]] std::uint64_t size() const override { return 10'000; }
  Result<> read_at(std::uint64_t /*offset*/, std::span<std::byte> /*buffer*/) const override {
    return fail(Errc::io, "the stick is gone");
  }
};

TEST(TarIndexing, TheSourcesErrorIsPassedOn) {
  const auto found = index_tar(Broken(), [](std::string_view) { return true; });
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::io);
  EXPECT_THAT(found.error().message, HasSubstr("the stick is gone"));
}

}  // namespace
}  // namespace nodeproof
