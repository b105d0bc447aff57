#include <gtest/gtest.h>

#include <fstream>

#include "agent/registry/layered_registry.hpp"
#include "agent/registry/layout_registry.hpp"
#include "tests/fakes/fake_registry.hpp"
#include "tests/fakes/layout_writer.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::registry {
namespace {

namespace fs = std::filesystem;
using fakes::LayoutWriter;

constexpr const char* kLayer = "application/vnd.oci.image.layer.v1.tar";

// A stick that breaks off before what it gives can be hashed.
class BrokenOff : public testing::Test {
 protected:
  void SetUp() override { layout.to_folder(home()); }
  [[nodiscard]] fs::path home() const { return folder.path() / "l"; }
  void save(std::string_view bytes) const {
    std::ofstream(home() / LayoutWriter::path_of(layer.digest), std::ios::binary) << bytes;
  }
  // Sets `result`; the bytes given from `offset` on, with the file cut when the first have come.
  std::string read(Registry& from, std::uint64_t offset,
                   std::optional<std::uintmax_t> cut = std::nullopt) {
    std::string bytes;
    const ByteSink sink = [&](Bytes piece) -> Result<> {
      bytes += as_text(piece);
      if (cut) fs::resize_file(home() / LayoutWriter::path_of(layer.digest), *cut);
      return {};
    };
    result = from.blob(*Reference::parse("app:1"), layer, offset, sink, {});
    return bytes;
  }

  const fakes::TempFolder folder;
  LayoutWriter layout;
  const std::string content = std::string(1 << 20, 'x');
  const std::string wrong = "y" + content.substr(1);
  Descriptor layer = layout.blob(content, kLayer);
  LayoutRegistry stick{{home()}, {}};
  Result<> result;
};

TEST_F(BrokenOff, WrongBytesAreNotGivenAgain) {
  save(wrong);
  EXPECT_FALSE(read(stick, 0, 10).empty());
  ASSERT_EQ(result.error().code, Errc::truncated);
  save(wrong);
  stick.distrust(layer.digest);
  EXPECT_EQ(read(stick, 0), "");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::digest_mismatch);
}

TEST_F(BrokenOff, TheSecondAttemptIsTheRegistrysAlone) {
  FakeRegistry remote;
  remote.add(content, kLayer);
  LayeredRegistry layered(stick, remote);
  save(wrong);
  EXPECT_TRUE(read(layered, 0, 10) == wrong) << "gone on with, and wrong";
  layered.distrust(layer.digest);
  save(wrong);
  EXPECT_TRUE(read(layered, 0) == content);
  EXPECT_TRUE(result);
}

TEST_F(BrokenOff, WhatNobodyDistrustsIsGoneOnWith) {
  const std::size_t first = read(stick, 0, 10).size();
  save(content);
  EXPECT_EQ(read(stick, first).size(), content.size() - first);
  EXPECT_TRUE(result);
}

TEST_F(BrokenOff, WhatWasReadWholeAndRightIsNotDistrusted) {
  read(stick, 0, 10);
  save(content);
  EXPECT_TRUE(read(stick, 0) == content);
  stick.distrust(layer.digest);  // another's bytes were wrong
  EXPECT_TRUE(read(stick, 0) == content);
  EXPECT_TRUE(result);
}

}  // namespace
}  // namespace nodeproof::registry
