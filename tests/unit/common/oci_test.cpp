#include "common/oci.hpp"

#include <gtest/gtest.h>

#include "common/crypto.hpp"

namespace nodeproof {
namespace {

constexpr std::string_view kIndexType = media_type::kOciIndex;
constexpr std::string_view kManifestType = media_type::kOciManifest;

std::string sha(char digit) { return "sha256:" + std::string(64, digit); }

std::string descriptor(const std::string& more = "") {
  return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + sha('1') +
         R"(","size":7)" + more + "}";
}

std::string index_of(const std::string& entries) {
  return R"({"schemaVersion":2,"manifests":[)" + entries + "]}";
}

std::string manifest_of(const std::string& config, const std::string& layers) {
  return R"({"schemaVersion":2,"config":)" + config + R"(,"layers":[)" + layers + "]}";
}

Error refused(std::string_view text, std::string_view type = "") {
  const auto document = parse_image_document(text, type);
  EXPECT_FALSE(document) << text.substr(0, 200);
  return document ? Error{} : document.error();
}

TEST(ImageDocument, ReadsAnOciIndexWithPlatformsAndAnnotations) {
  const std::string text =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
      descriptor(
          R"(,"platform":{"architecture":"arm64","os":"linux","variant":"v8","os.version":"1",)"
          R"("os.features":["f"]},"annotations":{"a":"1","A":"2"})") +
      "," + descriptor(R"(,"platform":null,"annotations":null)") + "]}";
  const auto document = parse_image_document(text, std::string(kIndexType) + "; charset=utf-8");
  ASSERT_TRUE(document) << document.error().message;
  const auto& index = std::get<Index>(*document);
  EXPECT_EQ(index.media_type, kIndexType);
  ASSERT_EQ(index.manifests.size(), 2U);
  EXPECT_EQ(index.manifests[0].platform, (Platform{"linux", "arm64", "v8", "1", {"f"}}));
  EXPECT_EQ(index.manifests[0].annotations.size(), 2U) << "annotations are a free map";
  EXPECT_EQ(index.manifests[0].size, 7U);
  EXPECT_FALSE(index.manifests[1].platform);
}

TEST(ImageDocument, ReadsADockerManifest) {
  const std::string type(media_type::kDockerManifest);
  const std::string text = R"({"schemaVersion":2,"mediaType":")" + type + R"(","config":)" +
                           descriptor() + R"(,"layers":[)" + descriptor() + "," + descriptor() +
                           "]}";
  const auto document = parse_image_document(text, type);
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(std::get<Manifest>(*document).layers.size(), 2U);
  EXPECT_EQ(std::get<Manifest>(*document).media_type, type);
}

TEST(ImageDocument, DecidesByStructureWhenNobodySaysTheType) {
  for (const std::string_view type : {"", "application/json", "application/octet-stream; x=y"}) {
    EXPECT_TRUE(std::holds_alternative<Index>(*parse_image_document(index_of(""), type)));
    const auto manifest = parse_image_document(manifest_of(descriptor(), ""), type);
    EXPECT_EQ(std::get<Manifest>(*manifest).media_type, kManifestType);
  }
}

TEST(ImageDocument, AnUnknownMediaTypeOfAnEntryIsNoError) {
  const std::string entry =
      R"({"mediaType":"application/x","digest":")" + sha('1') + R"(","size":1})";
  EXPECT_TRUE(parse_image_document(index_of(entry), kIndexType));
}

TEST(ImageDocument, RefusesTwoMeaningsOfOneDocument) {
  const std::string type(kIndexType);
  const std::string both =
      R"({"schemaVersion":2,"manifests":[],"config":)" + descriptor() + R"(,"layers":[]})";
  const std::string says_manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]})";
  const std::string says_index =
      R"({"schemaVersion":2,"mediaType":")" + type + R"(","manifests":[]})";
  EXPECT_EQ(refused(both).code, Errc::invalid_document);
  EXPECT_EQ(refused(both, type).code, Errc::invalid_document);
  EXPECT_EQ(refused(says_manifest).code, Errc::invalid_document);
  EXPECT_EQ(refused(says_manifest, kManifestType).code, Errc::invalid_document);
  EXPECT_EQ(refused(says_index, kManifestType).code, Errc::invalid_document);
  EXPECT_EQ(refused(says_index, media_type::kDockerList).code, Errc::invalid_document);
  EXPECT_EQ(refused(index_of(""), kManifestType).code, Errc::invalid_document);
  EXPECT_EQ(refused(manifest_of(descriptor(), ""), kIndexType).code, Errc::invalid_document);
}

