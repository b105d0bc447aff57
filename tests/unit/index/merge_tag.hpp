// A tag with two platforms in a FakeHub, for tests that merge into it and restore it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "agent/codes.hpp"
#include "agent/index/merge.hpp"
#include "common/crypto.hpp"
#include "tests/fakes/fake_hub.hpp"

namespace nodeproof::index {

inline constexpr const char* kRepository = "r.example/team/app";
inline constexpr const char* kTag = "r.example/team/app:1";
inline constexpr const char* kStaging = "r.example/team/app:staging";

inline Reference reference(const std::string& text) { return *Reference::parse(text); }

inline FakeImage image(const std::string& architecture, const std::string& word) {
  FakeImage made;
  made.platform.architecture = architecture;
  made.layers = {{word + " " + architecture, "", "application/vnd.oci.image.layer.v1.tar"}};
  return made;
}

inline std::vector<std::string> platforms(const ChangeReport& report, Change change) {
  std::vector<std::string> found;
  for (const EntryChange& each : report.changes) {
    if (each.change == change) found.push_back(each.platform);
  }
  return found;
}

class Merge : public testing::Test {
 protected:
  Merge() {
    old_amd64 = hub.push_image(kRepository, image("amd64", "old"));
    old_arm64 = hub.push_image(kRepository, image("arm64", "old"));
    index = hub.push_index(kTag, {old_amd64, old_arm64});
  }

  // A new amd64 under the staging tag, or in another repository.
  Descriptor stage(const std::string& repository = kRepository) {
    Descriptor made = hub.push_image(repository, image("amd64", "new"));
    hub.tag(repository + ":staging", made);
    return made;
  }

  [[nodiscard]] MergeRequest request(const std::vector<std::string>& sources) const {
    MergeRequest made{.target = reference(kTag), .sources = {}, .compose = {}, .validation = {}};
    for (const auto& source : sources) made.sources.push_back(reference(source));
    return made;
  }

  ChangeReport run(const MergeRequest& wanted) {
    auto report = merge({hub, hub}, wanted, {});
    EXPECT_TRUE(report) << report.error().message;
    return report ? *std::move(report) : ChangeReport{};
  }

  void expect_refused(const ChangeReport& report, std::string_view code,
                      const std::string& subject) const {
    EXPECT_EQ(report.outcome, Outcome::refused);
    ASSERT_FALSE(report.findings.empty());
    EXPECT_EQ(report.findings[0].code, code);
    EXPECT_EQ(report.findings[0].subject, subject);
    EXPECT_FALSE(report.findings[0].remedy.empty());
    EXPECT_EQ(hub.tagged(kTag), index.digest.str());
    EXPECT_EQ(exit_code(report), 1);
  }

  FakeHub hub;
  Descriptor old_amd64 = {{}, hash_of({}), 0, {}, {}}, old_arm64 = old_amd64, index = old_amd64;
};

}  // namespace nodeproof::index
