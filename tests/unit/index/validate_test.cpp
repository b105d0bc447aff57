#include "agent/index/validate.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "common/crypto.hpp"
#include "tests/unit/index/tag.hpp"

namespace nodeproof::index {
namespace {

using enum PlatformVerdict;
using Verdicts = std::vector<PlatformVerdict>;

TEST_F(TagTest, AWholeTagHasNoFindings) {
  const IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::whole);
  EXPECT_EQ(report.reference, kTag);
  EXPECT_EQ(report.index_digest, index.digest.str());
  ASSERT_EQ(report.platforms.size(), 2U);
  EXPECT_EQ(report.platforms[0],
            (PlatformReport{"linux/amd64", amd64.digest.str(), whole, false, {}}));
  EXPECT_EQ(report.platforms[1],
            (PlatformReport{"linux/arm64", arm64.digest.str(), whole, false, {}}));
  EXPECT_EQ(all_findings(report), std::vector<Finding>{});
}

TEST_F(TagTest, ASharedBlobIsAskedForOnce) {
  const Digest shared = layer(amd64, 0);
  ASSERT_EQ(shared, layer(arm64, 0));
  (void)look();
  EXPECT_EQ(registry.requests(shared.str()), 1U);
  EXPECT_LT(registry.blob_bytes_sent(), 10'000U) << "large blobs are probed, not read";
}

TEST_F(TagTest, ASingleManifestIsATagToo) {
  registry.tag(kTag, arm64);
  const IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::whole);
  EXPECT_EQ(report.index_digest, arm64.digest.str());
  ASSERT_EQ(report.platforms.size(), 1U);
  EXPECT_EQ(report.platforms[0].platform, "linux/arm64");
}

TEST_F(TagTest, AMissingChildIsNamedAndTheOthersAreStillLookedAt) {
  registry.remove(arm64.digest);
  const IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::damaged);
  EXPECT_EQ(verdicts(report), (Verdicts{whole, missing}));
  const Finding& finding = report.platforms[1].findings.at(0);
  EXPECT_EQ(finding.code, "IndexDamaged");
  EXPECT_EQ(finding.severity, Severity::fail);
  EXPECT_EQ(finding.subject, "linux/arm64");
  EXPECT_EQ(finding.message, "r.example/team/app:1: linux/arm64: the manifest " +
                                 arm64.digest.str() + " is missing from the registry");
  EXPECT_FALSE(finding.remedy.empty());
}

TEST_F(TagTest, ABitRottedManifestIsCorrupt) {
  registry.replace_bytes(amd64.digest, R"({"schemaVersion":2})");
  const IndexReport report = look();
  EXPECT_EQ(verdicts(report), (Verdicts{corrupt, whole}));
  EXPECT_TRUE(has(report, "ContentCorrupt"));
}

TEST_F(TagTest, AManifestThatTheRegistryCannotReadIsCorrupt) {
  registry.fail_with(arm64.digest.str(), {Errc::corrupt, "cannot read it", ""});
  EXPECT_EQ(verdicts(look()), (Verdicts{whole, corrupt}));
}

TEST_F(TagTest, EveryStateOfABlobHasItsVerdict) {
  struct Case {
    BlobState state;
    PlatformVerdict verdict;
  };
  for (const Case& c : {Case{BlobState::missing, missing}, Case{BlobState::truncated, truncated},
                        Case{BlobState::stale_cache, stale_cache}, Case{BlobState::whole, whole}}) {
    registry.state(layer(arm64, 1), c.state);
    const IndexReport report = look();
    EXPECT_EQ(verdicts(report), (Verdicts{whole, c.verdict})) << to_string(c.verdict);
    if (c.verdict == whole) continue;
    const Finding& finding = report.platforms[1].findings.at(0);
    EXPECT_NE(finding.message.find("layer 2 of 3 " + layer(arm64, 1).str()), std::string::npos);
    EXPECT_EQ(finding.layer, layer(arm64, 1).str());
  }
}

