// Config, HEALTHCHECK, structure tests: which tests an image has, in which order and named how.
#include "agent/smoke/sources.hpp"

#include <gtest/gtest.h>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::smoke {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Texts = std::vector<std::string>;

class Sources : public ::testing::Test {
 protected:
  Sources() {
    config_.entrypoint = {"/server"};
    config_.healthcheck.emplace().command = {"/bin/sh", "-c", "curl -f localhost"};
    image_.smoke.emplace_back().name = "starts";
  }
  std::string file(const std::string& name, const std::string& text) {
    const auto path = folder_.path() / name;
    EXPECT_TRUE(write_file_atomically(path, text));
    image_.structure_tests.push_back(path.string());
    return path.string();
  }
  ImageTests tests() {
    TextFiles files;
    return tests_of(image_, config_, files);
  }
  std::string key() {
    TextFiles files;
    return sources_key(image_, files);
  }
  static Texts names(const ImageTests& all) {
    Texts names;
    for (const SmokeTest& test : all.tests) names.push_back(test.name);
    return names;
  }

  const fakes::TempFolder folder_;
  RequiredImage image_;
  ImageConfig config_;
};

TEST_F(Sources, TheImagesOwnHealthcheckIsNotRunUnlessAllowed) {
  EXPECT_EQ(names(tests()), Texts{"starts"});
  image_.smoke.clear();
  EXPECT_TRUE(tests().tests.empty());
}

TEST_F(Sources, ComeInTheirOrder) {
  image_.healthcheck = true;
  file("a.yaml", "schemaVersion: 2.0.0\ncommandTests: [{name: b, command: c}]\n");
  file("d.json", R"({"schemaVersion": "2.0.0", "metadataTest": {"entrypoint": ["/server"]}})");
  const ImageTests all = tests();
  EXPECT_EQ(names(all), (Texts{"starts", "HEALTHCHECK", "b"}));
  ASSERT_EQ(all.results.size(), 1U);
  EXPECT_EQ(all.results[0].name, "metadata");
  EXPECT_TRUE(all.findings.empty());
}

TEST_F(Sources, AHealthcheckHasTheTimeDockerGivesIt) {
  image_.healthcheck = true;
  config_.healthcheck->interval = seconds(5);
  config_.healthcheck->timeout = seconds(3);
  config_.healthcheck->start_period = seconds(10);
  config_.healthcheck->retries = 2;
  const SmokeTest test = tests().tests.back();
  EXPECT_EQ(test.source, "HEALTHCHECK");
  EXPECT_TRUE(test.args.empty());
  EXPECT_EQ(test.service->port, 0U);
  EXPECT_EQ(test.service->check, config_.healthcheck->command);
  EXPECT_EQ(test.service->check_timeout, seconds(3));
  EXPECT_EQ(test.timeout, seconds(10 + 2 * 8));
  config_.healthcheck->retries = 4'000'000'000U;
  config_.healthcheck->interval = milliseconds(1);
  config_.healthcheck->start_period = std::chrono::hours(24 * 365 * 100);
  EXPECT_EQ(tests().tests.back().timeout, std::chrono::hours(1));
}

TEST_F(Sources, AHealthcheckThatCannotBeRunIsUnknown) {
  image_.healthcheck = true;
  config_.entrypoint.clear();
  ASSERT_EQ(tests().findings.size(), 1U);
  EXPECT_EQ(tests().findings[0].code, "SmokeNotRun");
  EXPECT_EQ(tests().findings[0].severity, Severity::unknown);
  config_.healthcheck->problem = "$.config.Healthcheck.Test: odd";
  ASSERT_EQ(tests().findings.size(), 1U);
  EXPECT_NE(tests().findings[0].message.find("$.config.Healthcheck.Test: odd"), std::string::npos);
  EXPECT_EQ(names(tests()), Texts{"starts"});
  config_.healthcheck.reset();
  EXPECT_TRUE(tests().findings.empty());
}

TEST_F(Sources, AFileThatCannotBeReadIsUnknownAndSaysWhy) {
  image_.structure_tests = {"/absent/tests.yaml"};
  const std::string bad = file("bad.yaml", "schemaVersion: 2.0.0\n\ncommandTest: []\n");
  file("good.yaml", "schemaVersion: 2.0.0\ncommandTests: [{name: b, command: c}]\n");
  const ImageTests all = tests();
  EXPECT_EQ(names(all), (Texts{"starts", "b"}));
  ASSERT_EQ(all.findings.size(), 2U);
  for (const Finding& finding : all.findings) {
    EXPECT_EQ(finding.code, "SmokeNotRun");
    EXPECT_EQ(finding.severity, Severity::unknown);
  }
  EXPECT_EQ(all.findings[0].subject, "/absent/tests.yaml");
  EXPECT_EQ(all.findings[1].message, "the tests of " + bad +
                                         " are not understood: line 3: $.commandTest: unknown "
                                         "key; is \"commandTests\" meant?");
}

TEST_F(Sources, NamesAreDistinct) {
  image_.healthcheck = true;
  image_.smoke.emplace_back().name = "HEALTHCHECK";
  file("a.yaml",
       "schemaVersion: 2.0.0\ncommandTests: [{name: starts, command: c}]\n"
       "fileExistenceTests: [{name: x, path: /x}]\nfileContentTests: [{name: x, path: /x}]\n"
       "metadataTest: {user: a}\n");
  file("b.yaml",
       "schemaVersion: 2.0.0\ncommandTests: [{name: starts, command: c}]\n"
       "metadataTest: {user: a}\n");
  const ImageTests all = tests();
  EXPECT_EQ(names(all), (Texts{"starts", "HEALTHCHECK", "HEALTHCHECK (HEALTHCHECK)",
                               "starts (a.yaml)", "x", "x (a.yaml)", "starts (b.yaml)"}));
  EXPECT_EQ(all.results[0].name, "metadata");
  EXPECT_EQ(all.results[1].name, "metadata (b.yaml)");
  EXPECT_EQ(all.findings[0].subject, "metadata");
  EXPECT_EQ(all.findings[1].subject, "metadata (b.yaml)");
}

TEST_F(Sources, MoreTestsThanAContainerRunsAreUnknown) {
  image_.smoke.resize(300);
  for (std::size_t i = 0; i < 300; ++i) image_.smoke[i].name = std::to_string(i);
  const ImageTests all = tests();
  EXPECT_EQ(all.tests.size(), 256U);
  ASSERT_EQ(all.findings.size(), 1U);
  EXPECT_EQ(all.findings[0].severity, Severity::unknown);
}

TEST_F(Sources, TheKeyChangesWithWhatTheFilesSay) {
  const std::string none = key();
  image_.healthcheck = true;
  const std::string with_check = key();
  EXPECT_NE(with_check, none);
  const std::string path = file("a.yaml", "schemaVersion: 2.0.0\n");
  const std::string with_file = key();
  EXPECT_NE(with_file, with_check);
  ASSERT_TRUE(write_file_atomically(path, "schemaVersion: 2.0.0\n\n"));
  EXPECT_NE(key(), with_file);
  ASSERT_TRUE(remove_file(path));
  EXPECT_NE(key(), with_file);
}

TEST_F(Sources, AFileIsReadOnceInACycle) {
  const std::string path = file("a.yaml", "schemaVersion: 2.0.0\n");
  TextFiles files;
  const std::string before = sources_key(image_, files);
  ASSERT_TRUE(remove_file(path));
  EXPECT_EQ(sources_key(image_, files), before);
  EXPECT_TRUE(tests_of(image_, config_, files).findings.empty());
}

}  // namespace
}  // namespace nodeproof::smoke
