#include "agent/report/codes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "agent/codes.hpp"
#include "agent/report/findings.hpp"
#include "common/file.hpp"
#include "tests/fakes/fixtures.hpp"

namespace nodeproof::report {
namespace {

std::set<std::string> declared_codes() {
  const auto header = read_file(fakes::fixtures() / "../../agent/codes.hpp");
  EXPECT_TRUE(header.has_value());
  const std::string text = header.value_or("");
  const std::regex code("\"([A-Z][A-Za-z0-9]+)\"");
  std::set<std::string> codes;
  for (std::sregex_iterator it(text.begin(), text.end(), code), end; it != end; ++it) {
    codes.insert((*it)[1]);
  }
  return codes;
}

TEST(Codes, AreAllExplainedAndNoneIsExplainedThatIsNotDeclared) {
  std::set<std::string> explained;
  for (const CodeText& text : code_texts()) {
    EXPECT_TRUE(explained.emplace(text.code).second) << text.code << " is there twice";
    EXPECT_FALSE(text.title.empty()) << text.code;
    EXPECT_TRUE(text.cause.ends_with('.')) << text.code;
    EXPECT_TRUE(text.remedy.ends_with('.')) << text.code;
    EXPECT_TRUE(text.detection.ends_with('.')) << text.code;
    EXPECT_TRUE(text.example.ends_with('.')) << text.code;
  }
  EXPECT_EQ(explained, declared_codes());
}

TEST(Codes, AreFoundWithoutRegardToCase) {
  ASSERT_NE(find_code("archmismatch"), nullptr);
  EXPECT_EQ(find_code("archmismatch")->code, "ArchMismatch");
  EXPECT_EQ(find_code("NoSuchThing"), nullptr);
}

TEST(Codes, AreExplainedInAFewLines) {
  const std::string text = explain(*find_code("ArchMismatch"));
  EXPECT_TRUE(text.starts_with("ArchMismatch: A program in the image"));
  EXPECT_TRUE(text.contains("\nRemedy    Rebuild"));
  EXPECT_TRUE(text.contains("\nDetected  e_machine"));
  EXPECT_TRUE(text.contains("\nRule      exact"));
  EXPECT_TRUE(text.contains("\nExample   Only tini"));
}

TEST(Codes, AreATableOfOneRowEach) {
  const std::string table = codes_table();
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(table, '\n')), code_texts().size() + 2);
  for (std::size_t row = 0; row < table.size(); row = table.find('\n', row) + 1) {
    const std::string line = table.substr(row, table.find('\n', row) - row);
    EXPECT_EQ(std::ranges::count(line, '|'), 5) << line;
  }
}

struct ErrorCase {
  Errc error;
  Stage stage;
  const char* code;
  Severity severity;
};

class FindingFromError : public testing::TestWithParam<ErrorCase> {};

TEST_P(FindingFromError, SaysWhatIsKnown) {
  const ErrorCase& c = GetParam();
  const Finding finding = finding_from_error({c.error, "what happened", ""}, c.stage, "subject");
  EXPECT_EQ(finding.code, c.code) << to_string(c.error);
  EXPECT_EQ(finding.severity, c.severity) << to_string(c.error);
  EXPECT_EQ(finding.message, "what happened");
  EXPECT_EQ(finding.subject, "subject");
  EXPECT_FALSE(finding.remedy.empty());
}

constexpr Severity kFail = Severity::fail;
constexpr Severity kUnknown = Severity::unknown;

INSTANTIATE_TEST_SUITE_P(
    Table, FindingFromError,
    testing::Values(ErrorCase{Errc::invalid_reference, Stage::resolve, "InvalidReference", kFail},
                    ErrorCase{Errc::unreachable, Stage::resolve, "RegistryUnreachable", kUnknown},
                    ErrorCase{Errc::timeout, Stage::resolve, "RegistryUnreachable", kUnknown},
                    ErrorCase{Errc::unauthorized, Stage::resolve, "RegistryUnauthorized", kUnknown},
                    ErrorCase{Errc::untrusted, Stage::pull, "RegistryUntrusted", kUnknown},
                    ErrorCase{Errc::throttled, Stage::pull, "RegistryThrottled", kUnknown},
                    ErrorCase{Errc::server_error, Stage::pull, "RegistryError", kUnknown},
                    ErrorCase{Errc::truncated, Stage::pull, "RegistryError", kUnknown},
                    ErrorCase{Errc::not_a_registry, Stage::resolve, "NotARegistry", kUnknown},
                    ErrorCase{Errc::not_found, Stage::resolve, "ImageNotFound", kFail},
                    ErrorCase{Errc::not_found, Stage::pull, "IndexDamaged", kFail},
                    ErrorCase{Errc::not_found, Stage::smoke, "SmokeNotRun", kUnknown},
                    ErrorCase{Errc::invalid_document, Stage::resolve, "IndexDamaged", kFail},
                    ErrorCase{Errc::no_matching_platform, Stage::resolve, "PlatformMissing", kFail},
                    ErrorCase{Errc::digest_mismatch, Stage::pull, "ContentCorrupt", kFail},
                    ErrorCase{Errc::corrupt, Stage::resolve, "IndexDamaged", kFail},
                    ErrorCase{Errc::corrupt, Stage::inspect, "LayerCorrupt", kFail},
                    ErrorCase{Errc::too_large, Stage::inspect, "InspectionIncomplete", kUnknown},
                    ErrorCase{Errc::unsupported, Stage::pull, "PullFailed", kUnknown},
                    ErrorCase{Errc::runtime_unavailable, Stage::pull, "ContainerdUnavailable",
                              kUnknown},
                    ErrorCase{Errc::permission_denied, Stage::smoke, "PermissionDenied", kUnknown},
                    ErrorCase{Errc::no_space, Stage::pull, "NoSpace", kUnknown},
                    ErrorCase{Errc::cancelled, Stage::pull, "Interrupted", kUnknown},
                    ErrorCase{Errc::timeout, Stage::smoke, "SmokeNotRun", kUnknown},
                    ErrorCase{Errc::internal, Stage::inspect, "InspectionIncomplete", kUnknown}));

TEST(FindingFromAnyError, IsNeverReady) {
  for (int code = 0; code <= static_cast<int>(Errc::internal); ++code) {
    for (const Stage stage :
         {Stage::config, Stage::host, Stage::resolve, Stage::pull, Stage::inspect, Stage::smoke}) {
      const Finding finding = finding_from_error({static_cast<Errc>(code), "x", ""}, stage);
      EXPECT_GE(finding.severity, Severity::unknown);
      EXPECT_NE(find_code(finding.code), nullptr) << finding.code;
    }
  }
}

TEST(Codes, FitTheCommandsThatNeedNoNode) {
  const CodeText* moved = find_code(code::kTagMoved);
  ASSERT_NE(moved, nullptr);
  EXPECT_NE(explain(*moved).find("inspect"), std::string::npos);
  const CodeText* refused = find_code(code::kRegistryUnauthorized);
  ASSERT_NE(refused, nullptr);
  EXPECT_NE(explain(*refused).find("docker login"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof::report
