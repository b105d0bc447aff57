#include "agent/resolve/resolve.hpp"

#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "tests/fakes/fake_image.hpp"

namespace nodeproof::resolve {
namespace {

const std::string kName = "registry.test/app:1";

Platform platform(std::string_view text) { return *parse_platform(text); }

class Resolve : public ::testing::Test {
 protected:
  Resolve() { host_.platform = {"linux", "arm64", "v8", "", {}}; }

  Descriptor push(std::string_view name, std::string_view layer = "layer") {
    FakeImage image;
    image.platform = platform(name);
    image.layers = {
        {std::string(layer) + std::string(name), "", "application/vnd.oci.image.layer.v1.tar"}};
    return push_image(registry_, image);
  }
  Result<ResolvedImage> run(const std::string& name = kName) {
    return resolve(registry_, *Reference::parse(name), host_, {});
  }
  Error failed(const std::string& name = kName) {
    const auto image = run(name);
    EXPECT_FALSE(image);
    return image ? Error{} : image.error();
  }

  FakeRegistry registry_;
  HostFacts host_;
};

const Finding* find(const ResolvedImage& image, std::string_view code) {
  for (const Finding& finding : image.findings) {
    if (finding.code == code) return &finding;
  }
  return nullptr;
}

TEST_F(Resolve, GoesFromTheTagToTheHostsManifestAndConfig) {
  const Descriptor arm64 = push("linux/arm64");
  const Descriptor index = push_index(registry_, {push("linux/amd64"), arm64}, kName);
  const auto image = run();
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->index->digest, index.digest);
  EXPECT_EQ(image->index->media_type, media_type::kOciIndex);
  EXPECT_EQ(image->index_bytes.size(), index.size);
  EXPECT_EQ(image->manifest, arm64);
  EXPECT_EQ(image->document.layers.size(), 1U);
  EXPECT_EQ(image->config.platform.architecture, "arm64");
  EXPECT_FALSE(image->config_bytes.empty());
  EXPECT_EQ(image->available,
            (std::vector<Platform>{platform("linux/amd64"), platform("linux/arm64")}));
  EXPECT_NE(image->choice.find("own platform"), std::string::npos);
  EXPECT_TRUE(image->findings.empty());
}

TEST_F(Resolve, FetchesNothingOfOtherPlatforms) {
  const Descriptor amd64 = push("linux/amd64");
  push_index(registry_, {amd64, push("linux/arm64")}, kName);
  ASSERT_TRUE(run());
  EXPECT_EQ(registry_.requests(amd64.digest.str()), 0U);
  EXPECT_EQ(registry_.requests(), 3U) << "index, manifest, config";
}

TEST_F(Resolve, TakesASingleManifest) {
  registry_.tag(kName, push("linux/arm64"));
  const auto image = run();
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_FALSE(image->index);
  EXPECT_TRUE(image->index_bytes.empty());
  EXPECT_NE(image->choice.find("single manifest"), std::string::npos);
  EXPECT_TRUE(image->findings.empty());
}

TEST_F(Resolve, WarnsOfASingleManifestForAnotherPlatform) {
  registry_.tag(kName, push("linux/amd64"));
  const auto image = run();
  ASSERT_TRUE(image) << "containerd takes it without looking";
  const Finding* finding = find(*image, code::kPlatformMismatch);
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->severity, Severity::warn);
}

TEST_F(Resolve, TakesADigest) {
  const Descriptor index = push_index(registry_, {push("linux/arm64")});
  const auto image = run("registry.test/app:ignored@" + index.digest.str());
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->index->digest, index.digest);
}

TEST_F(Resolve, DescendsIntoANestedIndex) {
  Descriptor inner = push_index(registry_, {push("linux/amd64"), push("linux/arm64")});
  const Descriptor outer = push_index(registry_, {inner}, kName);
  const auto image = run();
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->index->digest, outer.digest) << "the record names the outer one";
  EXPECT_EQ(image->manifest.platform, platform("linux/arm64"));
  EXPECT_EQ(image->available.size(), 2U);
}

