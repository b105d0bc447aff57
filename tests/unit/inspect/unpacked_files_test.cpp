#include "agent/inspect/unpacked_files.hpp"

#include <gmock/gmock.h>

#include "tests/unit/inspect/layers.hpp"

namespace nodeproof::inspect {
namespace {

using fakes::TarWriter;
using testing::ElementsAre;

// "path:size@layer", with "=" in front where its bytes are compared, too.
std::vector<std::string> files_of(const std::vector<LayerInventory>& layers) {
  std::vector<std::string> files;
  const auto done = each_unpacked_file(layers, [&](const UnpackedFile& file) -> Result<> {
    files.push_back((file.hash.empty() ? "" : "=") + file.path + ":" + std::to_string(file.size) +
                    "@" + std::to_string(file.layer));
    return {};
  });
  if (!done) files.push_back(done.error().message);
  return files;
}

TEST(UnpackedFiles, AreThoseOfTheMergedLayers) {
  EXPECT_THAT(files_of({inventory_of(TarWriter().file("a", "1").file("b", "22").directory("d")),
                        inventory_of(TarWriter().file("d/c", "333").file(".wh.a", ""))}),
              ElementsAre("=/b:2@0", "=/d/c:3@1"));
}

TEST(UnpackedFiles, HashesAFileOfSeveralNamesOnce) {
  EXPECT_THAT(files_of({inventory_of(TarWriter().file("a", "1").hard_link("b", "a"))}),
              ElementsAre("=/a:1@0", "/b:1@0"));
}

TEST(UnpackedFiles, LeavesOutWhatIsNoRegularFile) {
  EXPECT_THAT(files_of({inventory_of(TarWriter().file("a", "").symlink("l", "a"))}),
              ElementsAre("=/a:0@0"));
}

TEST(UnpackedFiles, OfALayerThatIsNotKnownAreNone) {
  LayerInventory unknown = inventory_of(TarWriter().file("a", "1"));
  unknown.problem = Error{Errc::not_found, "never read", ""};
  const auto done = each_unpacked_file(std::vector<LayerInventory>{unknown},
                                       [](const UnpackedFile&) -> Result<> { return {}; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::unsupported);
}

}  // namespace
}  // namespace nodeproof::inspect