TEST_F(TagTest, WhatASharedBlobLacksIsMissingInBothPlatforms) {
  registry.remove(layer(amd64, 0));
  EXPECT_EQ(verdicts(look()), (Verdicts{missing, missing}));
}

TEST_F(TagTest, ASmallBlobIsReadAndJudgedByItsBytes) {
  const Digest small = layer(arm64, 2);
  registry.replace_bytes(small, "xxxxxxxxxx");
  EXPECT_EQ(verdicts(look()), (Verdicts{whole, corrupt}));
  registry.replace_bytes(small, "bbb");
  EXPECT_EQ(verdicts(look()), (Verdicts{whole, truncated}));
  registry.replace_bytes(small, std::string(10, 'b'));
  registry.state(small, BlobState::stale_cache);
  EXPECT_EQ(verdicts(look()), (Verdicts{whole, stale_cache}));
  registry.remove(small);
  EXPECT_EQ(verdicts(look()), (Verdicts{whole, missing}));
}

TEST_F(TagTest, AStreamThatBreaksOffBesideAWholeBlobIsNotKnown) {
  registry.break_off(layer(arm64, 2), 3);
  const IndexReport report = look();
  EXPECT_EQ(verdicts(report), (Verdicts{whole, unknown}));
  EXPECT_EQ(report.verdict, IndexVerdict::unknown);
}

TEST_F(TagTest, WhereRangesAreIgnoredALayerIsReadWhole) {
  registry.state(layer(arm64, 1), BlobState::announced);
  EXPECT_EQ(verdicts(look()), (Verdicts{whole, whole}));
  EXPECT_GE(registry.blob_bytes_sent(), 100'000U);
  registry.replace_bytes(layer(arm64, 1), large('X'));
  EXPECT_EQ(verdicts(look()), (Verdicts{whole, corrupt}));
}

TEST_F(TagTest, OnlyDeepSeesAFlippedBitInALargeLayer) {
  registry.replace_bytes(layer(amd64, 1), large('X'));
  EXPECT_EQ(look().verdict, IndexVerdict::whole);
  const IndexReport report = look({.deep = true});
  EXPECT_EQ(verdicts(report), (Verdicts{corrupt, whole}));
  EXPECT_NE(report.platforms[0].findings.at(0).evidence.find(hash_of(as_bytes(large('X'))).str()),
            std::string::npos);
}

TEST_F(TagTest, WhatIsNotKnownIsNeitherDamagedNorWhole) {
  struct Case {
    Errc error;
    const char* code;
  };
  for (const Case& c :
       {Case{Errc::unauthorized, "RegistryUnauthorized"},
        Case{Errc::throttled, "RegistryThrottled"}, Case{Errc::server_error, "RegistryError"},
        Case{Errc::timeout, "RegistryUnreachable"}, Case{Errc::unreachable, "RegistryUnreachable"},
        Case{Errc::untrusted, "RegistryUntrusted"}, Case{Errc::not_a_registry, "NotARegistry"},
        Case{Errc::cancelled, "Interrupted"}, Case{Errc::too_large, "InspectionIncomplete"}}) {
    for (const Digest& digest : {arm64.digest, manifest(amd64).config.digest, layer(amd64, 1)}) {
      registry.fail_with(digest.str(), {c.error, "no", "do this"}, FakeRegistry::kAlways);
      const IndexReport report = look();
      registry.fail_with(digest.str(), {c.error, "", ""}, 0);
      EXPECT_EQ(report.verdict, IndexVerdict::unknown) << c.code;
      EXPECT_TRUE(has(report, c.code)) << c.code;
      for (const Finding& finding : all_findings(report)) {
        EXPECT_EQ(finding.severity, Severity::unknown);
        EXPECT_EQ(finding.remedy, "do this");
      }
    }
  }
}

TEST_F(TagTest, ATagThatCannotBeHadSaysWhy) {
  registry.fail_with(kTag, {Errc::unauthorized, "no access", "log in"});
  IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::unknown);
  EXPECT_EQ(report.findings.at(0).code, "RegistryUnauthorized");
  EXPECT_EQ(report.index_digest, "");
  report = validate(registry, *Reference::parse("r.example/nothing:1"), {}, {});
  EXPECT_EQ(report.verdict, IndexVerdict::damaged);
  EXPECT_EQ(report.findings.at(0).code, "ImageNotFound");
  registry.replace_bytes(index.digest, "{");
  const Reference by_digest = *Reference::parse("r.example/team/app@" + index.digest.str());
  EXPECT_EQ(validate(registry, by_digest, {}, {}).verdict, IndexVerdict::damaged);
}