TEST(ImageDocument, RefusesKeysThatGoWouldReadDifferently) {
  const std::string layers = R"("layers":[)" + descriptor() + "]";
  const std::string head = R"({"schemaVersion":2,"config":)" + descriptor() + ",";
  EXPECT_EQ(refused(head + layers + "," + layers + "}").code, Errc::invalid_document);
  EXPECT_EQ(refused(head + layers + R"(,"Layers":[]})").code, Errc::invalid_document);
  EXPECT_EQ(refused(head + layers + ",\"layer\xC5\xBF\":[]}").code, Errc::invalid_document);
  EXPECT_EQ(refused(head + layers + R"(,"MANIFESTS":[]})").code, Errc::invalid_document);
  EXPECT_EQ(refused(index_of(descriptor(R"(,"Digest":")" + sha('2') + "\""))).code,
            Errc::invalid_document);
  EXPECT_EQ(refused(index_of(descriptor(R"(,"Platform":{})"))).code, Errc::invalid_document);
  EXPECT_EQ(refused(index_of(descriptor(R"(,"platform":{"OS":"linux"})"))).code,
            Errc::invalid_document);
}

struct BadDescriptor {
  const char* name;
  std::string text;
};

TEST(ImageDocument, RefusesBrokenDescriptors) {
  const std::string digest = R"("digest":")" + sha('1') + "\"";
  const std::string type = R"("mediaType":"application/x")";
  const BadDescriptor cases[] = {
      {"not an object", "7"},
      {"no media type", "{" + digest + R"(,"size":1})"},
      {"empty media type", R"({"mediaType":"",)" + digest + R"(,"size":1})"},
      {"no digest", "{" + type + R"(,"size":1})"},
      {"a digest with a path", "{" + type + R"(,"digest":"sha256:../../x","size":1})"},
      {"an upper-case digest",
       "{" + type + R"(,"digest":"sha256:)" + std::string(64, 'A') + R"(","size":1})"},
      {"no size", "{" + type + "," + digest + "}"},
      {"a negative size", "{" + type + "," + digest + R"(,"size":-1})"},
      {"a size of 0", "{" + type + "," + digest + R"(,"size":0})"},
      {"a size as text", "{" + type + "," + digest + R"(,"size":"1"})"},
      {"a size with a fraction", "{" + type + "," + digest + R"(,"size":1.5})"},
      {"a size beyond 63 bits", "{" + type + "," + digest + R"(,"size":9223372036854775808})"},
      {"a platform that is text",
       "{" + type + "," + digest + R"(,"size":1,"platform":"linux/arm64"})"},
      {"an annotation that is no text",
       "{" + type + "," + digest + R"(,"size":1,"annotations":{"a":1}})"},
  };
  for (const BadDescriptor& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(refused(index_of(c.text)).code, Errc::invalid_document);
    EXPECT_EQ(refused(manifest_of(c.text, "")).code, Errc::invalid_document);
    EXPECT_EQ(refused(manifest_of(descriptor(), c.text)).code, Errc::invalid_document);
  }
  const std::string md5 =
      "{" + type + R"(,"digest":"md5:00000000000000000000000000000000","size":1})";
  EXPECT_EQ(refused(index_of(md5)).code, Errc::unsupported);
  EXPECT_NE(refused(index_of(md5)).message.find("$.manifests[0].digest"), std::string::npos);
}

