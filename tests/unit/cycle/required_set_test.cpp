#include "agent/required_set.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent/codes.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;

RequiredImage image(std::string reference) {
  RequiredImage made;
  made.reference = std::move(reference);
  return made;
}

FoundImage found(std::string reference, std::string origin) {
  return {image(std::move(reference)), std::move(origin)};
}

std::vector<std::string> references(const RequiredSet& set) {
  std::vector<std::string> names;
  for (const RequiredImage& each : set.images) names.push_back(each.reference);
  return names;
}

TEST(RequiredSet, AddsWhatWasFoundOnceAndRemembersWhoNeedsIt) {
  const RequiredSet set = required_set(
      {image("app:1")},
      {{found("web:1", "pod a"), found("docker.io/library/web:1", "pod b"), found("web:1", "pod a"),
        found("web:1", "pod c"), found("docker.io/library/app:1", "pod d")},
       {}});
  EXPECT_EQ(references(set), (std::vector<std::string>{"app:1", "web:1"}));
  EXPECT_TRUE(set.images[1].required);
  EXPECT_EQ(set.origins, (std::map<std::string, std::string>{{"web:1", "pod a and others"},
                                                             {"app:1", "pod d"}}));
  EXPECT_EQ(required_by(set.origins, "app:1").at(0).message, "required by pod d");
  EXPECT_TRUE(required_by(set.origins, "other:1").empty());
}

TEST(RequiredSet, TheConfigurationsEntryCounts) {
  RequiredImage optional = image("app:1");
  optional.required = false;
  RequiredImage elsewhere = image("web:1");
  elsewhere.when.board = "Raspberry Pi 5";
  elsewhere.healthcheck = true;
  const RequiredSet set =
      required_set({optional, elsewhere}, {{found("app:1", "pod a"), found("web:1", "pod b")}, {}});
  ASSERT_EQ(set.images.size(), 2U);
  EXPECT_FALSE(set.images[0].required) << "somebody wrote so";
  EXPECT_EQ(set.images[1].when, HostCondition{}) << "a pod needs it here";
  EXPECT_TRUE(set.images[1].healthcheck);
}

TEST(RequiredSet, AConditionIsDroppedForOneWithoutAlone) {
  const auto on = [](std::string reference, std::string board) {
    RequiredImage made = image(std::move(reference));
    made.when.board = std::move(board);
    return made;
  };
  const auto boards = [&](std::vector<FoundImage> images) {
    std::vector<std::string> all;
    const RequiredSet set = required_set({on("app:1", "Pi 4")}, {std::move(images), {}});
    for (const RequiredImage& each : set.images) all.push_back(each.when.board);
    return all;
  };
  using Boards = std::vector<std::string>;
  const FoundImage five = {on("docker.io/library/app:1", "Pi 5"), "a file"};
  EXPECT_EQ(boards({five}), (Boards{"Pi 4", "Pi 5"}));
  EXPECT_EQ(boards({five, five, {on("app:1", "Pi 4"), "a file"}}), (Boards{"Pi 4", "Pi 5"}));
  EXPECT_EQ(boards({five, found("app:1", "pod a")}), Boards{""});
  EXPECT_EQ(boards({found("app:1", "pod a"), five}), Boards{""});
}

TEST(RequiredSet, OfEntriesWithSeveralConditionsOneCountsHere) {
  std::vector<RequiredImage> images = {image("app:1"), image("docker.io/library/app:1"),
                                       image("app:1"), image("other:1")};
  images[0].when.board = "Pi 4";
  images[1].when.board = "Pi 5";
  images[2].when.architecture = "arm64";
  HostFacts host;
  host.board = "Raspberry Pi 5 Model B";
  host.platform.architecture = "arm64";
  EXPECT_EQ(required_here(images, host),
            (std::vector<const RequiredImage*>{&images[1], &images[3]}));
}

TEST(RequiredSet, HasAnEnd) {
  Found many;
  for (int i = 0; i < 1001; ++i) many.images.push_back(found("app:" + std::to_string(i), "pod"));
  const RequiredSet set = required_set({image("one")}, many);
  EXPECT_EQ(set.images.size(), 1001U);
  ASSERT_EQ(set.findings.size(), 1U);
  EXPECT_EQ(set.findings[0].severity, Severity::unknown);
}

class Folders : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view text) const {
    ASSERT_TRUE(write_file_atomically(dir_ / name, text));
  }
  const fakes::TempFolder folder_;
  const fs::path& dir_ = folder_.path();
};