TEST_F(Resolve, StopsAtThreeNestedIndexes) {
  Descriptor index = push("linux/arm64");
  for (int depth = 0; depth < 3; ++depth) index = push_index(registry_, {index}, kName);
  EXPECT_TRUE(run());
  push_index(registry_, {index}, kName);
  EXPECT_EQ(failed().code, Errc::invalid_document);
}

TEST_F(Resolve, ListsWhatExistsWhenNothingFits) {
  push_index(registry_, {push("linux/amd64"), push("linux/s390x")}, kName);
  const Error error = failed();
  EXPECT_EQ(error.code, Errc::no_matching_platform);
  EXPECT_EQ(error.message,
            "resolving registry.test/app:1: nothing for linux/arm64/v8: the index offers "
            "linux/amd64, linux/s390x");
  EXPECT_NE(error.remedy.find("Push the image for this host's platform"), std::string::npos);
}

TEST_F(Resolve, SkipsAttestations) {
  Descriptor attestation = push("linux/arm64", "attestation");
  attestation.platform = Platform{"unknown", "unknown", "", "", {}};
  attestation.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  const Descriptor arm64 = push("linux/arm64");
  push_index(registry_, {attestation, arm64}, kName);
  const auto image = run();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->manifest.digest, arm64.digest);
  EXPECT_EQ(image->available.size(), 1U);
}

TEST_F(Resolve, WarnsWhenContainerdFallsBackToArm) {
  push_index(registry_, {push("linux/amd64"), push("linux/arm/v7")}, kName);
  const auto image = run();
  ASSERT_TRUE(image);
  const Finding* finding = find(*image, code::kPlatformMissing);
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->severity, Severity::warn);
  EXPECT_EQ(finding->subject, "linux/arm/v7");
  EXPECT_FALSE(find(*image, code::kPlatformMismatch));
}

TEST_F(Resolve, FindsAnEntryWhoseConfigNamesAnotherPlatform) {
  Descriptor entry = push("linux/amd64");
  entry.platform = platform("linux/arm64");
  push_index(registry_, {entry}, kName);
  auto image = run();
  ASSERT_TRUE(image);
  ASSERT_NE(find(*image, code::kPlatformMismatch), nullptr);
  EXPECT_EQ(find(*image, code::kPlatformMismatch)->severity, Severity::warn);

  host_.containerd.emplace().version = "2.2.0";
  image = run();
  ASSERT_TRUE(image);
  EXPECT_EQ(find(*image, code::kPlatformMismatch)->severity, Severity::fail);
}

TEST_F(Resolve, AnotherVariantInTheConfigIsOnlyTold) {
  host_.platform = {"linux", "arm", "v6", "", {}};
  Descriptor entry = push("linux/arm/v7");  // as a config without a variant is read
  entry.platform = platform("linux/arm/v6");
  push_index(registry_, {entry}, kName);
  const auto image = run();
  ASSERT_TRUE(image);
  EXPECT_EQ(find(*image, code::kPlatformMismatch)->severity, Severity::info);
}

TEST_F(Resolve, ChecksAnEntryWithoutPlatformByItsConfig) {
  Descriptor good = push("linux/arm64");
  Descriptor bad = push("linux/amd64");
  good.platform.reset();
  bad.platform.reset();
  push_index(registry_, {good}, kName);
  EXPECT_TRUE(run());
  push_index(registry_, {bad, good}, kName);
  const Error error = failed();
  EXPECT_EQ(error.code, Errc::no_matching_platform)
      << "containerd takes the first and then refuses it";
  EXPECT_NE(error.message.find("linux/amd64 by its config"), std::string::npos);
}