TEST(ImageDocument, RefusesSchema1) {
  EXPECT_EQ(refused(R"({"schemaVersion":1,"fsLayers":[],"history":[]})").code, Errc::unsupported);
  EXPECT_EQ(refused(R"({"schemaVersion":1,"manifests":[]})").code, Errc::unsupported);
  EXPECT_EQ(refused(index_of(""), "text/plain; charset=utf-8").code, Errc::unsupported);
  EXPECT_EQ(refused(index_of(""), "application/vnd.docker.distribution.manifest.v1+prettyjws").code,
            Errc::unsupported);
  EXPECT_EQ(refused(R"({"schemaVersion":3,"manifests":[]})").code, Errc::invalid_document);
  EXPECT_EQ(refused(R"({"manifests":[]})").code, Errc::invalid_document);
}

TEST(ImageDocument, SaysThatAWebPageIsNoRegistry) {
  EXPECT_EQ(refused("<!DOCTYPE html>", "text/html; charset=utf-8").code, Errc::not_a_registry);
}

TEST(ImageDocument, RefusesOtherDocuments) {
  EXPECT_EQ(refused("[]").code, Errc::invalid_document);
  EXPECT_EQ(refused("null").code, Errc::invalid_document);
  EXPECT_EQ(refused(R"({"errors":[{"code":"UNKNOWN"}]})").code, Errc::invalid_document);
  EXPECT_EQ(refused(R"({"schemaVersion":2})").code, Errc::invalid_document);
  EXPECT_EQ(refused(R"({"schemaVersion":2,"manifests":null})").code, Errc::invalid_document);
  EXPECT_EQ(refused(R"({"schemaVersion":2,"manifests":{}})").code, Errc::invalid_document);
  EXPECT_EQ(refused(R"({"schemaVersion":2,"layers":[]})").code, Errc::invalid_document);
  EXPECT_EQ(refused(index_of(""), "application/vnd.cncf.helm.config.v1+json").code,
            Errc::unsupported);
}

TEST(ImageDocument, KeepsItsLimits) {
  std::string entries = descriptor();
  for (int i = 1; i < 1000; ++i) entries += "," + descriptor();
  EXPECT_TRUE(parse_image_document(index_of(entries), kIndexType));
  EXPECT_EQ(refused(index_of(entries + "," + descriptor())).code, Errc::too_large);
  EXPECT_EQ(refused(manifest_of(descriptor(), entries)).code, Errc::too_large);
  EXPECT_EQ(refused(index_of("") + std::string(4'393'217, ' ')).code, Errc::too_large);
}

TEST(Attestation, IsKnownByItsAnnotationOrPlatform) {
  Descriptor entry{"x", *Digest::parse(sha('1')), 1, {}, {}};
  EXPECT_FALSE(is_attestation(entry));
  entry.platform = Platform{"unknown", "unknown", "", "", {}};
  EXPECT_TRUE(is_attestation(entry));
  entry.platform = Platform{"linux", "arm64", "", "", {}};
  EXPECT_FALSE(is_attestation(entry));
  entry.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  EXPECT_TRUE(is_attestation(entry));
}

TEST(LayerTypes, AreKnown) {
  EXPECT_TRUE(media_type::is_layer("application/vnd.oci.image.layer.v1.tar+zstd"));
  EXPECT_TRUE(media_type::is_layer("application/vnd.docker.image.rootfs.diff.tar.gzip"));
  EXPECT_TRUE(media_type::is_layer("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"));
  EXPECT_FALSE(media_type::is_layer("application/vnd.in-toto+json"));
  EXPECT_FALSE(media_type::is_layer(""));
}

TEST(ImageConfig, ReadsWhatRunningNeeds) {
  const auto config = parse_image_config(
      R"({"architecture":"arm64","os":"linux","variant":"v8","created":"2026-01-02T03:04:05Z",)"
      R"("config":{"Entrypoint":["/a","b"],"Cmd":["c"],"Env":["PATH=/bin"],"User":"1:2","WorkingDir":"/w",)"
      R"("StopSignal":"SIGINT","Labels":{"x":"y"}},"rootfs":{"type":"layers","diff_ids":[")" +
      sha('a') + R"("]},"history":[{"created_by":"x"}]})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->platform, (Platform{"linux", "arm64", "v8", "", {}}));
  EXPECT_EQ(config->entrypoint, (std::vector<std::string>{"/a", "b"}));
  EXPECT_EQ(config->cmd, std::vector<std::string>{"c"});
  EXPECT_EQ(config->env, std::vector<std::string>{"PATH=/bin"});
  EXPECT_EQ(config->user, "1:2");
  EXPECT_EQ(config->working_dir, "/w");
  EXPECT_EQ(config->stop_signal, "SIGINT");
  ASSERT_EQ(config->diff_ids.size(), 1U);
}

