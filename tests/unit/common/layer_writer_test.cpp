#include "common/layer_writer.hpp"

#include <sys/sysmacros.h>

#include <algorithm>

#include "tests/unit/common/layer_folder.hpp"

namespace nodeproof {
namespace {

using fakes::TarWriter;
using LayerWriter = LayerFolder;
using Paths = std::vector<std::string>;

TEST_F(LayerWriter, WritesEveryKindOfEntry) {
  TarWriter tar;
  tar.directory("./", 0700).directory("usr/", 0755).directory("usr/bin", 01777);
  tar.owner(1000, 100).file("/usr//bin/./tool", "#!/bin/sh\n", 04755).owner(0, 0);
  tar.symlink("bin", "usr/bin").hard_link("usr/bin/same", "./usr/bin/tool");
  tar.special("run-fifo", '6').file("empty", "").file("big", std::string(1'000'000, 'x'));
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->entries, 9U);
  EXPECT_EQ(written->bytes, 1'000'010U);
  EXPECT_EQ(written->implied, Paths{});
  EXPECT_EQ(written->opaque, Paths{});
  EXPECT_EQ(look("usr").st_mode, S_IFDIR | 0755U);
  EXPECT_EQ(look("usr/bin").st_mode, S_IFDIR | 01777U);
  EXPECT_EQ(content("usr/bin/tool"), "#!/bin/sh\n");
  EXPECT_EQ(content("big"), std::string(1'000'000, 'x'));
  EXPECT_EQ(look("empty").st_size, 0);
  EXPECT_EQ(std::filesystem::read_symlink("bin"), "usr/bin");
  EXPECT_TRUE(S_ISFIFO(look("run-fifo").st_mode));
  EXPECT_EQ(look("usr/bin/same").st_ino, look("usr/bin/tool").st_ino);
}

TEST_F(LayerWriter, OwnersAndModesAreTheTarsWhateverTheUmask) {
  const ::mode_t before = ::umask(077);
  TarWriter tar;
  tar.owner(1234, 99'999).file("setuid", "x", 06755).file("sticky", "x", 01666);
  tar.directory("folder", 02770).symlink("link", "nowhere").special("fifo", '6');
  const auto written = write(tar);
  EXPECT_EQ(::umask(before), 077U);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(look("setuid").st_mode, S_IFREG | 06755U);
  EXPECT_EQ(look("sticky").st_mode, S_IFREG | 01666U);
  EXPECT_EQ(look("folder").st_mode, S_IFDIR | 02770U);
  EXPECT_EQ(look("fifo").st_mode, S_IFIFO | 0644U);
  for (const char* name : {"setuid", "sticky", "folder", "link", "fifo"}) {
    EXPECT_EQ(look(name).st_uid, 1234U) << name;
    EXPECT_EQ(look(name).st_gid, 99'999U) << name;
  }
}

TEST_F(LayerWriter, LeavesTypesThatContainerdDoesNotKnowToIt) {
  for (const char type : {'7', 'V', 'S', 'Z', 'D'}) {
    TarWriter tar;
    tar.file("before", std::string(300'000, 'x')).special("odd", type).file("after", "1");
    expect_error(write(tar), Errc::unsupported, "a type of entry that containerd does not know");
  }
  TarWriter known;
  for (int i = 0; i < 1500; ++i) known.file(std::string(120, 'n') + std::to_string(i), "x");
  EXPECT_TRUE(write(known)) << "also where headers lie in two buffers";
}

TEST_F(LayerWriter, TheRootIsLeftAsItIs) {
  ASSERT_EQ(::chmod(".", 0711), 0);
  TarWriter tar;
  tar.owner(7, 7).directory("./", 0777).directory("/", 0777).directory("", 0777);
  ASSERT_TRUE(write(tar));
  EXPECT_EQ(look(".").st_mode, S_IFDIR | 0711U);
  EXPECT_EQ(look(".").st_uid, 0U);
}

TEST_F(LayerWriter, TimesAreTheTarsWithNanosecondsAndTheLaterOneIsTheAccess) {
  TarWriter tar;
  tar.pax({{"mtime", "1000.123456789"}, {"atime", "2000.5"}}).directory("d");
  tar.pax({{"mtime", "1000.123456789"}, {"atime", "2000.5"}}).file("d/used", "x");
  tar.pax({{"mtime", "3000.000000001"}, {"atime", "2000.5"}}).file("d/unused", "x");
  tar.pax({{"mtime", "4000"}}).symlink("d/link", "nowhere");
  tar.pax({{"mtime", "5000"}}).special("d/fifo", '6');
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  for (const char* name : {"d", "d/used"}) {
    EXPECT_EQ(look(name).st_mtim.tv_sec, 1000) << name;
    EXPECT_EQ(look(name).st_mtim.tv_nsec, 123'456'789) << name;
    EXPECT_EQ(look(name).st_atim.tv_sec, 2000) << name;
    EXPECT_EQ(look(name).st_atim.tv_nsec, 500'000'000) << name;
  }
  EXPECT_EQ(look("d/unused").st_mtim.tv_nsec, 1);
  EXPECT_EQ(look("d/unused").st_atim.tv_sec, 3000);
  EXPECT_EQ(look("d/unused").st_atim.tv_nsec, 1);
  EXPECT_EQ(look("d/link").st_mtim.tv_sec, 4000);
  EXPECT_EQ(look("d/fifo").st_atim.tv_sec, 5000);
}

TEST_F(LayerWriter, TimesThatContainerdCannotSetAreTheEpoch) {
  TarWriter tar;
  tar.pax({{"mtime", "-2177452800"}}).file("1901", "x");
  tar.pax({{"mtime", "5680281600"}}).file("2150", "x");
  tar.pax({{"mtime", "9223372036.854775807"}}).file("last", "x");
  tar.pax({{"mtime", "9223372036.854775808"}}).file("beyond", "x");
  tar.pax({{"mtime", "10"}, {"atime", "99999999999"}}).directory("used-beyond");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(look("1901").st_mtim.tv_sec, 0);
  EXPECT_EQ(look("2150").st_mtim.tv_sec, 5'680'281'600);
  EXPECT_EQ(look("last").st_mtim.tv_sec, 9'223'372'036);
  EXPECT_EQ(look("beyond").st_mtim.tv_sec, 0);
  EXPECT_EQ(look("beyond").st_mtim.tv_nsec, 0);
  EXPECT_EQ(look("used-beyond").st_mtim.tv_sec, 10);
  EXPECT_EQ(look("used-beyond").st_atim.tv_sec, 0);
}

TEST_F(LayerWriter, MissingParentsAreMadeAndNamedParentsFirst) {
  TarWriter tar;
  tar.owner(5, 5).file("a/b/c/file", "x", 0600).directory("a/b", 0700).file("z/file", "y");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->implied, (Paths{"a", "a/b/c", "z"}));
  EXPECT_EQ(look("a").st_mode, S_IFDIR | 0755U);
  EXPECT_EQ(look("a").st_uid, 0U);
  EXPECT_EQ(look("a/b").st_mode, S_IFDIR | 0700U);
  EXPECT_EQ(look("a/b").st_uid, 5U);
  EXPECT_EQ(look("a/b/c").st_mode, S_IFDIR | 0755U);
}

TEST_F(LayerWriter, AnImpliedDirectoryBelowSetgidHasNoSetgid) {
  TarWriter tar;
  tar.owner(0, 50).directory("shared", 02775).file("shared/implied/file", "x");
  ASSERT_TRUE(write(tar));
  EXPECT_EQ(look("shared/implied").st_mode, S_IFDIR | 0755U);
}

TEST_F(LayerWriter, AFileInTheParentsPlaceIsAnError) {
  TarWriter tar;
  tar.file("a", "x").file("a/b", "y");
  expect_error(write(tar), Errc::corrupt, "a/b: its parent directory is another kind of file");
}

TEST_F(LayerWriter, ALaterEntryReplacesAnEarlierOneOfAnotherType) {
  TarWriter tar;
  tar.file("x", "1").directory("x").file("x/deep/er/file", "2").file("x", "3");
  tar.symlink("y", "x").file("y", "own").file("f", "1").symlink("f", "x");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(content("x"), "3");
  EXPECT_EQ(content("y"), "own");
  EXPECT_EQ(std::filesystem::read_symlink("f"), "x");
  EXPECT_EQ(written->implied, Paths{});  // x/deep went with x
}

TEST_F(LayerWriter, ADirectoryOverADirectoryKeepsWhatIsInIt) {
  TarWriter tar;
  tar.directory("d", 0700).file("d/file", "x").owner(3, 3).directory("d", 0750);
  ASSERT_TRUE(write(tar));
  EXPECT_EQ(content("d/file"), "x");
  EXPECT_EQ(look("d").st_mode, S_IFDIR | 0750U);
  EXPECT_EQ(look("d").st_uid, 3U);
}

TEST_F(LayerWriter, AFileOverAHardLinkLeavesTheOtherName) {
  TarWriter tar;
  tar.file("a", "old").hard_link("b", "a").file("b", "new");
  ASSERT_TRUE(write(tar));
  EXPECT_EQ(content("a"), "old");
  EXPECT_EQ(content("b"), "new");
}

TEST_F(LayerWriter, DirectoriesHaveTheirTimesAtTheEnd) {
  TarWriter tar;
  tar.pax({{"mtime", "1000"}}).directory("a");
  tar.pax({{"mtime", "2000"}}).directory("a/b");
  tar.file("a/b/file", "x").file("a/file", "x").file("a/file", "again");
  ASSERT_TRUE(write(tar));
  EXPECT_EQ(look("a").st_mtim.tv_sec, 1000);
  EXPECT_EQ(look("a/b").st_mtim.tv_sec, 2000);
}

TEST_F(LayerWriter, WhatTookADirectorysNameGetsItsTimes) {
  TarWriter tar;
  tar.pax({{"mtime", "1000"}}).directory("a").file("a", "x");
  tar.pax({{"mtime", "2000"}}).directory("b").directory("c").symlink("b", "/c");
  ASSERT_TRUE(write(tar));
  EXPECT_EQ(look("a").st_mtim.tv_sec, 1000);
  EXPECT_EQ(look("c").st_mtim.tv_sec, 0);  // c's own entry is later than b's
  EXPECT_EQ(look("b").st_mtim.tv_sec, 0);
}

TEST_F(LayerWriter, ADirectoryThatIsGoneAtTheEndIsAnError) {
  TarWriter tar;
  tar.directory("a").directory("a/b").file("a", "x");
  expect_error(write(tar), Errc::corrupt, "a/b: ");
}

TEST_F(LayerWriter, AHardLinksHeaderAppliesToTheFile) {
  TarWriter tar;
  tar.file("file", "x", 0600).owner(8, 9);
  tar.pax({{"mtime", "7000"}, {"SCHILY.xattr.user.k", "v"}}).hard_link("folder/link", "/file");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->implied, Paths{"folder"});
  EXPECT_EQ(look("file").st_nlink, 2U);
  EXPECT_EQ(look("file").st_mode, S_IFREG | 0644U);
  EXPECT_EQ(look("file").st_uid, 8U);
  EXPECT_EQ(look("file").st_mtim.tv_sec, 7000);
  EXPECT_EQ(attribute("file", "user.k"), "v");
}

TEST_F(LayerWriter, AHardLinkToASymlinkLinksTheSymlink) {
  TarWriter tar;
  tar.directory("d").file("d/file", "x", 0600).symlink("d/link", "file");
  tar.symlink("way", "d").owner(4, 4).hard_link("copy", "way/link");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(look("copy").st_ino, look("d/link").st_ino);
  EXPECT_EQ(look("copy").st_uid, 4U);
  EXPECT_EQ(look("d/file").st_uid, 0U);
  EXPECT_EQ(look("d/file").st_mode, S_IFREG | 0600U);
}

TEST_F(LayerWriter, AHardLinkToWhatTheLayerLacksIsAnError) {
  TarWriter tar;
  tar.hard_link("link", "nowhere");
  expect_error(write(tar), Errc::corrupt, "link: links to nowhere, which is not there");
  TarWriter self;
  self.file("me", "x").hard_link("me", "me");
  expect_error(write(self), Errc::corrupt, "me: links to me, which is not there");
  TarWriter deep;
  deep.hard_link("link", "no/where");
  expect_error(write(deep), Errc::corrupt, "link: ");
}

TEST_F(LayerWriter, ContentOfAHardLinkIsForContainerdToJudge) {
  TarWriter tar;
  tar.pax({{"size", "512"}}).hard_link("link", "nowhere");
  expect_error(write(tar), Errc::unsupported, "link: has content");
}

TEST_F(LayerWriter, ExtendedAttributesAreSetAndTrustedOnesDropped) {
  const std::string capability("\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  TarWriter tar;
  tar.pax({{"SCHILY.xattr.security.capability", capability},
           {"SCHILY.xattr.user.empty", ""},
           {"SCHILY.xattr.trusted.secret", "x"},
           {"LIBARCHIVE.creationtime", "5"}});
  tar.owner(10, 10).file("ping", "x", 0755);
  tar.pax({{"SCHILY.xattr.user.dir", std::string("a\0\nb", 4)}}).directory("d");
  tar.pax({{"SCHILY.xattr.user.ignored", "x"}}).symlink("link", "ping");
  tar.pax({{"SCHILY.xattr.user.ignored", "x"}}).special("fifo", '6');
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(attribute("ping", "security.capability"), capability);
  EXPECT_EQ(attribute("ping", "user.empty"), "");
  EXPECT_EQ(attribute("ping", "trusted.secret"), std::nullopt);
  EXPECT_EQ(attribute("d", "user.dir"), std::string("a\0\nb", 4));
  EXPECT_EQ(look("ping").st_mode, S_IFREG | 0755U);
}

TEST_F(LayerWriter, TheLastOfAnAttributesValuesCounts) {
  TarWriter tar;
  tar.pax({{"SCHILY.xattr.user.k", "first"}, {"SCHILY.xattr.user.k", "last"}}).file("f", "x");
  ASSERT_TRUE(write(tar));
  EXPECT_EQ(attribute("f", "user.k"), "last");
}

TEST_F(LayerWriter, AnAccessControlListInAnAttributeDoesNotChangeTheMode) {
  const auto entry = [](char tag, char permissions, std::string_view id) {
    return std::string{tag, 0, permissions, 0}.append(id);
  };
  const std::string nobody(4, '\xff');
  const std::string list = std::string("\2\0\0\0", 4) + entry(1, 6, nobody) +
                           entry(2, 7, std::string_view("\xe8\3\0\0", 4)) + entry(4, 4, nobody) +
                           entry(16, 7, nobody) + entry(32, 0, nobody);
  TarWriter tar;
  tar.pax({{"SCHILY.xattr.system.posix_acl_access", list}}).file("f", "x", 0640);
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(look("f").st_mode, S_IFREG | 0640U);
}

TEST_F(LayerWriter, OverlayfsOwnAttributesAreRefused) {
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.redirect"}) {
    TarWriter tar;
    tar.pax({{std::string("SCHILY.xattr.") + name, "y"}}).directory("d");
    expect_error(write(tar), Errc::unsupported,
                 std::string("d: sets overlayfs' own attribute ") + name);
    EXPECT_FALSE(there("d"));
  }
}

TEST_F(LayerWriter, WhatContainerdDoesNotKnowIsNeitherWrittenNorGuessed) {
  TarWriter list;
  list.pax(
      {{"SCHILY.acl.access", "user::rw-\nuser:1000:rwx\ngroup::r--\nmask::rwx\nother::---\n"}});
  expect_error(write(list.file("f", "x")), Errc::unsupported, "f: has an access control list");
  TarWriter label;
  label.pax({{"RHT.security.selinux", "system_u:object_r:bin_t:s0"}}).file("f", "x");
  expect_error(write(label), Errc::unsupported, "f: has an SELinux label");
  TarWriter flags;
  flags.pax({{"SCHILY.fflags", "immutable"}}).file("f", "x");
  ASSERT_TRUE(write(flags));
  EXPECT_EQ(::unlink("f"), 0);
}

TEST_F(LayerWriter, AnOwnerBeyond32BitsIsForContainerdToJudge) {
  for (const char* id : {"4294967295", "4294967296", "-1"}) {
    TarWriter tar;
    tar.pax({{"uid", id}}).file("f", "x");
    expect_error(write(tar), Errc::unsupported, "f: an owner that is no 32-bit number");
  }
  TarWriter tar;
  tar.pax({{"uid", "4294967294"}}).file("f", "x");
  ASSERT_TRUE(write(tar));
  EXPECT_EQ(look("f").st_uid, 4'294'967'294U);
}

TEST_F(LayerWriter, DevicesHaveTheirNumbers) {
  TarWriter tar;
  tar.owner(0, 6).device("disk", '4', 8, 300).device("null", '3', 1, 3);
  const auto written = write(tar);
  if (!written && written.error().code == Errc::unsupported) GTEST_SKIP() << "without CAP_MKNOD";
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(look("disk").st_mode, S_IFBLK | 0644U);
  EXPECT_EQ(look("disk").st_rdev, makedev(8, 300));
  EXPECT_EQ(look("null").st_mode, S_IFCHR | 0644U);
  EXPECT_EQ(look("null").st_rdev, makedev(1, 3));
  EXPECT_EQ(look("null").st_gid, 6U);
}

TEST_F(LayerWriter, SparseFilesReadAsIfTheyWereWhole) {
  TarWriter tar;
  tar.pax({{"GNU.sparse.name", "0.1"},
           {"GNU.sparse.size", "1000000"},
           {"GNU.sparse.numblocks", "2"},
           {"GNU.sparse.map", "500000,3,1000000,0"}});
  tar.file("GNUSparseFile.0/holes", "abc");
  tar.pax({{"GNU.sparse.name", "1.0"},
           {"GNU.sparse.realsize", "1000000"},
           {"GNU.sparse.major", "1"},
           {"GNU.sparse.minor", "0"}});
  std::string map = "2\n500000\n3\n1000000\n0\n";
  map.resize(512);
  tar.file("GNUSparseFile.0/holes", map + "abc");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  std::string wanted(1'000'000, '\0');
  wanted.replace(500'000, 3, "abc");
  EXPECT_EQ(content("0.1"), wanted);
  EXPECT_EQ(content("1.0"), wanted);
  EXPECT_EQ(written->bytes, 2'000'000U);
  EXPECT_EQ(written->implied, Paths{});
}

TEST_F(LayerWriter, NamesAreBytes) {
  const std::string odd = "\xff\xfe name\n\x01\\'\"";
  const std::string text = "gr\xc3\xbc\xc3\x9f";
  TarWriter tar;
  tar.file(odd, "1").pax({{"path", text + "/" + odd}}).file("x", "2");
  tar.pax({{"linkpath", odd + text}}).symlink("link", "x");
  tar.gnu_long('L', std::string(150, 'n')).file("short", "3");
  const auto written = write(tar);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(content(odd), "1");
  EXPECT_EQ(content(text + "/" + odd), "2");
  EXPECT_EQ(std::filesystem::read_symlink("link"), odd + text);
  EXPECT_EQ(content(std::string(150, 'n')), "3");
}

TEST_F(LayerWriter, NoBytesAreAnEmptyLayer) {
  const auto written = write_text("");
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, WrittenLayer{});
}

TEST_F(LayerWriter, BytesBehindTheEndAreRead) {
  TarWriter tar;
  tar.file("f", "x");
  const std::string text = tar.str() + std::string(700'000, 'z');
  std::size_t given = 0;
  struct Counting final : ByteReader {
    Counting(const std::string& text, std::size_t& given) : text_(text, 10'000), given_(given) {}
    Result<std::size_t> read(std::span<std::byte> buffer) override {
      const auto got = text_.read(buffer);
      given_ += got.value_or(0);
      return got;
    }
    TarText text_;
    std::size_t& given_;
  } reader(text, given);
  ASSERT_TRUE(write_layer(reader, {}));
  EXPECT_EQ(given, text.size());
}

}  // namespace
}  // namespace nodeproof