TEST_F(Resolve, AMissingChildIsADamagedIndex) {
  const Descriptor arm64 = push("linux/arm64");
  push_index(registry_, {arm64}, kName);
  registry_.remove(arm64.digest);
  const Error error = failed();
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_NE(error.message.find("names a manifest the registry no longer has (linux/arm64, "),
            std::string::npos);
}

TEST_F(Resolve, AMissingConfigIsDamageToo) {
  registry_.tag(kName, push("linux/arm64"));
  const auto image = run();
  ASSERT_TRUE(image);
  registry_.remove(image->document.config.digest);
  EXPECT_EQ(failed().code, Errc::corrupt);
}

TEST_F(Resolve, AnUnknownTagIsNotFound) {
  const Error error = failed();
  EXPECT_EQ(error.code, Errc::not_found);
  EXPECT_TRUE(error.message.starts_with("resolving registry.test/app:1: "));
}

TEST_F(Resolve, KeepsTheRegistrysErrors) {
  push_index(registry_, {push("linux/arm64")}, kName);
  for (const Errc code : {Errc::unreachable, Errc::unauthorized, Errc::throttled, Errc::timeout}) {
    registry_.fail_with(kName, Error{code, "because", "do this"});
    EXPECT_EQ(failed(), (Error{code, "resolving registry.test/app:1: because", "do this"}));
  }
}

TEST_F(Resolve, RefusesAConfigOfOtherBytes) {
  registry_.tag(kName, push("linux/arm64"));
  const auto image = run();
  ASSERT_TRUE(image);
  std::string bytes = image->config_bytes;
  bytes.back() = ' ';
  registry_.replace_bytes(image->document.config.digest, bytes);
  EXPECT_EQ(failed().code, Errc::digest_mismatch);
  registry_.replace_bytes(image->document.config.digest, bytes + "x");
  EXPECT_EQ(failed().code, Errc::invalid_document);
  registry_.replace_bytes(image->document.config.digest, bytes.substr(1));
  EXPECT_EQ(failed().code, Errc::truncated);
}

TEST_F(Resolve, RefusesAConfigTooLargeToHold) {
  const Descriptor config{"application/vnd.oci.image.config.v1+json",
                          *Digest::parse("sha256:" + std::string(64, '1')),
                          (8U << 20U) + 1,
                          {},
                          {}};
  registry_.tag(kName,
                registry_.add(manifest_json(config, {}), std::string(media_type::kOciManifest)));
  EXPECT_EQ(failed().code, Errc::too_large);
}

TEST_F(Resolve, RefusesAConfigOfAnotherNumberOfLayers) {
  const Descriptor config =
      registry_.add(config_json(FakeImage{}), "application/vnd.oci.image.config.v1+json");
  registry_.tag(kName,
                registry_.add(manifest_json(config, {}), std::string(media_type::kOciManifest)));
  EXPECT_EQ(failed().code, Errc::invalid_document);
}

TEST_F(Resolve, RefusesAnEntryThatIsNotWhatItsTypeSays) {
  Descriptor index = push_index(registry_, {push("linux/arm64")});
  index.media_type = media_type::kOciManifest;
  index.platform = platform("linux/arm64");
  push_index(registry_, {index}, kName);
  EXPECT_EQ(failed().code, Errc::invalid_document);
}

TEST_F(Resolve, StopsWhenAsked) {
  push_index(registry_, {push("linux/arm64")}, kName);
  std::stop_source source;
  source.request_stop();
  const auto image = resolve(registry_, *Reference::parse(kName), host_, source.get_token());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, Errc::cancelled);
}

void serve_kubelet(HostFacts& host, const std::string& version) {
  host.containerd.emplace();
  host.containerd->version = version;
  host.containerd->cri = true;
  host.containerd->namespace_ = "k8s.io";
}

