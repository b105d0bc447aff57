#include "common/layer_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "common/crypto.hpp"
#include "tests/fakes/tar_writer.hpp"

namespace nodeproof {
namespace {

using fakes::gzip;
using fakes::TarWriter;
using fakes::zstd;

// Gives the bytes in pieces of a fixed size.
class TextReader final : public ByteReader {
 public:
  explicit TextReader(std::string_view text, std::size_t piece = 1000)
      : text_(text), piece_(piece) {}
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

struct Recorder final : LayerVisitor {
  std::vector<LayerEntry> entries;
  std::map<std::string, std::string> contents;
  std::size_t ended = 0;

  Result<> begin(const LayerEntry& entry) override {
    entries.push_back(entry);
    return {};
  }
  Result<> content(Bytes bytes) override {
    contents[entries.back().path] += as_text(bytes);
    return {};
  }
  Result<> end() override {
    ++ended;
    return {};
  }
  [[nodiscard]] const LayerEntry* find(std::string_view path) const {
    const auto found = std::ranges::find(entries, path, &LayerEntry::path);
    return found == entries.end() ? nullptr : &*found;
  }
};

Result<LayerSummary> read(std::string_view blob, Recorder& recorder,
                          const LayerLimits& limits = {}) {
  TextReader reader(blob);
  return read_layer(reader, {.entries = &recorder}, limits);
}

std::string sample() {
  TarWriter tar;
  tar.directory("./").directory("./usr/").directory("usr/bin");
  tar.owner(1000, 100).file("/usr//bin/./tool", "#!/bin/sh\n", 04755).owner(0, 0);
  tar.symlink("bin", "usr/bin").hard_link("usr/bin/same", "./usr/bin/tool");
  tar.special("dev/null", '3').special("dev/disk", '4').special("run/fifo", '6');
  tar.file("empty", "").file("big", std::string(100'000, 'x'));
  return tar.str();
}

TEST(LayerReader, ShowsEveryEntryOfAPlainTar) {
  Recorder recorder;
  const std::string tar = sample();
  const auto summary = read(tar, recorder);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->diff_id, hash_of(as_bytes(tar)));
  EXPECT_EQ(summary->compression, Compression::none);
  EXPECT_EQ(summary->entries, 11U);
  EXPECT_EQ(summary->refused, 0U);
  EXPECT_EQ(recorder.ended, recorder.entries.size());
  EXPECT_EQ(recorder.entries[0].path, "");
  EXPECT_EQ(recorder.entries[1].path, "usr");
  const LayerEntry expected{.path = "usr/bin/tool",
                            .type = EntryType::file,
                            .mode = 04755,
                            .uid = 1000,
                            .gid = 100,
                            .size = 10,
                            .link_target = ""};
  ASSERT_NE(recorder.find("usr/bin/tool"), nullptr);
  EXPECT_EQ(*recorder.find("usr/bin/tool"), expected);
  EXPECT_EQ(recorder.find("bin")->link_target, "usr/bin");
  EXPECT_EQ(recorder.find("usr/bin/same")->type, EntryType::hard_link);
  EXPECT_EQ(recorder.find("usr/bin/same")->link_target, "usr/bin/tool");
  EXPECT_EQ(recorder.find("dev/null")->type, EntryType::character_device);
  EXPECT_EQ(recorder.find("dev/disk")->type, EntryType::block_device);
  EXPECT_EQ(recorder.find("run/fifo")->type, EntryType::fifo);
  EXPECT_EQ(recorder.contents["big"], std::string(100'000, 'x'));
  EXPECT_EQ(recorder.contents.count("empty"), 0U);
}

TEST(LayerReader, TakesTheSameDiffIdFromEveryCompression) {
  const std::string tar = sample();
  const std::size_t half = tar.size() / 2;
  const std::map<std::string, std::string> blobs{
      {"gzip", gzip(tar)},
      {"two gzip members", gzip(tar.substr(0, half)) + gzip(tar.substr(half))},
      {"gzip and padding", gzip(tar) + std::string(70'000, '\0')},
      {"zstd", zstd(tar)},
      {"two zstd frames", zstd(tar.substr(0, half)) + zstd(tar.substr(half))},
      {"zstd between skippable frames",
       fakes::zstd_skippable("toc") + zstd(tar) + fakes::zstd_skippable("footer")}};
  for (const auto& [name, blob] : blobs) {
    Recorder recorder;
    const auto summary = read(blob, recorder);
    ASSERT_TRUE(summary) << name << ": " << summary.error().message;
    EXPECT_EQ(summary->diff_id, hash_of(as_bytes(tar))) << name;
    EXPECT_EQ(summary->compressed_bytes, blob.size()) << name;
    EXPECT_EQ(summary->plain_bytes, tar.size()) << name;
    EXPECT_EQ(recorder.entries.size(), 11U) << name;
  }
}

TEST(LayerReader, HashesWhatStandsBehindTheEndMark) {
  const std::string tar = TarWriter().file("a", "1").str() + std::string(8192, '\0') + "tail";
  Recorder recorder;
  const auto summary = read(gzip(tar), recorder);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->diff_id, hash_of(as_bytes(tar)));
}

TEST(LayerReader, EmptyLayersAreLayers) {
  for (const std::string& tar : {std::string(), std::string(1024, '\0')}) {
    Recorder recorder;
    const auto summary = read(gzip(tar), recorder);
    ASSERT_TRUE(summary) << summary.error().message;
    EXPECT_EQ(summary->diff_id, hash_of(as_bytes(tar)));
    EXPECT_TRUE(recorder.entries.empty());
  }
}

TEST(LayerReader, ReadsNamesOfAnyLengthAndAnyBytes) {
  const std::string longer = "a/" + std::string(200, 'b') + "/" + std::string(200, 'c');
  const std::string utf8 = "caf\xc3\xa9/\xe6\x97\xa5\xe6\x9c\xac";
  const std::string latin = "caf\xe9";
  TarWriter tar;
  tar.pax({{"path", longer}}).file("short", "1");
  tar.pax({{"path", utf8}, {"linkpath", "\xc3\xbc"}}).symlink("u", "u");
  tar.pax({{"hdrcharset", "BINARY"}, {"path", latin + "1"}}).file("l", "2");
  tar.gnu_long('L', longer + "d").gnu_long('K', longer).hard_link("x", "y");
  tar.file(latin, "3");
  Recorder recorder;
  const auto summary = read(tar.str(), recorder);
  ASSERT_TRUE(summary) << summary.error().message;
  ASSERT_EQ(recorder.entries.size(), 5U);
  EXPECT_EQ(recorder.entries[0].path, longer);
  EXPECT_EQ(recorder.entries[1].path, utf8);
  EXPECT_EQ(recorder.entries[1].link_target, "\xc3\xbc");
  EXPECT_EQ(recorder.entries[2].path, latin + "1");
  EXPECT_EQ(recorder.entries[3].path, longer + "d");
  EXPECT_EQ(recorder.entries[3].link_target, longer);
  EXPECT_EQ(recorder.entries[4].path, latin);
  EXPECT_EQ(recorder.contents[latin], "3");
}

TEST(LayerReader, RefusesWhatWouldLeaveTheRootAndGoesOn) {
  TarWriter tar;
  tar.file("../etc/shadow", "x").file("a/../../b", "x").hard_link("c", "../../etc/passwd");
  tar.file("..hidden", "fine").file("last", "seen");
  Recorder recorder;
  const auto summary = read(tar.str(), recorder);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->refused, 3U);
  EXPECT_EQ(summary->first_refused, "../etc/shadow: \"..\" in its path");
  ASSERT_EQ(recorder.entries.size(), 2U);
  EXPECT_EQ(recorder.contents["..hidden"], "fine");
  EXPECT_EQ(recorder.contents["last"], "seen");
}

TEST(LayerReader, RefusesPathsBeyondTheLimits) {
  TarWriter tar;
  tar.file("a/b/c/d", "x").file("123456789", "x").file("a/b", "x");
  Recorder recorder;
  LayerLimits limits;
  limits.path_depth = 3;
  limits.path_bytes = 8;
  const auto summary = read(tar.str(), recorder, limits);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->refused, 2U);
  EXPECT_EQ(recorder.entries.size(), 1U);
}

TEST(LayerReader, HasLimitsForEntriesBytesAndRatio) {
  const std::string tar = sample();
  const auto code = [&](const std::string& blob, const std::function<void(LayerLimits&)>& set) {
    LayerLimits limits;
    set(limits);
    Recorder recorder;
    const auto summary = read(blob, recorder, limits);
    return summary ? "none" : std::string(to_string(summary.error().code));
  };
  EXPECT_EQ(code(tar, [](LayerLimits& l) { l.entries = 10; }), "too_large");
  EXPECT_EQ(code(tar, [](LayerLimits& l) { l.entries = 11; }), "none");
  EXPECT_EQ(code(tar, [](LayerLimits& l) { l.plain_bytes = 50'000; }), "too_large");
  EXPECT_EQ(code(tar, [](LayerLimits& l) { l.ratio = 0, l.ratio_floor = 1000; }), "too_large");
  EXPECT_EQ(code(zstd(tar, 24), [](LayerLimits&) {}), "unsupported");
  EXPECT_EQ(code(zstd(tar, 23), [](LayerLimits&) {}), "none");
}

// A GNU sparse 1.0 file of 1 TiB that is all hole costs 1 KiB of tar: the limits count what is
// shown.
TEST(LayerReader, CountsTheHolesOfSparseFiles) {
  const std::string map = "1\n1099511627776\n0\n" + std::string(512 - 17, '\0');
  TarWriter tar;
  tar.pax({{"GNU.sparse.major", "1"},
           {"GNU.sparse.minor", "0"},
           {"GNU.sparse.name", "hole"},
           {"GNU.sparse.realsize", "1099511627776"}});
  tar.file("GNUSparseFile.0/hole", map);
  Recorder recorder;
  LayerLimits limits;
  limits.plain_bytes = 1 << 20;
  const auto summary = read(tar.str(), recorder, limits);
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, Errc::too_large);
}

TEST(LayerReader, NamesTheEntryWhereAnArchiveBreaks) {
  std::string tar = TarWriter().file("good", "1").file("bad", std::string(2000, 'x')).body();
  Recorder recorder;
  auto summary = read(tar.substr(0, 3000), recorder);
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, Errc::truncated);
  EXPECT_NE(summary.error().message.find("bad"), std::string::npos) << summary.error().message;
  tar[1024 + 10] = 'y';  // breaks the second header's checksum
  summary = read(tar, recorder);
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, Errc::corrupt);
  EXPECT_NE(summary.error().message.find("good"), std::string::npos) << summary.error().message;
}

TEST(LayerReader, CallsAPageOfHtmlCorrupt) {
  Recorder recorder;
  const auto summary = read("<html><body>Please log in</body></html>", recorder);
  ASSERT_FALSE(summary);
  EXPECT_NE(summary.error().message.find("at its start"), std::string::npos);
}

TEST(LayerReader, ACompressedStreamCutAnywhereIsTruncated) {
  const std::string tar = TarWriter().file("a", "hello").symlink("b", "a").str();
  for (const std::string& blob :
       {gzip(tar), zstd(tar), gzip(tar.substr(0, 700)) + gzip(tar.substr(700))}) {
    for (std::size_t length = 1; length < blob.size(); ++length) {
      Recorder recorder;
      const auto summary = read(std::string(blob.data(), length), recorder);
      // Shorter than the magic it is an unknown format; cut between two members it is a short tar.
      if (summary) {
        EXPECT_NE(summary->diff_id, hash_of(as_bytes(tar))) << length;
        continue;
      }
      const Errc code = summary.error().code;
      EXPECT_TRUE(code == Errc::truncated || length < 4) << length << summary.error().message;
    }
  }
}

TEST(LayerReader, APlainTarCutAnywhereIsNeverTheSameLayer) {
  const std::string tar = sample().substr(0, 12 * 512) + std::string(1024, '\0');
  for (std::size_t length = 0; length < tar.size(); ++length) {
    Recorder recorder;
    const auto summary = read(std::string(tar.data(), length), recorder);
    if (summary) EXPECT_NE(summary->diff_id, hash_of(as_bytes(tar))) << length;
  }
}

TEST(LayerReader, AnyByteMayLie) {
  const std::string tar = sample().substr(0, 9 * 512);
  for (const std::string& blob : {tar, gzip(tar), zstd(tar)}) {
    for (std::size_t at = 0; at < std::min<std::size_t>(blob.size(), 2500); ++at) {
      std::string bytes = blob;
      bytes[at] = static_cast<char>(~bytes[at]);
      Recorder recorder;
      const auto summary = read(bytes, recorder);
      if (summary) EXPECT_EQ(summary->plain_bytes, tar.size()) << at;
    }
  }
}

TEST(LayerReader, PassesOnTheErrorsOfReaderAndVisitor) {
  struct Broken final : ByteReader {
    Result<std::size_t> read(std::span<std::byte>) override {
      return fail(Errc::cancelled, "stopped");
    }
  } broken;
  Recorder recorder;
  EXPECT_EQ(read_layer(broken, {.entries = &recorder}).error().code, Errc::cancelled);

  struct Halfway final : ByteReader {
    TextReader start;
    explicit Halfway(std::string_view text) : start(text) {}
    Result<std::size_t> read(std::span<std::byte> buffer) override {
      auto got = start.read(buffer);
      if (*got == 0) return fail(Errc::cancelled, "stopped");
      return got;
    }
  };
  const std::string body = TarWriter().file("bad", std::string(2000, 'x')).body().substr(0, 1500);
  Halfway halfway(body);
  const auto summary = read_layer(halfway, {.entries = &recorder});
  EXPECT_EQ(summary.error().code, Errc::cancelled) << summary.error().message;

  struct Refusing final : LayerVisitor {
    Result<> begin(const LayerEntry&) override { return fail(Errc::no_space, "full"); }
    Result<> content(Bytes) override { return {}; }
    Result<> end() override { return {}; }
  } refusing;
  const std::string tar = sample();
  TextReader reader(tar);
  EXPECT_EQ(read_layer(reader, {.entries = &refusing}).error().code, Errc::no_space);
}

TEST(LayerReader, ATarThatEndsInsideWhatIsPassedOverIsTruncated) {
  const std::string tar = TarWriter().file("../outside", std::string(50'000, 'x')).str();
  const std::string cut = tar.substr(0, 20'000);
  TextReader reader(cut);
  Recorder recorder;
  const auto summary = read_layer(reader, {.entries = &recorder});
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, Errc::truncated) << summary.error().message;
}

// Wants the first bytes up to a limit.
struct Collector final : PlainSink {
  std::string bytes;
  std::size_t limit = std::string::npos;
  std::optional<Result<PlainTarEnd>> ended;

  bool write(Bytes plain) override {
    bytes += as_text(plain);
    return bytes.size() < limit;
  }
  void end(Result<PlainTarEnd> end) override {
    EXPECT_FALSE(ended) << "told the end twice";
    ended = std::move(end);
  }
};

TEST(PlainSink, GetsThePlainTarWhileTheVisitorGetsItsEntries) {
  const std::string tar = TarWriter().file("a", "1").file("b", std::string(300'000, 'x')).str();
  const std::string blob = gzip(tar);
  TextReader reader(blob);
  Recorder recorder;
  Collector plain;
  const auto summary = read_layer(reader, {.entries = &recorder, .plain = &plain});
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_TRUE(plain.bytes == tar);
  EXPECT_EQ(recorder.entries.size(), 2U);
  ASSERT_TRUE(plain.ended && *plain.ended);
  EXPECT_EQ((*plain.ended)->diff_id, hash_of(as_bytes(tar)));
  EXPECT_EQ((*plain.ended)->bytes, tar.size());
}

TEST(PlainSink, NeedsNoVisitor) {
  const std::string tar = TarWriter().file("a", "1").str() + std::string(5000, 'z');
  const std::string blob = zstd(tar);
  TextReader reader(blob);
  Collector plain;
  const auto summary = read_layer(reader, {.plain = &plain});
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_TRUE(plain.bytes == tar);
  EXPECT_EQ(summary->diff_id, hash_of(as_bytes(tar)));
}

TEST(PlainSink, GetsTheRestWhenTheTarOrTheVisitorFails) {
  std::string tar = TarWriter().file("a", "1").str();
  tar.insert(1024, std::string(100'000, '<'));
  TextReader reader(tar);
  Recorder recorder;
  Collector plain;
  EXPECT_FALSE(read_layer(reader, {.entries = &recorder, .plain = &plain}));
  EXPECT_TRUE(plain.bytes == tar);
  ASSERT_TRUE(plain.ended && *plain.ended);
  EXPECT_EQ((*plain.ended)->diff_id, hash_of(as_bytes(tar)));
}

TEST(PlainSink, OneThatWantsNoMoreDoesNotDisturbTheOthers) {
  const std::string tar = TarWriter().file("a", std::string(900'000, 'x')).file("b", "2").str();
  TextReader reader(tar);
  Recorder recorder;
  Collector plain;
  plain.limit = 1;
  const auto summary = read_layer(reader, {.entries = &recorder, .plain = &plain});
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(recorder.entries.size(), 2U);
  EXPECT_LT(plain.bytes.size(), tar.size());
  EXPECT_EQ((*plain.ended)->diff_id, hash_of(as_bytes(tar)));
}

TEST(PlainSink, IsToldThatTheStreamBrokeOff) {
  const std::string blob = gzip(TarWriter().file("a", std::string(900'000, 'x')).str());
  const std::string half = blob.substr(0, blob.size() / 2);
  TextReader reader(half);
  Recorder recorder;
  Collector plain;
  EXPECT_FALSE(read_layer(reader, {.entries = &recorder, .plain = &plain}));
  ASSERT_TRUE(plain.ended);
  EXPECT_EQ(plain.ended->error().code, Errc::truncated);
}

}  // namespace
}  // namespace nodeproof