TEST_F(TagTest, DamageOutweighsWhatIsNotKnown) {
  registry.fail_with(layer(arm64, 1).str(), {Errc::throttled, "wait", ""});
  registry.remove(layer(arm64, 2));
  const IndexReport report = look();
  EXPECT_EQ(verdicts(report), (Verdicts{whole, missing}));
  EXPECT_EQ(report.platforms[1].findings.size(), 2U);
  EXPECT_EQ(report.verdict, IndexVerdict::damaged);
}

TEST_F(TagTest, AllHolesAreFoundInOneRun) {
  const Digest config = manifest(amd64).config.digest;
  registry.remove(config);
  registry.state(layer(amd64, 1), BlobState::truncated);
  registry.remove(arm64.digest);
  const IndexReport report = look();
  EXPECT_EQ(verdicts(report), (Verdicts{missing, missing}));
  ASSERT_EQ(report.platforms[0].findings.size(), 2U);
  EXPECT_NE(report.platforms[0].findings[0].message.find("the config " + config.str()),
            std::string::npos);
  EXPECT_NE(report.platforms[0].findings[1].message.find("is truncated"), std::string::npos);
}

TEST_F(TagTest, AConfigForAnotherPlatformIsAMismatch) {
  Descriptor lying = push("amd64", 'm');
  lying.platform = Platform{"linux", "arm64", "v8", "", {}};
  tag({amd64, lying});
  const IndexReport report = look();
  EXPECT_EQ(verdicts(report), (Verdicts{whole, mismatch}));
  EXPECT_TRUE(has(report, "PlatformMismatch"));
  EXPECT_NE(report.platforms[1].findings.at(0).message.find("is for linux/amd64, the index says "
                                                            "linux/arm64"),
            std::string::npos);
}

TEST_F(TagTest, LabelsThatLeaveAVariantOutAgree) {
  struct Case {
    const char *index, *config;
    bool agree;
  };
  for (const Case& c : {Case{"arm64/v8", "arm64", true}, Case{"amd64/v3", "amd64", true},
                        Case{"arm/v6", "arm", true}, Case{"arm/v7", "arm", true},
                        Case{"arm/v7", "arm/v6", false}, Case{"386", "amd64", false}}) {
    FakeImage image = image_for("", {{"x", "", kLayerType}});
    const auto split = [](const std::string& text) {
      const auto slash = text.find('/');
      return Platform{"linux",
                      text.substr(0, slash),
                      slash == std::string::npos ? "" : text.substr(slash + 1),
                      "",
                      {}};
    };
    image.platform = split(c.config);
    Descriptor entry = push_image(registry, image);
    entry.platform = split(c.index);
    tag({entry});
    EXPECT_EQ(verdicts(look()), Verdicts{c.agree ? whole : mismatch}) << c.index << " " << c.config;
  }
}

TEST_F(TagTest, AConfigThatDescribesAnotherNumberOfLayersIsAMismatch) {
  FakeImage two = image_for("arm64", {{"1", "", kLayerType}, {"2", "", kLayerType}});
  const Descriptor config =
      registry.add(config_json(two), "application/vnd.oci.image.config.v1+json");
  const Descriptor one = registry.add("1", kLayerType);
  Descriptor entry =
      registry.add(manifest_json(config, {one}), std::string(media_type::kOciManifest));
  entry.platform = two.platform;
  tag({entry});
  EXPECT_EQ(verdicts(look()), Verdicts{mismatch});
}

