#include "agent/known_images.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

FoundImage found(std::string reference, std::string origin) {
  FoundImage image;
  image.image.reference = std::move(reference);
  image.origin = std::move(origin);
  return image;
}

TEST(KnownImages, AreReadBackAndAnAnswerWithoutImagesIsOne) {
  const fakes::TempFolder folder;
  EXPECT_EQ(load_known_images(folder.path()), KnownImages{});
  const KnownImages known = {
      "https://10.0.0.1:6443",
      "pi-17",
      {{"pods", {found("a:1", "pod x/a"), found("b:1", "pod x/b")}}, {"daemonsets", {}}}};
  ASSERT_TRUE(save_known_images(folder.path(), known));
  EXPECT_EQ(load_known_images(folder.path()), known);
  struct ::stat status{};
  ASSERT_EQ(::stat((folder.path() / "required.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(KnownImages, AreWrittenOnlyWhenTheyChanged) {
  const fakes::TempFolder folder;
  const auto inode = [&] {
    struct ::stat status{};
    EXPECT_EQ(::stat((folder.path() / "required.json").c_str(), &status), 0);
    return status.st_ino;
  };
  const KnownImages known = {"https://a", "pi-17", {{"pods", {found("a:1", "pod x/a")}}}};
  ASSERT_TRUE(save_known_images(folder.path(), known));
  const auto before = inode();
  ASSERT_TRUE(save_known_images(folder.path(), known));
  EXPECT_EQ(inode(), before);
  ASSERT_TRUE(save_known_images(folder.path(), {}));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "required.json"));
}

TEST(KnownImages, OnesThatCannotBeReadKnowNothing) {
  const fakes::TempFolder folder;
  for (const char* text :
       {"{", R"({"version":2,"sources":{"pods":[]}})", R"({"version":1})",

        R"({"version":1,"server":"a","node":"b","sources":{"pods":[{"reference":1}]}})"}) {
    ASSERT_TRUE(write_file_atomically(folder.path() / "required.json", text));
    EXPECT_EQ(load_known_images(folder.path()), KnownImages{}) << text;
  }
}

TEST(KnownImages, AreOfOneServerAndOneNode) {
  const KnownImages known = {"https://a", "pi-17", {{"pods", {found("a:1", "pod x/a")}}}};
  EXPECT_EQ(known_of(known, "https://a", "pi-17"), known);
  EXPECT_EQ(known_of(known, "https://a", "pi-18"), (KnownImages{"https://a", "pi-18", {}}));
  EXPECT_EQ(known_of(known, "https://b", "pi-17"), (KnownImages{"https://b", "pi-17", {}}));
}

TEST(KnownImages, StandWhileTheServerIsAwayAndForNoOtherError) {
  for (const Errc away :
       {Errc::unreachable, Errc::timeout, Errc::throttled, Errc::server_error, Errc::untrusted}) {
    EXPECT_TRUE(is_away(away)) << to_string(away);
  }
  for (const Errc lasting :
       {Errc::unauthorized, Errc::permission_denied, Errc::not_found, Errc::invalid_config,
        Errc::unsupported, Errc::too_large, Errc::invalid_document}) {
    EXPECT_FALSE(is_away(lasting)) << to_string(lasting);
  }
}

}  // namespace
}  // namespace nodeproof