TEST(ImageConfig, TakesAnAbsentOrNullConfig) {
  const std::string rootfs = R"("rootfs":{"type":"layers","diff_ids":[]})";
  EXPECT_TRUE(parse_image_config("{" + rootfs + "}"));
  EXPECT_TRUE(parse_image_config(R"({"config":null,)" + rootfs + "}"));
  const auto nulls =
      parse_image_config(R"({"config":{"Entrypoint":null,"Cmd":null,"Env":null},)" + rootfs + "}");
  ASSERT_TRUE(nulls);
  EXPECT_TRUE(nulls->entrypoint.empty() && nulls->cmd.empty() && nulls->env.empty());
}

TEST(ImageConfig, ReadsLabelsAndPortsAndPassesOverWhatIsOddInThem) {
  const std::string rootfs = R"("rootfs":{"type":"layers","diff_ids":[]})";
  const auto config = parse_image_config(
      R"({"config":{"Labels":{"a":"1","b":2},"ExposedPorts":{"80/tcp":{},"443/tcp":{}}},)" +
      rootfs + "}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->labels, (std::map<std::string, std::string>{{"a", "1"}}));
  EXPECT_EQ(config->exposed_ports, (std::vector<std::string>{"443/tcp", "80/tcp"}));
  EXPECT_TRUE(
      parse_image_config(R"({"config":{"Labels":null,"ExposedPorts":null},)" + rootfs + "}"));
  EXPECT_TRUE(parse_image_config(R"({"config":{"Labels":[],"ExposedPorts":"x"},)" + rootfs + "}"));
}

std::optional<Healthcheck> healthcheck(const std::string& keys) {
  const auto config = parse_image_config(R"({"config":{)" + keys +
                                         R"(},"rootfs":{"type":"layers","diff_ids":[]}})");
  EXPECT_TRUE(config) << keys;
  return config ? config->healthcheck : std::nullopt;
}

TEST(ImageConfig, ReadsDockersHealthcheck) {
  using std::chrono::milliseconds;
  const auto plain = healthcheck(R"("Healthcheck":{"Test":["CMD","/check","-q"]})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->command, (std::vector<std::string>{"/check", "-q"}));
  EXPECT_EQ(plain->interval, milliseconds(30000));
  EXPECT_EQ(plain->timeout, milliseconds(30000));
  EXPECT_EQ(plain->start_period, milliseconds(0));
  EXPECT_EQ(plain->retries, 3U);
  const auto all = healthcheck(
      R"("Healthcheck":{"Test":["CMD-SHELL","curl -f localhost || exit 1"],"Interval":5000000000,)"
      R"("Timeout":1,"StartPeriod":2000000,"StartInterval":0,"Retries":7})");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->command,
            (std::vector<std::string>{"/bin/sh", "-c", "curl -f localhost || exit 1"}));
  EXPECT_EQ(all->interval, milliseconds(5000));
  EXPECT_EQ(all->timeout, milliseconds(1));
  EXPECT_EQ(all->start_period, milliseconds(2));
  EXPECT_EQ(all->retries, 7U);
  EXPECT_EQ(all->problem, "");
  const auto shell = healthcheck(
      R"("Shell":["/bin/bash","-ec"],"Healthcheck":{"Test":["CMD-SHELL","x"],"Retries":0})");
  ASSERT_TRUE(shell);
  EXPECT_EQ(shell->command, (std::vector<std::string>{"/bin/bash", "-ec", "x"}));
  EXPECT_EQ(shell->retries, 3U);
}

TEST(ImageConfig, KnowsAHealthcheckThatIsNone) {
  for (const char* keys :
       {"", R"("Healthcheck":null)", R"("Healthcheck":{})", R"("Healthcheck":{"Test":null})",
        R"("Healthcheck":{"Test":[]})", R"("Healthcheck":{"Test":["NONE"]})"}) {
    EXPECT_FALSE(healthcheck(keys)) << keys;
  }
}

TEST(ImageConfig, AnOddHealthcheckIsNoErrorAndSaysWhatIsWrong) {
  struct Odd {
    const char *keys, *why;
  };
  for (const auto& [keys, why] : {
           Odd{R"({"Test":"curl"})", "$.config.Healthcheck.Test: expected an array"},
           Odd{R"({"Test":["CMD"]})", "neither [\"NONE\"]"},
           Odd{R"({"Test":["CMD",""]})", "no program"},
           Odd{R"({"Test":["CMD-SHELL","a","b"]})", "neither [\"NONE\"]"},
           Odd{R"({"Test":["curl","-f"]})", "neither [\"NONE\"]"},
           Odd{R"({"Test":["CMD","a"],"Interval":"5s"})", "$.config.Healthcheck.Interval"},
           Odd{R"({"Test":["CMD","a"],"Timeout":-1})", "a negative duration"},
           Odd{R"({"Test":["CMD","a"],"Retries":-1})", "no sensible number"},
       }) {
    const auto check = healthcheck(R"("Healthcheck":)" + std::string(keys));
    ASSERT_TRUE(check) << keys;
    EXPECT_NE(check->problem.find(why), std::string::npos) << check->problem;
    EXPECT_TRUE(check->command.empty());
  }
}

TEST(ImageConfig, ReadsVolumes) {
  const auto config = parse_image_config(
      R"({"config":{"Volumes":{"/var/b":{},"/a":{}}},"rootfs":{"type":"layers","diff_ids":[]}})");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->volumes, (std::vector<std::string>{"/a", "/var/b"}));
}

