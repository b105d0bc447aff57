#include "common/layer_writer.hpp"
#include "tests/unit/common/layer_folder.hpp"

namespace nodeproof {
namespace {

using fakes::TarWriter;
using LayerWhiteouts = LayerFolder;
using Paths = std::vector<std::string>;

TEST_F(LayerWhiteouts, BecomeOverlayfsOwnMarksWithTheHeadersOwner) {
  TarWriter tar;
  tar.owner(11, 12).file("etc/.wh.passwd", "ignored content").owner(0, 0).file("after", "x");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(names("etc"), Paths{"passwd"});
  EXPECT_TRUE(is_whiteout("etc/passwd"));
  EXPECT_EQ(look("etc/passwd").st_mode, static_cast<::mode_t>(S_IFCHR));
  EXPECT_EQ(look("etc/passwd").st_uid, 11U);
  EXPECT_EQ(look("etc/passwd").st_gid, 12U);
  EXPECT_EQ(written->implied, Paths{"etc"});
  EXPECT_EQ(written->bytes, 1U);
  EXPECT_EQ(content("after"), "x");
}

TEST_F(LayerWhiteouts, TheFileThatComesLaterWins) {
  for (const bool overlay : {true, false}) {
    TarWriter tar;
    tar.file(".wh.f", "").file("f", "new").file(".wh.d", "").directory("d");
    const auto written = write(tar, overlay);
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(content("f"), "new");
    EXPECT_TRUE(S_ISDIR(look("d").st_mode));
    EXPECT_EQ(names("."), (Paths{"d", "f"}));
  }
}

TEST_F(LayerWhiteouts, OfWhatTheLayerItselfHasIsAnErrorForOverlayfsAsInContainerd) {
  TarWriter tar;
  tar.file("f", "x").file(".wh.f", "");
  expect_error(write(tar), Errc::corrupt, ".wh.f: hides what the layer itself has");
}

TEST_F(LayerWhiteouts, MayHideAWhiteoutsName) {
  TarWriter tar;
  tar.file(".wh..wh.plnk", "").file(".wh....", "");
  ASSERT_TRUE(write(tar));
  EXPECT_TRUE(is_whiteout(".wh.plnk"));
  EXPECT_TRUE(is_whiteout("..."));
}

TEST_F(LayerWhiteouts, OfNothingOrOfTheParentAreErrors) {
  for (const bool overlay : {true, false}) {
    for (const char* name : {"d/.wh.", "d/.wh..", "d/.wh..."}) {
      TarWriter tar;
      tar.file(name, "");
      expect_error(write(tar, overlay), Errc::corrupt,
                   std::string(name) + ": a whiteout of nothing");
    }
    EXPECT_EQ(names("d"), Paths{});
  }
}

TEST_F(LayerWhiteouts, AnOpaqueDirectoryIsNamedAndNothingElseIsMade) {
  TarWriter tar;
  tar.file("z/.wh..wh..opq", "").directory("a").file("a/f", "x").file("a/.wh..wh..opq", "");
  tar.file(".wh..wh..opq", "");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->opaque, (Paths{"", "a", "z"}));
  EXPECT_EQ(written->implied, Paths{"z"});
  EXPECT_EQ(names("a"), Paths{"f"});
  EXPECT_EQ(names("z"), Paths{});
}

TEST_F(LayerWhiteouts, AnOpaqueDirectoryThatIsReplacedIsForgotten) {
  TarWriter tar;
  tar.directory("a")
      .file("a/b/.wh..wh..opq", "")
      .file("a/.wh..wh..opq", "")
      .file("aa/.wh..wh..opq", "");
  tar.file("a", "x").directory("a");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->opaque, Paths{"aa"});
  EXPECT_EQ(written->implied, Paths{"aa"});
}

TEST_F(LayerWhiteouts, AnOpaqueDirectoryIsNamedWithoutLinks) {
  TarWriter tar;
  tar.directory("real").symlink("link", "/real").file("link/.wh..wh..opq", "");
  tar.file("link/sub/.wh.f", "");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->opaque, Paths{"real"});
  EXPECT_EQ(written->implied, Paths{"real/sub"});
}

TEST_F(LayerWhiteouts, RemoveWhatTheyNameWithoutOverlayfs) {
  std::filesystem::create_directories("d/e/f/g");
  put("d/e/file", "x");
  put("single", "x");
  std::filesystem::create_symlink(outside(), "link");
  TarWriter tar;
  tar.file("d/.wh.e", "").file(".wh.single", "").file(".wh.link", "").file(".wh.absent", "");
  const auto written = write(tar, false);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(names("."), Paths{"d"});
  EXPECT_EQ(names("d"), Paths{});
  EXPECT_EQ(written->opaque, Paths{});
}

TEST_F(LayerWhiteouts, OpaqueRemovesWhatTheLayerHasNotUnpackedWithoutOverlayfs) {
  std::filesystem::create_directories("d/old/deep");
  std::filesystem::create_directories("d/kept/old");
  put("d/file", "x");
  put("beside", "x");
  TarWriter tar;
  tar.directory("d").file("d/new", "x").directory("d/kept").file("d/kept/new", "x");
  tar.file("d/.wh..wh..opq", "").file("d/later", "x");
  const auto written = write(tar, false);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(names("d"), (Paths{"kept", "later", "new"}));
  EXPECT_EQ(names("d/kept"), Paths{"new"});
  EXPECT_TRUE(there("beside"));
}

TEST_F(LayerWhiteouts, OpaqueAlsoRemovesWhatTheLayerOnlyImpliedAsContainerdDoes) {
  TarWriter tar;
  tar.directory("d").file("d/implied/file", "x").file("d/.wh..wh..opq", "");
  const auto written = write(tar, false);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(names("d"), Paths{});
  EXPECT_EQ(written->implied, Paths{});
}

TEST_F(LayerWhiteouts, OpaqueFollowsNoLinkThatTheLayerUnpacked) {
  TarWriter tar;
  tar.symlink("d/up", outside().string()).symlink("d/root", "/").file("d/.wh..wh..opq", "");
  tar.file("beside", "x");
  ASSERT_TRUE(write(tar, false));
  EXPECT_EQ(names("d"), (Paths{"root", "up"}));
}

TEST_F(LayerWhiteouts, ATreeDeeperThanAnyPathIsRemoved) {
  // Deeper than a process may have files open, and than a path may be long.
  std::filesystem::create_directory("deep");
  std::filesystem::current_path("deep");
  for (int depth = 0; depth < 5000; ++depth) {
    ASSERT_EQ(::mkdir("directory", 0755), 0);
    put("file", "x");
    ASSERT_EQ(::chdir("directory"), 0);
  }
  std::filesystem::current_path(root());
  TarWriter tar;
  tar.file(".wh.deep", "");
  const auto written = write(tar, false);
  EXPECT_TRUE(written) << written.error().message;
  EXPECT_EQ(names("."), Paths{});
}

}  // namespace
}  // namespace nodeproof