TEST_F(Resolve, WarnsWhereAKubeletsOwnPullWouldTakeNothing) {
  push_index(registry_, {push("linux/arm/v7")}, kName);
  serve_kubelet(host_, "2.1.4");
  const auto image = run();
  ASSERT_TRUE(image) << image.error().message;
  ASSERT_EQ(image->findings.size(), 1U) << "said once";
  EXPECT_EQ(image->findings[0].code, code::kPlatformMissing);
  EXPECT_EQ(image->findings[0].severity, Severity::warn);
  EXPECT_NE(image->findings[0].message.find("a kubelet's own pull"), std::string::npos);
}

TEST_F(Resolve, WarnsOnAnArmHostToo) {
  host_.platform = platform("linux/arm/v7");
  push_index(registry_, {push("linux/arm/v6")}, kName);
  ASSERT_TRUE(run());
  EXPECT_TRUE(run()->findings.empty()) << "a local pull alone is no reason to warn";
  serve_kubelet(host_, "2.1.4");
  const auto image = run();
  ASSERT_TRUE(image);
  ASSERT_EQ(image->findings.size(), 1U);
  EXPECT_EQ(image->findings[0].severity, Severity::warn);
}

TEST_F(Resolve, SaysNothingOfOrdinaryImagesUnderAnyContainerd) {
  push_index(registry_, {push("linux/amd64"), push("linux/arm/v7"), push("linux/arm64")}, kName);
  for (const char* version : {"1.6.20", "1.7.24", "2.0.2", "2.1.4", "2.3.0"}) {
    serve_kubelet(host_, version);
    ASSERT_TRUE(run());
    EXPECT_TRUE(run()->findings.empty()) << version;
  }
}

Descriptor unnamed(Descriptor entry) {
  entry.platform.reset();
  return entry;
}

TEST_F(Resolve, WarnsWhereAKubeletsPullFailsOverAnEntryItDidNotFetch) {
  const Descriptor own = push("linux/arm64");
  Descriptor attestation = push("linux/s390x");
  attestation.platform = platform("unknown/unknown");
  attestation.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  for (const Descriptor& other : {push("linux/s390x"), attestation}) {
    push_index(registry_, {unnamed(own), other}, kName);
    serve_kubelet(host_, "1.7.24");
    const auto image = run();
    ASSERT_TRUE(image) << image.error().message;
    ASSERT_EQ(image->findings.size(), 1U);
    EXPECT_EQ(image->findings[0].code, code::kPlatformMissing);
    EXPECT_EQ(image->findings[0].severity, Severity::warn);
    EXPECT_NE(image->findings[0].message.find(to_string(*other.platform)), std::string::npos);
    host_.containerd->namespace_ = "default";
    EXPECT_TRUE(run()->findings.empty()) << "only a kubelet's containerd measures";
  }
}

TEST_F(Resolve, WarnsOfThatInANestedIndexToo) {
  const Descriptor own = unnamed(push("linux/arm64"));
  Descriptor inner = push_index(registry_, {own, push("linux/s390x")});
  inner.platform = platform("linux/arm64");
  push_index(registry_, {inner}, kName);
  serve_kubelet(host_, "1.7.24");
  ASSERT_TRUE(run());
  EXPECT_EQ(run()->findings.size(), 1U);
}

TEST_F(Resolve, SaysNothingWhereTheMeasuredEntryIsTheFetchedOne) {
  const Descriptor own = push("linux/arm64");
  Descriptor again = own;
  again.platform = platform("linux/s390x");
  Descriptor notes = push("linux/s390x");
  notes.media_type = "application/vnd.example.notes+json";
  serve_kubelet(host_, "1.7.24");
  for (const auto& entries :
       std::vector<std::vector<Descriptor>>{{unnamed(own)},
                                            {unnamed(own), unnamed(push("linux/arm64", "other"))},
                                            {unnamed(push("linux/s390x")), own},
                                            {unnamed(own), again},
                                            {unnamed(own), notes}}) {
    push_index(registry_, entries, kName);
    const auto image = run();
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_TRUE(image->findings.empty()) << image->findings.front().message;
  }
}

}  // namespace
}  // namespace nodeproof::resolve
