#include "agent/inspect/merged_view.hpp"

#include <gtest/gtest.h>

#include "tests/unit/inspect/layers.hpp"

namespace nodeproof::inspect {
namespace {

using fakes::TarWriter;

struct View {
  std::vector<LayerInventory> layers;
  MergedView view;
  explicit View(const std::vector<TarWriter>& tars) : layers(take(tars)), view(layers) {}
  static std::vector<LayerInventory> take(const std::vector<TarWriter>& tars) {
    std::vector<LayerInventory> layers;
    for (const TarWriter& tar : tars) layers.push_back(inventory_of(tar));
    return layers;
  }
  // "path:size@layer", "path/" for a directory, "-" when not found
  [[nodiscard]] std::string at(std::string_view path) const {
    const auto found = view.find(path);
    if (!found) return "-";
    if (found->is_directory()) return found->path + "/";
    std::size_t number = 0;
    while (found->node.layer != &layers[number]) ++number;
    return found->path + ":" + std::to_string(found->node.size()) + "@" + std::to_string(number);
  }
};

TEST(MergedView, TheNewestLayerWins) {
  const View view({TarWriter().file("a", "1").file("b", "1"), TarWriter().file("a", "22")});
  EXPECT_EQ(view.at("/a"), "a:2@1");
  EXPECT_EQ(view.at("b"), "b:1@0");
  EXPECT_EQ(view.at("/c"), "-");
}

TEST(MergedView, AWhiteoutHidesAFileOrAWholeDirectory) {
  const View view({TarWriter().file("d/x", "1").file("d/e/y", "1").file("dd", "1").file("f", "1"),
                   TarWriter().file(".wh.d", "").file(".wh.f", "")});
  EXPECT_EQ(view.at("d/x"), "-");
  EXPECT_EQ(view.at("d"), "-");
  EXPECT_EQ(view.at("f"), "-");
  EXPECT_EQ(view.at("dd"), "dd:1@0");
  EXPECT_EQ(view.at(".wh.f"), "-");
}

TEST(MergedView, AnOpaqueDirectoryKeepsOnlyItsOwnLayersFiles) {
  // The mark may stand before or behind the layer's own files.
  const View view(
      {TarWriter().directory("d").file("d/old", "1"),
       TarWriter().file("d/new", "22").file("d/.wh..wh..opq", "").file("d/newer", "333")});
  EXPECT_EQ(view.at("d/old"), "-");
  EXPECT_EQ(view.at("d/new"), "d/new:2@1");
  EXPECT_EQ(view.at("d/newer"), "d/newer:3@1");
}

TEST(MergedView, AWhiteoutDoesNotHideItsOwnLayersFile) {
  const View view({TarWriter().file("a", "1"), TarWriter().file("a", "22").file(".wh.a", "")});
  EXPECT_EQ(view.at("a"), "a:2@1");
}

TEST(MergedView, DirectoriesNobodyBroughtAreBounded) {
  const View view({TarWriter().file("a/b/c", "1"), deep_paths()});
  EXPECT_FALSE(view.view.complete());
  EXPECT_EQ(view.at("a/b"), "a/b/");
  EXPECT_LT(view.view.nodes().size(), 30'000U);
  EXPECT_TRUE(View({TarWriter().file("a/b/c", "1")}).view.complete());
}

TEST(MergedView, AFileReplacesADirectoryWithAllBelow) {
  const View view({TarWriter().file("d/x", "1"), TarWriter().file("d", "22")});
  EXPECT_EQ(view.at("d/x"), "-");
  EXPECT_EQ(view.at("d"), "d:2@1");
}

TEST(MergedView, AnEntryBelowALinkOfItsOwnLayerLandsInTheLinksTarget) {
  const View view(
      {TarWriter().symlink("lib", "usr/lib").file("usr/lib/a", "1").file("lib/b", "22")});
  EXPECT_EQ(view.at("usr/lib/b"), "usr/lib/b:2@0");
  EXPECT_EQ(view.at("lib/b"), "usr/lib/b:2@0");
}

// containerd unpacks a layer without sight of what is below, and overlayfs shows its directory.
TEST(MergedView, AnEntryBelowALinkOfALowerLayerHidesThatLink) {
  const View view({TarWriter().symlink("lib", "usr/lib").file("usr/lib/a", "1"),
                   TarWriter().file("lib/b", "22").file("lib/.wh.a", "")});
  EXPECT_EQ(view.at("lib/b"), "lib/b:2@1");
  EXPECT_EQ(view.at("lib/a"), "-");
  EXPECT_EQ(view.at("usr/lib/b"), "-");
  EXPECT_EQ(view.at("usr/lib/a"), "usr/lib/a:1@0");
}

TEST(MergedView, AHardLinkHasItsTargetsContent) {
  const View view(
      {TarWriter().file("bin/busybox", "12345", 0755).hard_link("bin/sh", "bin/busybox"),
       TarWriter().hard_link("bin/ls", "bin/sh").hard_link("bin/no", "bin/nothing")});
  EXPECT_EQ(view.at("bin/sh"), "bin/sh:5@0");
  EXPECT_EQ(view.at("bin/ls"), "bin/ls:5@1");
  EXPECT_TRUE(view.view.find("bin/ls")->node.executable());
  EXPECT_FALSE(view.view.find("bin/no")->is_file());
}

TEST(MergedView, LinksAreFollowedInsideTheRootOnly) {
  const View view({TarWriter()
                       .file("etc/passwd", "1")
                       .symlink("a", "../../../etc/passwd")
                       .symlink("b", "/a")
                       .symlink("d", "/etc")
                       .symlink("e/up", "..")
                       .symlink("loop", "loop2")
                       .symlink("loop2", "loop")
                       .symlink("gone", "/x")});
  EXPECT_EQ(view.at("/a"), "etc/passwd:1@0");
  EXPECT_EQ(view.at("b"), "etc/passwd:1@0");
  EXPECT_EQ(view.at("d/passwd"), "etc/passwd:1@0");
  EXPECT_EQ(view.at("/e/up/d/passwd"), "etc/passwd:1@0");
  EXPECT_EQ(view.at("../../etc/./passwd"), "etc/passwd:1@0");
  EXPECT_EQ(view.at("loop"), "-");
  EXPECT_EQ(view.at("gone"), "-");
  EXPECT_EQ(view.at("etc/passwd/x"), "-");
  EXPECT_EQ(view.at("etc/passwd/"), "-");
  EXPECT_EQ(view.at("/"), "/");
}

TEST(MergedView, ManyLinksBehindEachOtherEndSomewhere) {
  TarWriter tar;
  for (int i = 0; i < 41; ++i) tar.symlink("l" + std::to_string(i), "l" + std::to_string(i + 1));
  tar.file("l41", "1");
  const View view({tar});
  EXPECT_EQ(view.at("l1"), "l41:1@0");
  EXPECT_EQ(view.at("l0"), "-") << "41 links, the kernel follows 40";
}

TEST(MergedView, DirectoriesNeedNoEntryOfTheirOwn) {
  const View view({TarWriter().file("a/b/c", "1").file("a-b", "1").file("a.c/d", "1")});
  EXPECT_EQ(view.at("a/b"), "a/b/");
  EXPECT_EQ(view.at("a/bb"), "-");
  const std::vector<std::string_view> names{"a", "a-b", "a.c"};
  EXPECT_EQ(view.view.names_in(""), names);
}

TEST(MergedView, NamesInADirectoryAreListedOnce) {
  const View view({TarWriter()
                       .directory("d")
                       .directory("d/lib")
                       .file("d/lib-x", "1")
                       .file("d/lib.so", "1")
                       .file("d/lib/y/z", "1")
                       .file("e", "1")});
  const std::vector<std::string_view> names{"lib", "lib-x", "lib.so"};
  EXPECT_EQ(view.view.names_in("d"), names);
}

}  // namespace
}  // namespace nodeproof::inspect