// As a kubelet mounts a ConfigMap.
TEST_F(Folders, AMountedConfigMapIsReadOnce) {
  write("..2026_11_22/images.json",
        R"({ "images": [ { "reference": "app:1", "healthcheck": "run" } ] })");
  write("..2026_11_22/notes.txt", "for people");
  fs::create_directory_symlink("..2026_11_22", dir_ / "..data");
  fs::create_symlink("..data/images.json", dir_ / "images.json");
  fs::create_symlink("..data/notes.txt", dir_ / "notes.txt");
  const Found all = look_at_folders({.static_pods = {}, .directories = {dir_.string()}});
  EXPECT_TRUE(all.findings.empty());
  ASSERT_EQ(all.images.size(), 1U);
  EXPECT_EQ(all.images[0].image.reference, "app:1");
  EXPECT_TRUE(all.images[0].image.healthcheck);
  EXPECT_EQ(all.images[0].origin, "the file " + (dir_ / "images.json").string());
}

TEST_F(Folders, WhatCannotBeReadMakesTheNodeUnknown) {
  write("a.json", R"({ "images": [ { "reference": "app:1" } ] })");
  write("b.json", R"({ "images": [], "mode": "enforce" })");
  write("c.json", "{");
  const Found all = look_at_folders({.static_pods = {dir_.string(), (dir_ / "none").string()},
                                     .directories = {dir_.string(), (dir_ / "none").string()}});
  EXPECT_EQ(all.images.size(), 1U);
  std::vector<std::string> said;
  for (const Finding& finding : all.findings) {
    EXPECT_EQ(finding.code, code::kImagesNotKnown);
    EXPECT_EQ(finding.severity, Severity::unknown);
    EXPECT_FALSE(finding.remedy.empty());
    said.push_back(finding.message);
  }
  ASSERT_EQ(said.size(), 7U);
  EXPECT_EQ(said[0], (dir_ / "b.json").string() + ":1: $.mode: unknown key");
  EXPECT_EQ(said[2], (dir_ / "none").string() + " is no folder that can be read");
}

TEST_F(Folders, APipeHoldsNothingUp) {
  ASSERT_EQ(::mkfifo((dir_ / "pipe.json").c_str(), 0600), 0);
  const Found all = look_at_folders({.static_pods = {}, .directories = {dir_.string()}});
  ASSERT_EQ(all.findings.size(), 1U);
  EXPECT_TRUE(all.findings[0].message.ends_with("pipe.json is no regular file"));
}

TEST(Fingerprint, IsTheSameForMorePodsOfOneImage) {
  const config::ImagesFrom from{.static_pods = {}, .directories = {}, .pods = true};
  const auto of = [&](std::vector<FoundImage> images) {
    return fingerprint(from, {std::move(images), {}});
  };
  const std::string one = of({found("web:1", "pod a"), found("api:1", "pod b")});
  EXPECT_EQ(one, of({found("web:1", "pod a"), found("web:1", "pod c"), found("api:1", "pod b"),
                     found("docker.io/library/web:1", "pod d")}));
  EXPECT_EQ(one, of({found("api:1", "pod b"), found("docker.io/library/web:1", "pod d")}));
  EXPECT_NE(one, of({found("web:1", "pod a")}));
  EXPECT_NE(one, of({found("web:2", "pod a"), found("api:1", "pod b")}));
}

TEST_F(Folders, AFingerprintTellsChanges) {
  const config::ImagesFrom from{.static_pods = {}, .directories = {dir_.string()}};
  EXPECT_EQ(fingerprint({}, {}), "");
  const std::string empty = fingerprint(from, look_at_folders(from));
  EXPECT_FALSE(empty.empty()) << "what comes is to be noticed";
  write("a.json", R"({ "images": [ { "reference": "app:1" } ] })");
  const std::string one = fingerprint(from, look_at_folders(from));
  EXPECT_NE(one, empty);
  EXPECT_EQ(one, fingerprint(from, look_at_folders(from)));
  write("a.json", R"({ "images": [ { "reference": "app:1", "healthcheck": "run" } ] })");
  EXPECT_NE(one, fingerprint(from, look_at_folders(from)));
  write("a.json", "{");
  const Found broken = look_at_folders(from);
  EXPECT_NE(empty, fingerprint(from, broken));
  Found warned;
  warned.findings = {images_not_known({Errc::unreachable, "no answer", ""}, Severity::warn)};
  EXPECT_EQ(empty, fingerprint(from, warned)) << "the API server is away";
}

}  // namespace
}  // namespace nodeproof
