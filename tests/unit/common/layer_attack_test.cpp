// What hostile tars try: LayerFolder looks after each test whether anything outside was touched.
#include <sys/mount.h>

#include "common/layer_root.hpp"
#include "common/layer_writer.hpp"
#include "tests/unit/common/layer_folder.hpp"

namespace nodeproof {
namespace {

using fakes::TarWriter;
using LayerAttack = LayerFolder;
using Paths = std::vector<std::string>;

TEST_F(LayerAttack, TwoDotsInANameAreForContainerdToJudge) {
  for (const char* name : {"../outside/canary", "a/../../outside/canary", "a/..", ".."}) {
    TarWriter tar;
    expect_error(write(tar.file(name, "evil")), Errc::unsupported, "\"..\" in its path");
  }
  TarWriter link;
  link.hard_link("link", "../outside/canary");
  expect_error(write(link), Errc::unsupported, "link: \"..\" in its path");
  EXPECT_EQ(names("."), Paths{});
}

TEST_F(LayerAttack, AbsoluteNamesBeginAtTheRoot) {
  const std::string canary = (outside() / "canary").string();
  TarWriter tar;
  tar.file(canary, "mine").hard_link("link", canary).file("//f", "x");
  ASSERT_TRUE(write(tar));
  EXPECT_EQ(content(canary.substr(1)), "mine");
  EXPECT_EQ(content("link"), "mine");
  EXPECT_EQ(content("f"), "x");
}

TEST_F(LayerAttack, ALinkThatLeadsOutIsFollowedInsideTheRoot) {
  const std::string folder = outside().string();
  TarWriter tar;
  tar.symlink("absolute", folder).file("absolute/canary", "evil");
  tar.symlink("up", "../../../../../../../../../.." + folder).file("up/canary", "evil2");
  tar.symlink("beside", "../outside").file("beside/canary", "mine");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(content(folder.substr(1) + "/canary"), "evil2");
  EXPECT_EQ(content("outside/canary"), "mine");
  EXPECT_TRUE(there("absolute"));
}

TEST_F(LayerAttack, EveryKindOfEntryBehindALinkStaysInside) {
  const std::string folder = outside().string();
  TarWriter tar;
  tar.symlink("out", folder).directory("out", 0700).symlink("out2", folder);
  tar.directory("out2/canary", 0700).symlink("out2/link", "x").special("out2/fifo", '6');
  tar.file("out2/.wh.white", "").file("out2/.wh..wh..opq", "").hard_link("out2/hard", "out2/link");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_TRUE(S_ISDIR(look("out").st_mode));
  EXPECT_EQ(names(folder.substr(1)), (Paths{"canary", "fifo", "hard", "link", "white"}));
}

TEST_F(LayerAttack, ALinkInTheMiddleOfANameStaysInside) {
  for (const bool overlay : {true, false}) {
    TarWriter tar;
    tar.symlink("out", outside().string()).file("out/folder/evil", "x").directory("out/folder", 0);
    tar.symlink("up", "../outside").file("up/folder/.wh.evil", "").file("up/folder/f", "x");
    tar.hard_link("out/folder/hard", "up/folder/f").file("up/folder/.wh..wh..opq", "");
    const auto written = write(tar, overlay);
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(names(outside().string().substr(1) + "/folder"), (Paths{"evil", "hard"}));
  }
  TarWriter link;
  link.symlink("out2", outside().string()).hard_link("link", "out2/folder/../canary");
  EXPECT_FALSE(write(link));
}

TEST_F(LayerAttack, RemovalsBehindALinkStayInside) {
  const std::string folder = outside().string();
  TarWriter tar;
  tar.symlink("out", folder).file("out/.wh.canary", "").file("out/.wh..wh..opq", "");
  tar.symlink("up", "../outside").file("up/.wh.canary", "").file("up/.wh..wh..opq", "");
  tar.file("out", "x").file("up", "x");
  const auto written = write(tar, false);
  ASSERT_TRUE(written) << written.error().message;
}

TEST_F(LayerAttack, TheLastPartOfANameIsNeverFollowed) {
  const std::string canary = (outside() / "canary").string();
  TarWriter tar;
  tar.symlink("f", canary).file("f", "mine");
  tar.symlink("d", outside().string()).owner(9, 9).directory("d", 0700);
  tar.symlink("l", canary).hard_link("hard", "l");
  tar.pax({{"SCHILY.xattr.user.k", "v"}}).symlink("x", canary);
  ASSERT_TRUE(write(tar));
  EXPECT_EQ(content("f"), "mine");
  EXPECT_TRUE(S_ISDIR(look("d").st_mode));
  EXPECT_TRUE(S_ISLNK(look("hard").st_mode));
}

TEST_F(LayerAttack, AHardLinkReachesNothingOutside) {
  const std::string folder = outside().string();
  TarWriter absolute;
  absolute.hard_link("a", folder + "/canary");
  expect_error(write(absolute), Errc::corrupt, "a: ");
  TarWriter linked;
  linked.symlink("out", folder).hard_link("b", "out/canary");
  expect_error(write(linked), Errc::corrupt, "b: ");
  TarWriter up;
  up.symlink("up", "../outside").hard_link("c", "up/canary");
  expect_error(write(up), Errc::corrupt, "c: ");
}

TEST_F(LayerAttack, AParentThatBecomesALinkIsSeen) {
  for (const bool overlay : {true, false}) {
    TarWriter tar;
    tar.directory("p").file("p/one", "x").symlink("p", outside().string()).file("p/canary", "evil");
    tar.directory("q").file("q/r/one", "x").symlink("q", "..").file("q/r/two", "x");
    const auto written = write(tar, overlay);
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(content(outside().string().substr(1) + "/canary"), "evil");
    EXPECT_EQ(names("r"), Paths{"two"});
  }
}

TEST_F(LayerAttack, AParentThatIsReplacedFromWithinIsSeen) {
  TarWriter tar;
  tar.directory("d").directory("e").symlink("d/self", ".").symlink("d/self/self", "../e");
  tar.file("d/self/x", "x");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(names("d"), Paths{"self"});
  EXPECT_EQ(names("e"), Paths{"x"});
}

TEST_F(LayerAttack, AParentThatIsRemovedAndMadeAgainIsTheNewOne) {
  TarWriter tar;
  tar.directory("p/q").file("p/q/one", "x").file(".wh.p", "").file("p/q/two", "x");
  tar.directory("p/q");
  const auto written = write(tar, false);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(names("p/q"), Paths{"two"});
  EXPECT_EQ(written->implied, Paths{"p"});
}

TEST_F(LayerAttack, LoopsOfLinksEnd) {
  for (const bool overlay : {true, false}) {
    TarWriter tar;
    tar.symlink("a", "b").symlink("b", "a").file("a/f", "x");
    expect_error(write(tar, overlay), Errc::corrupt, "a/f: too many symbolic links");
  }
  TarWriter self;
  self.symlink("s", "s/s").file("s/f", "x");
  EXPECT_FALSE(write(self));
}

TEST_F(LayerAttack, LinksAreFollowedAsContainerdDoes) {
  TarWriter tar;
  tar.directory("deep/er").symlink("one", "deep/er").symlink("deep/er/back", "../../top");
  tar.symlink("two", "one").symlink("dangling", "/made/here").directory("top");
  tar.file("one/f", "1").file("two/g", "2").file("one/back/h", "3").file("dangling/i", "4");
  tar.symlink("root", "/").file("root/j", "5").symlink("name", "top/../deep").file("name/k", "6");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(names("deep/er"), (Paths{"back", "f", "g"}));
  EXPECT_EQ(names("top"), Paths{"h"});
  EXPECT_EQ(written->implied, (Paths{"deep", "made", "made/here"}));
  EXPECT_EQ(content("made/here/i"), "4");
  EXPECT_EQ(content("j"), "5");
  EXPECT_EQ(content("deep/k"), "6");
}

TEST_F(LayerAttack, AChainOfLinksThatContainerdWouldFollowOutsideIsNotFollowed) {
  // containerd looks at root/x/canary here, and the kernel takes x as the host has it.
  TarWriter tar;
  tar.symlink("x", outside().string()).symlink("a", "/x").file("a/canary/f", "evil");
  expect_error(write(tar), Errc::unsupported, "a/canary/f: a chain of symbolic links");
}

TEST_F(LayerAttack, KernelsWithoutOpenat2AreWalkedStepByStep) {
  std::filesystem::create_directories("real/sub");
  std::filesystem::create_symlink(outside(), "out");
  std::filesystem::create_symlink("real/sub", "link");
  put("file", "x");
  auto inside = LayerRoot::open(false);
  ASSERT_TRUE(inside);
  Paths made;
  const auto note = [&](const std::string& path) -> Result<> {
    made.push_back(path);
    return {};
  };
  ASSERT_TRUE(inside->enter("real/sub", note));
  EXPECT_EQ(inside->at(), "real/sub");
  ASSERT_TRUE(inside->enter("link/new", note));
  EXPECT_EQ(inside->at(), "real/sub/new");
  EXPECT_EQ(made, Paths{"real/sub/new"});
  ASSERT_TRUE(inside->enter("out", note));
  EXPECT_EQ(inside->at(), outside().string().substr(1));
  EXPECT_EQ(std::filesystem::current_path(), root() / inside->at());
  const auto refused = inside->enter("file/x", note);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::corrupt);
  EXPECT_FALSE(inside->readable("out"));
  EXPECT_TRUE(inside->readable("real"));
}

TEST_F(LayerAttack, LimitsAreNamedWithTheEntry) {
  LayerLimits limits{.entries = 3, .plain_bytes = 100'000, .path_bytes = 20, .path_depth = 3};
  TarWriter many;
  many.file("1", "").file("2", "").file("3", "").file("4", "");
  expect_error(write(many, true, limits), Errc::too_large, "more than 3 entries, at 4");
  TarWriter large;
  large.file("f", std::string(200'000, 'x'));
  expect_error(write(large, true, limits), Errc::too_large, "f: the layer's files are larger than");
  expect_error(
      write_text(TarWriter().file("f", "x").str() + std::string(200'000, 'x'), true, limits),
      Errc::too_large, "more than 100.0 kB when unpacked");
  TarWriter holes;
  holes.pax({{"GNU.sparse.size", "1000000000000"}, {"GNU.sparse.map", "0,1"}}).file("h", "x");
  expect_error(write(holes, true, limits), Errc::too_large, "h: the layer's files are larger than");
  TarWriter deep;
  expect_error(write(deep.file("a/b/c/d", ""), true, limits), Errc::too_large,
               "a/b/c/d: more than 3 directories");
  TarWriter long_one;
  expect_error(write(long_one.file("123456789012345678901", ""), true, limits), Errc::too_large,
               "a path of more than 20 bytes");
  TarWriter component;
  expect_error(write(component.gnu_long('L', std::string(300, 'n')).file("x", "")), Errc::too_large,
               "nnn: ");
}

TEST_F(LayerAttack, TruncatedAndDamagedTarsAreNamed) {
  TarWriter tar;
  tar.file("first", "x").file("second", std::string(5000, 'x'));
  expect_error(write_text(tar.body().substr(0, 4000)), Errc::truncated, "at or behind second");
  expect_error(write_text(tar.body().substr(0, 1024) + std::string(1024, 'j')), Errc::corrupt,
               "at or behind first");
  expect_error(write_text("no tar at all"), Errc::corrupt, "tar, at its start");
}

TEST_F(LayerAttack, AStreamThatBreaksOffIsToldAsItIs) {
  struct Broken final : ByteReader {
    explicit Broken(const std::string& text) : text_(text, 512) {}
    Result<std::size_t> read(std::span<std::byte> buffer) override {
      if (++pieces_ > 3) return fail(Errc::cancelled, "asked to stop");
      return text_.read(buffer);
    }
    TarText text_;
    int pieces_ = 0;
  };
  TarWriter tar;
  const std::string text = tar.file("f", std::string(5000, 'x')).str();
  Broken broken(text);
  expect_error(write_layer(broken, {}), Errc::cancelled, "f: asked to stop");
}

TEST_F(LayerAttack, AFullFileSystemIsNoSpaceAndNothingElse) {
  std::filesystem::create_directory("small");
  if (::mount("nodeproof", "small", "tmpfs", 0, "size=64k,nr_inodes=20") != 0) {
    GTEST_SKIP() << "mounts are not allowed here";
  }
  std::filesystem::current_path("small");
  TarWriter bytes;
  expect_error(write(bytes.file("f", std::string(200'000, 'x'))), Errc::no_space,
               "f: writing the file");
  TarWriter inodes;
  for (int i = 0; i < 30; ++i) inodes.directory("d" + std::to_string(i));
  expect_error(write(inodes), Errc::no_space, ": making it");
  TarWriter parents;
  for (int i = 0; i < 30; ++i) parents.file("p" + std::to_string(i) + "/.wh.x", "");
  expect_error(write(parents), Errc::no_space, "/.wh.x: ");
  std::filesystem::current_path(root());
  EXPECT_EQ(::umount2("small", MNT_DETACH), 0);
}

}  // namespace
}  // namespace nodeproof
