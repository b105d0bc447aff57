#include "agent/report/verifier.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"
#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using std::chrono::milliseconds;

const std::string kWrong = "registry.example.com/demo/wrong:v2";

PullQuestion of_wrong(const NodeReport& report) { return {kWrong, report.images[1].index_digest}; }

TEST(Refusal, IsForARequiredImageThatFailedWithTheseBytes) {
  const NodeReport report = sample();
  const auto refused = refusal(report, of_wrong(report));
  ASSERT_TRUE(refused);
  EXPECT_EQ(*refused, "ArchMismatch: the entrypoint is built for x86-64, this node is arm64");
  EXPECT_TRUE(refusal(report, {kWrong, report.images[1].manifest_digest}));
}

TEST(Refusal, ComparesNormalisedNames) {
  NodeReport report = sample();
  report.images[1].reference = "app";
  EXPECT_TRUE(refusal(report, {"docker.io/library/app:latest", report.images[1].index_digest}));
  EXPECT_FALSE(refusal(report, {"docker.io/library/app:1", report.images[1].index_digest}));
}

TEST(Refusal, IsForNothingElse) {
  const NodeReport report = sample();
  const PullQuestion pull = of_wrong(report);
  EXPECT_FALSE(refusal(report, {pull.name, "sha256:" + std::string(64, 'f')})) << "other bytes";
  EXPECT_FALSE(refusal(report, {pull.name, ""}));
  EXPECT_FALSE(refusal(report, {"registry.example.com/demo/wrong:v3", pull.digest}));
  EXPECT_FALSE(refusal(report, {"no reference!", pull.digest}));
  EXPECT_FALSE(refusal(report, {report.images[0].reference, report.images[0].index_digest}));
  EXPECT_FALSE(refusal(report, {report.images[2].reference, ""})) << "unknown, and no digest";

  const auto changed = [&](auto change) {
    NodeReport other = report;
    change(other, other.images[1]);
    return refusal(other, pull).has_value();
  };
  EXPECT_FALSE(changed([](auto&, ImageReport& image) { image.required = false; }));
  EXPECT_FALSE(changed([](auto&, ImageReport& image) { image.verdict = Verdict::unknown; }));
  EXPECT_FALSE(changed([](auto&, ImageReport& image) {
    image.findings[0].severity = Severity::warn;  // accepted, say
  }));
  EXPECT_FALSE(changed([](auto&, ImageReport& image) {
    image.findings[0].code = code::kKnownEscape;  // a heuristic
  }));
  EXPECT_FALSE(
      changed([](auto&, ImageReport& image) { image.findings[0].code = "OfALaterVersion"; }));
  EXPECT_FALSE(changed([](NodeReport& node, auto&) { node.overridden.emplace(); }));
  EXPECT_TRUE(changed([](auto&, auto&) {}));
}

TEST(Refusal, IsNeverForWhatThePullMayMend) {
  NodeReport report = sample();
  const PullQuestion pull = of_wrong(report);
  ImageReport& image = report.images[1];
  for (const std::string_view code :
       {code::kContentCorrupt, code::kFileCorrupt, code::kIndexDamaged, code::kImageNotFound,
        code::kRegistryError, code::kRegistryUnauthorized, code::kPullFailed, code::kNoSpace,
        code::kTimedOut, code::kOutOfMemory, code::kProcessLimit, code::kOutputLimit,
        code::kOutputDiffers, code::kInUseAndFailing, code::kPermissionDenied}) {
    image.findings[0].code = code;
    EXPECT_FALSE(refusal(report, pull)) << code;
  }
}

TEST(Refusal, IsNotForWhatADamagedCopyOnThisDiskMayHaveCaused) {
  NodeReport report = sample();
  const PullQuestion pull = of_wrong(report);
  ImageReport& image = report.images[1];
  image.findings[0].code = code::kSmokeFailed;
  EXPECT_TRUE(refusal(report, pull));
  Finding damage = image.findings[0];  // as a scrub finds it
  damage.code = code::kFileCorrupt;
  image.findings.push_back(damage);
  EXPECT_FALSE(refusal(report, pull));
  image.findings.back().severity = Severity::warn;
  EXPECT_TRUE(refusal(report, pull));
}

TEST(Refusal, IsForWhatTheBytesAreHere) {
  NodeReport report = sample();
  const PullQuestion pull = of_wrong(report);
  for (const std::string_view code :
       {code::kPageSizeIncompatible, code::kMissingIsaExtension, code::kLoaderMissing,
        code::kLibraryMissing, code::kSymbolVersionMissing, code::kKernelTooOld,
        code::kPlatformMismatch, code::kNotExecutable, code::kProgramCrashed}) {
    report.images[1].findings[0].code = code;
    EXPECT_TRUE(refusal(report, pull)) << code;
  }
}

TEST(VerifierCounters, CountOnFromWhatIsThere) {
  const fakes::TempFolder folder;
  const auto run = folder.path() / "run";
  EXPECT_EQ(load_verifier_counters(run), VerifierCounters{});
  for (const Decision decision : {Decision::allowed, Decision::denied, Decision::denied,
                                  Decision::would_deny, Decision::undecided}) {
    ASSERT_TRUE(count_decision(run, decision, milliseconds(0)));
  }
  EXPECT_EQ(load_verifier_counters(run), (VerifierCounters{1, 2, 1, 1}));
  ASSERT_TRUE(write_file_atomically(run / "verifier.json", "{ torn"));
  ASSERT_TRUE(count_decision(run, Decision::allowed, milliseconds(0)));
  EXPECT_EQ(load_verifier_counters(run), (VerifierCounters{1, 0, 0, 0}));
}

TEST(VerifierCounters, AHolderOfTheLockIsNotWaitedForLong) {
  const fakes::TempFolder folder;
  const UniqueFd held(
      open((folder.path() / "verifier.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(flock(held.get(), LOCK_EX), 0);
  const auto counted = count_decision(folder.path(), Decision::allowed, milliseconds(5));
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().code, Errc::busy);
}

}  // namespace
}  // namespace nodeproof::report