TEST_F(TagTest, AnEntryOfAnotherMediaTypeThanItsDocumentIsAMismatch) {
  Descriptor lying = arm64;
  lying.media_type = media_type::kDockerManifest;
  tag({lying});
  EXPECT_EQ(verdicts(look()), Verdicts{mismatch});
}

TEST_F(TagTest, NestedIndexesAreWalkedInTheirPlace) {
  const Descriptor inner = push_index(registry, {arm64});
  tag({inner, amd64});
  const IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::whole);
  ASSERT_EQ(report.platforms.size(), 2U);
  EXPECT_EQ(report.platforms[0].platform, "linux/arm64");
  registry.remove(inner.digest);
  const IndexReport damaged = look();
  EXPECT_EQ(verdicts(damaged), (Verdicts{missing, whole}));
  EXPECT_NE(damaged.platforms[0].findings.at(0).message.find("the nested index"),
            std::string::npos);
}

class AttestationTest : public TagTest {
 protected:
  AttestationTest() {
    FakeImage provenance = image_for("unknown", {{"{}", "", "application/vnd.in-toto+json"}});
    provenance.platform.os = "unknown";
    attestation = push_image(registry, provenance);
    attestation.annotations = {{"vnd.docker.reference.type", "attestation-manifest"},
                               {"vnd.docker.reference.digest", arm64.digest.str()}};
    tag({amd64, arm64, attestation});
  }
  Descriptor attestation = index;
};

TEST_F(AttestationTest, IsLookedAtButNoPlatform) {
  const IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::whole);
  ASSERT_EQ(report.platforms.size(), 3U);
  EXPECT_TRUE(report.platforms[2].attestation);
  EXPECT_EQ(all_findings(report), std::vector<Finding>{});
}

TEST_F(AttestationTest, DamageToItIsAWarning) {
  registry.remove(layer(attestation, 0));
  const IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::whole);
  EXPECT_EQ(verdicts(report), (Verdicts{whole, whole, missing}));
  EXPECT_EQ(report.platforms[2].findings.at(0).severity, Severity::warn);
}

TEST_F(AttestationTest, FollowsThePlatformThatWasChosen) {
  ValidateOptions options;
  options.platforms = {*parse_platform("linux/arm64")};
  EXPECT_EQ(look(options).platforms.size(), 2U);
  options.platforms = {*parse_platform("linux/amd64")};
  const IndexReport report = look(options);
  ASSERT_EQ(report.platforms.size(), 1U);
  EXPECT_EQ(report.platforms[0].platform, "linux/amd64");
}

TEST_F(TagTest, AnIndexWithoutTheChosenPlatformOrWithoutAnyImageIsDamaged) {
  ValidateOptions options;
  options.platforms = {*parse_platform("linux/riscv64")};
  const IndexReport report = look(options);
  EXPECT_EQ(report.verdict, IndexVerdict::damaged);
  EXPECT_EQ(report.findings.at(0).message, "r.example/team/app:1 holds no image for linux/riscv64");
  tag({});
  EXPECT_EQ(look().findings.at(0).code, "PlatformMissing");
}

// Answers tags with another digest from the second question on.
class MovingRegistry final : public Registry {
 public:
  MovingRegistry(FakeRegistry& registry, std::vector<Descriptor> tags)
      : registry_(registry), tags_(std::move(tags)) {}
  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override {
    registry_.tag(kTag, tags_.at(std::min(asked_++, tags_.size() - 1)));
    return registry_.manifest(reference, std::move(stop));
  }
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override {
    return registry_.child(reference, child, std::move(stop));
  }
  // NOLINTNEXTLINE(readability-function-size): the port's signature
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override {
    return registry_.blob(reference, blob, offset, sink, std::move(stop));
  }
  void distrust(const Digest& blob) override { registry_.distrust(blob); }
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override {
    return registry_.probe(reference, blob, std::move(stop));
  }