TEST(ImageConfig, RefusesWhatBreaksItsSpecification) {
  const std::string rootfs = R"("rootfs":{"type":"layers","diff_ids":[]})";
  const std::string cases[] = {
      "{}",
      "[]",
      R"({"rootfs":null})",
      R"({"rootfs":{"type":"layers"}})",
      R"({"rootfs":{"type":"windows","diff_ids":[]}})",
      R"({"rootfs":{"type":"layers","diff_ids":["sha256:1"]}})",
      R"({"rootfs":{"type":"layers","diff_ids":[],"Diff_ids":[]}})",
      R"({"config":{"Entrypoint":"/bin/sh -c x"},)" + rootfs + "}",
      R"({"config":{"Entrypoint":[1]},)" + rootfs + "}",
      R"({"config":{"entrypoint":["/evil"]},)" + rootfs + "}",
      R"({"config":{"Env":["A=\u0000"]},)" + rootfs + "}",
      R"({"config":{"Cmd":["a"],"Cmd":["b"]},)" + rootfs + "}",
      R"({"Config":{},)" + rootfs + "}",
      R"({"Architecture":"arm64",)" + rootfs + "}",
      R"({"architecture":7,)" + rootfs + "}",
  };
  for (const std::string& text : cases) {
    const auto config = parse_image_config(text);
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, Errc::invalid_document) << text;
  }
}

// image-spec config.md#layer-chainid
TEST(ChainIds, HashTheChainBelowWithTheNextDiffId) {
  const std::vector<Digest> diff_ids = {*Digest::parse(sha('a')), *Digest::parse(sha('b')),
                                        *Digest::parse(sha('c'))};
  const auto chain = chain_ids(diff_ids);
  ASSERT_EQ(chain.size(), 3U);
  EXPECT_EQ(chain[0], diff_ids[0]);
  EXPECT_EQ(chain[1], hash_of(as_bytes(sha('a') + " " + sha('b'))));
  EXPECT_EQ(chain[2], hash_of(as_bytes(chain[1].str() + " " + sha('c'))));
  EXPECT_TRUE(chain_ids({}).empty());
}

}  // namespace
}  // namespace nodeproof