 private:
  FakeRegistry& registry_;
  std::vector<Descriptor> tags_;
  std::size_t asked_ = 0;
};

TEST_F(TagTest, ATagThatMovedMeanwhileIsLookedAtOnceMore) {
  const Descriptor next = push_index(registry, {arm64});
  MovingRegistry once(registry, {index, next});
  IndexReport report = validate(once, *Reference::parse(kTag), {}, {});
  EXPECT_EQ(report.index_digest, next.digest.str());
  EXPECT_EQ(all_findings(report), std::vector<Finding>{});
  const Descriptor last = push_index(registry, {amd64});
  MovingRegistry twice(registry, {index, next, next, last});
  report = validate(twice, *Reference::parse(kTag), {}, {});
  EXPECT_EQ(report.index_digest, next.digest.str());
  EXPECT_EQ(report.findings.at(0).code, "TagMoved");
  EXPECT_EQ(report.findings.at(0).severity, Severity::warn);
}

TEST_F(TagTest, WhetherTheTagMovedIsAskedByAHeadAndByAGetWhereThatDoesNotSay) {
  look();
  EXPECT_EQ(registry.requests(kTag), 1U);
  EXPECT_EQ(registry.requests(std::string("HEAD ") + kTag), 1U);
  registry.says_digests = false;
  look();
  EXPECT_EQ(registry.requests(kTag), 3U);
  EXPECT_EQ(registry.requests(std::string("HEAD ") + kTag), 2U);
}

TEST_F(TagTest, AStopIsObeyedAndNothingMoreIsAsked) {
  std::stop_source source;
  source.request_stop();
  const IndexReport report = validate(registry, *Reference::parse(kTag), {}, source.get_token());
  EXPECT_EQ(report.verdict, IndexVerdict::unknown);
  EXPECT_EQ(report.findings.at(0).code, "Interrupted");
  EXPECT_EQ(registry.requests(), 0U);
}

TEST_F(TagTest, ARegistryThatHasGoneAwayOrWantsToBeLeftAloneIsNotAskedForEver) {
  std::vector<FakeLayer> layers;
  for (char c = 'a'; c < 'z'; ++c) layers.push_back({large(c), "", kLayerType});
  const Descriptor entry = push_image(registry, image_for("arm64", layers));
  tag({entry});
  for (const Errc code : {Errc::unreachable, Errc::throttled}) {
    for (const Descriptor& one : manifest(entry).layers) {
      registry.fail_with(one.digest.str(), {code, "gone", ""});
    }
    const unsigned before = registry.requests();
    const IndexReport report = look({.parallel = 1});
    EXPECT_EQ(verdicts(report), Verdicts{unknown});
    ASSERT_EQ(report.platforms[0].findings.size(), layers.size());
    EXPECT_EQ(report.platforms[0].findings.back().code,
              code == Errc::throttled ? "RegistryThrottled" : "RegistryUnreachable");
    EXPECT_LT(registry.requests() - before, 10U);
  }
}

class CountingObserver final : public LayerObserver {
 public:
  CountingObserver(std::atomic<int>& finished, std::atomic<std::size_t>& bytes)
      : finished_(finished), bytes_(bytes) {}
  void write(Bytes bytes) override { bytes_ += bytes.size(); }
  void finish() override { ++finished_; }

 private:
  std::atomic<int>& finished_;
  std::atomic<std::size_t>& bytes_;
};

TEST_F(TagTest, DeepShowsEachLayerOnceAndAsksForAJudgement) {
  std::atomic<int> finished = 0;
  std::atomic<std::size_t> bytes = 0;
  std::mutex mutex;
  std::set<Digest> diff_ids;
  int judged = 0;
  ValidateOptions options{.deep = true};
  options.observe = [&](const ObservedLayer& layer) {
    const std::scoped_lock lock(mutex);
    diff_ids.insert(layer.diff_id);
    return std::make_unique<CountingObserver>(finished, bytes);
  };
  options.judge = [&](const Descriptor&, const Manifest& manifest, const ImageConfig& config) {
    ++judged;
    EXPECT_EQ(manifest.layers.size(), 3U);
    if (config.platform.architecture != "arm64") return std::vector<Finding>{};
    Finding finding;
    finding.severity = Severity::fail;
    return std::vector{finding};
  };
  const IndexReport report = look(options);
  EXPECT_EQ(finished, 5);
  EXPECT_EQ(diff_ids.size(), 5U);
  EXPECT_EQ(bytes, 300'020U);
  EXPECT_EQ(judged, 2);
  EXPECT_EQ(verdicts(report), (Verdicts{whole, mismatch}));
}

TEST_F(TagTest, OnlyTheLayersThatAreAskedForAreReadToo) {
  std::atomic<int> finished = 0;
  std::atomic<std::size_t> bytes = 0;
  ValidateOptions options;
  options.observe = [&](const ObservedLayer&) {
    return std::make_unique<CountingObserver>(finished, bytes);
  };
  options.read_too = [&](const Digest& top) {
    EXPECT_EQ(top, index.digest);
    return std::vector{arm64.digest.str()};
  };
  registry.replace_bytes(layer(amd64, 1), large('X'));  // a flipped bit that nobody reads
  EXPECT_EQ(verdicts(look(options)), (Verdicts{whole, whole}));
  EXPECT_EQ(finished, 3);
  registry.replace_bytes(layer(arm64, 1), large('X'));
  EXPECT_EQ(verdicts(look(options)), (Verdicts{whole, corrupt}));
}

TEST_F(TagTest, ATagThatFailsAloneIsNotKnownAndItsLikelyCauseIsNamed) {
  registry.fail_with(kTag, {Errc::server_error, "HTTP 500", "look"});
  IndexReport report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::unknown);
  EXPECT_NE(report.findings.at(0).message.find("this tag alone"), std::string::npos);
  EXPECT_NE(report.findings.at(0).remedy.find("tags/1/current/link"), std::string::npos);
  registry.fail_with(hash_of({}).str(), {Errc::server_error, "HTTP 500", "look"});
  report = look();
  EXPECT_EQ(report.verdict, IndexVerdict::unknown);
  EXPECT_EQ(report.findings.at(0).message.find("this tag alone"), std::string::npos);
}

TEST_F(TagTest, ALayerThatIsNotWholeIsNeverFinishedNorJudged) {
  registry.replace_bytes(layer(arm64, 1), large('X'));
  std::atomic<int> finished = 0;
  std::atomic<std::size_t> bytes = 0;
  int judged = 0;
  ValidateOptions options{.deep = true};
  options.observe = [&](const ObservedLayer&) {
    return std::make_unique<CountingObserver>(finished, bytes);
  };
  options.judge = [&](const Descriptor&, const Manifest&, const ImageConfig&) {
    ++judged;
    return std::vector<Finding>{};
  };
  (void)look(options);
  EXPECT_EQ(finished, 4);
  EXPECT_EQ(judged, 1);
}

TEST_F(TagTest, OneThreadAndManyFindTheSame) {
  registry.remove(layer(amd64, 1));
  registry.state(layer(arm64, 1), BlobState::stale_cache);
  const IndexReport alone = look({.parallel = 1});
  EXPECT_EQ(look({.parallel = 8}), alone);
  EXPECT_EQ(look({.parallel = 0}), alone);
}

TEST_F(TagTest, ALayerThatMayBeKeptElsewhereIsNotCalledMissing) {
  const std::string foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  const Descriptor entry = push_image(registry, image_for("amd64", {{large('f'), "", foreign}}));
  tag({entry});
  registry.remove(layer(entry, 0));
  EXPECT_EQ(verdicts(look()), Verdicts{unknown});
}

}  // namespace
}  // namespace nodeproof::index
