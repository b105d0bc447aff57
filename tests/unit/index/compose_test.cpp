#include "agent/index/compose.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "agent/codes.hpp"
#include "common/crypto.hpp"

namespace nodeproof::index {
namespace {

using testing::TestWithParam;

std::string digest(const std::string& name) { return hash_of(as_bytes(name)).str(); }

// "linux/arm64 a": an entry of that platform whose manifest is called a; "attests a x": the
// attestation x of a; "- n": no platform. A word more is the media type's family: docker.
std::string entry_json(const std::string& text) {
  std::istringstream words(text);
  std::string first, second, third;
  words >> first >> second >> third;
  std::string json = "{\"mediaType\": \"";
  json += third == "docker" ? media_type::kDockerManifest : media_type::kOciManifest;
  json += "\",\"size\":7,\"digest\":\"" + digest(first == "attests" ? third : second) + "\"";
  if (first == "attests") {
    json +=
        R"(,"platform":{"architecture":"unknown","os":"unknown"},"annotations":{)"
        R"("vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":")" +
        digest(second) + "\"}";
  } else if (first != "-") {
    const auto slash = first.find('/');
    const auto variant = first.find('/', slash + 1);
    json += R"(,"platform":{"os":")" + first.substr(0, slash) + R"(","architecture":")" +
            first.substr(slash + 1, variant - slash - 1) + "\"";
    if (variant != std::string::npos) json += R"(,"variant":")" + first.substr(variant + 1) + "\"";
    json += "}";
  }
  return json + R"(, "x-unknown" : [1.50, "\u0041"]})";
}

ComposeDocument document(std::string name, std::string bytes, std::string_view type) {
  const Digest own = hash_of(as_bytes(bytes));
  const std::uint64_t size = bytes.size();
  return {.name = std::move(name),
          .document = {{std::string(type), own, size, {}, {}}, std::move(bytes)},
          .platforms = {}};
}

std::string index_text(const std::vector<std::string>& entries, const std::string& more = {}) {
  std::string text = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",)";
  text += "\n  \"manifests\":[";
  for (const auto& entry : entries) {
    if (!text.ends_with('[')) text += " , ";
    text += entry_json(entry);
  }
  return text + "]" + more + "}";
}

ComposeDocument index_of(std::string name, const std::vector<std::string>& entries,
                         const std::string& more = {}) {
  return document(std::move(name), index_text(entries, more), media_type::kOciIndex);
}

// A single manifest called `id` for the platform of its config.
ComposeDocument single(std::string name, const std::string& id, const std::string& platform,
                       std::string_view type = media_type::kOciManifest) {
  ComposeDocument made = document(std::move(name),
                                  R"({"schemaVersion":2,"mediaType":")" + std::string(type) +
                                      R"(","config":{"mediaType":"c",)" + R"("size":1,"digest":")" +
                                      digest("config") + R"("},"layers":[]})",
                                  type);
  made.document.descriptor.digest = *Digest::parse(digest(id));
  made.platforms[digest(id)] = *parse_platform(platform);
  return made;
}

// The result in the notation above, attestations as "attests a x".
std::string told(const Composition& made) {
  std::map<std::string, std::string> names;
  for (const char* name : {"a", "b", "c", "d", "e", "n", "w", "x", "y", "z"}) {
    names[digest(name)] = name;
  }
  std::string text;
  for (const ComposedEntry& entry : made.entries) {
    if (!text.empty()) text += ", ";
    const std::string name = names[entry.descriptor.digest.str()];
    if (entry.attestation) {
      text += "attests " + names[entry.descriptor.annotations.at("vnd.docker.reference.digest")] +
              " " + name;
    } else {
      text += (entry.platform.empty() ? "-" : entry.platform) + " " + name;
    }
  }
  return text;
}

struct Case {
  std::string name;
  std::vector<std::string> tag;  // empty: there is none
  std::vector<std::vector<std::string>> sources;
  std::string result;        // or the code of the refusal
  std::string options = {};  // "drop=linux/arm64 duplicates only"
};

ComposeOptions options_of(const std::string& text) {
  ComposeOptions options;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word.starts_with("drop=")) options.drop.push_back(*parse_platform(word.substr(5)));
    if (word == "duplicates") options.keep_duplicates = true;
    if (word == "only") options.only_sources = true;
  }
  return options;
}

void PrintTo(const Case& item, std::ostream* out) { *out << item.name; }

class ComposeCase : public TestWithParam<Case> {};

TEST_P(ComposeCase, GivesThisIndex) {
  const Case& item = GetParam();
  std::optional<ComposeDocument> tag;
  if (!item.tag.empty()) tag = index_of("r/app:1", item.tag);
  std::vector<ComposeDocument> sources;
  for (const auto& source : item.sources) {
    sources.push_back(index_of("r/app:s" + std::to_string(sources.size() + 1), source));
  }
  const auto made = compose(tag, sources, options_of(item.options));
  ASSERT_TRUE(made) << made.error().message;
  if (!made->refused()) {
    EXPECT_EQ(told(*made), item.result);
    const auto parsed =
        parse_image_document(made->document.bytes, made->document.descriptor.media_type);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(std::get<Index>(*parsed).manifests.size(), made->entries.size());
    EXPECT_EQ(hash_of(as_bytes(made->document.bytes)), made->document.descriptor.digest);
    // The same once more changes nothing.
    const ComposeDocument next{.name = "r/app:1", .document = made->document, .platforms = {}};
    ComposeOptions same = options_of(item.options);
    same.drop.clear();
    if (item.options.starts_with("drop=")) return;
    const auto again = compose(next, sources, same);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->document.bytes, made->document.bytes);
  } else {
    EXPECT_EQ(made->findings.front().code, item.result) << made->findings.front().message;
    EXPECT_FALSE(made->findings.front().remedy.empty());
  }
}

const std::vector<std::string> kBoth = {"linux/amd64 a", "linux/arm64/v8 b"};
const std::vector<std::string> kAttested = {"linux/amd64 a", "attests a x", "linux/arm64 b",
                                            "attests b y"};

INSTANTIATE_TEST_SUITE_P(
    Table, ComposeCase,
    testing::Values(
        Case{"a platform takes the place of its predecessor",
             kBoth,
             {{"linux/amd64 c"}},
             "linux/amd64 c, linux/arm64 b"},
        Case{"the second one too", kBoth, {{"linux/arm64 c"}}, "linux/amd64 a, linux/arm64 c"},
        Case{"spellings of one platform are one",
             kBoth,
             {{"Linux/aarch64/v8 c"}},
             "linux/amd64 a, linux/arm64 c"},
        Case{"variants are platforms of their own",
             {"linux/arm/v6 a", "linux/arm b"},
             {{"linux/arm/v7 c"}},
             "linux/arm/v6 a, linux/arm/v7 c"},
        Case{"a new platform comes last",
             kBoth,
             {{"linux/riscv64 c"}},
             "linux/amd64 a, linux/arm64 b, linux/riscv64 c"},
        Case{"a new platform comes before attestations that close the index",
             {"linux/amd64 a", "attests a x"},
             {{"linux/arm64 b"}},
             "linux/amd64 a, linux/arm64 b, attests a x"},
        Case{"no tag yet: the sources in their order",
             {},
             {{"linux/arm64 b"}, {"linux/amd64 a"}},
             "linux/arm64 b, linux/amd64 a"},
        Case{"nothing new is nothing new",
             kBoth,
             {{"linux/amd64 a"}},
             "linux/amd64 a, linux/arm64 b"},
        Case{"an attestation leaves with its image",
             kAttested,
             {{"linux/amd64 c"}},
             "linux/amd64 c, linux/arm64 b, attests b y"},
        Case{"and gives its place to the new one's",
             kAttested,
             {{"linux/amd64 c", "attests c z"}},
             "linux/amd64 c, attests c z, linux/arm64 b, attests b y"},
        Case{"a new platform brings its attestations",
             kBoth,
             {{"linux/riscv64 c", "attests c x", "attests c y"}},
             "linux/amd64 a, linux/arm64 b, linux/riscv64 c, attests c x, attests c y"},
        Case{"an attestation of what was not taken does not come",
             kBoth,
             {{"linux/amd64 c", "attests d x"}},
             "linux/amd64 c, linux/arm64 b"},
        Case{"an orphan does not stay",
             {"linux/amd64 a", "attests d x"},
             {{"linux/arm64 b"}},
             "linux/amd64 a, linux/arm64 b"},
        Case{"two sources for one platform are refused",
             kBoth,
             {{"linux/amd64 c"}, {"linux/amd64 d"}},
             "PlatformAmbiguous"},
        Case{"the same manifest from two sources is one",
             kBoth,
             {{"linux/amd64 c"}, {"linux/amd64 c"}},
             "linux/amd64 c, linux/arm64 b"},
        Case{"a source that contradicts itself is refused",
             kBoth,
             {{"linux/amd64 c", "linux/amd64/v1 d"}},
             "PlatformAmbiguous"},
        Case{"a tag that contradicts itself is refused",
             {"linux/arm64 a", "linux/arm64/v8 b"},
             {{"linux/amd64 c"}},
             "PlatformAmbiguous"},
        Case{"unless a source decides it",
             {"linux/arm64 a", "linux/arm64/v8 b"},
             {{"linux/arm64 c"}},
             "linux/arm64 c"},
        Case{"a source decides for the second one too",
             {"linux/arm64 a", "linux/arm64/v8 b"},
             {{"linux/arm64 b"}},
             "linux/arm64 b"},
        Case{"duplicates stay where they are wanted",
             {"linux/arm64 a", "linux/arm64/v8 b"},
             {{"linux/amd64 c"}},
             "linux/arm64 a, linux/arm64 b, linux/amd64 c",
             "duplicates"},
        Case{"duplicates of sources stay where they are wanted",
             kBoth,
             {{"linux/amd64 c"}, {"linux/amd64 d"}},
             "linux/amd64 c, linux/amd64 d, linux/arm64 b",
             "duplicates"},
        Case{"a dropped platform goes with its attestations",
             kAttested,
             {{"linux/amd64 c"}},
             "linux/amd64 c",
             "drop=linux/arm64"},
        Case{"a dropped platform does not come from a source",
             {"linux/amd64 a"},
             {{"linux/amd64 c", "linux/arm64 d"}},
             "linux/amd64 c",
             "drop=linux/arm64/v8"},
        Case{"only the sources: a platform would be lost",
             kBoth,
             {{"linux/amd64 c"}},
             "PlatformLost",
             "only"},
        Case{"only the sources: agreed",
             kBoth,
             {{"linux/amd64 c"}},
             "linux/amd64 c",
             "drop=linux/arm64 only"},
        Case{"only the sources: all there, in their order",
             kBoth,
             {{"linux/arm64 c"}, {"linux/amd64 d"}},
             "linux/arm64 c, linux/amd64 d",
             "only"},
        Case{"entries without a platform are kept",
             {"linux/amd64 a", "- n"},
             {{"linux/amd64 c"}},
             "linux/amd64 c, - n"}));

TEST(Compose, KeepsEveryByteOfADescriptor) {
  const auto made =
      compose(index_of("r/app:1", kBoth), {index_of("r/app:s", {"linux/amd64 c"})}, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->document.bytes,
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",)"
            R"("manifests":[)" +
                entry_json("linux/amd64 c") + "," + entry_json("linux/arm64/v8 b") + "]}");
}

TEST(Compose, LeavesAnIndexAloneInWhichNothingChanges) {
  const auto tag = index_of("r/app:1", kBoth, R"( , "annotations" : {"k":"v"} )");
  const auto made = compose(tag, {index_of("r/app:s", {"linux/amd64 a"})}, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->document.bytes, tag.document.bytes);
  EXPECT_EQ(made->changes.front().change, Change::kept);
}

TEST(Compose, TakesASourceAsItIsWhereNothingElseIs) {
  const auto source = index_of("r/app:s", kAttested, R"(,"annotations":{"k":"v"})");
  const auto made = compose(std::nullopt, {source}, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->document.bytes, source.document.bytes);
}

TEST(Compose, KeepsTheTagsOwnAnnotations) {
  const auto made = compose(index_of("r/app:1", kBoth, R"(,"annotations":{ "k":"v"})"),
                            {index_of("r/app:s", {"linux/amd64 c"})}, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->document.bytes.ends_with(R"(],"annotations":{ "k":"v"}})"))
      << made->document.bytes;
}

TEST(Compose, WrapsASingleManifestWithThePlatformOfItsConfig) {
  const auto made = compose(single("r/app:1", "a", "linux/amd64"),
                            {single("r/app@b", "b", "linux/arm64/v8")}, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(told(*made), "linux/amd64 a, linux/arm64 b");
  EXPECT_NE(made->document.bytes.find(R"("platform":{"architecture":"arm64","os":"linux"}})"),
            std::string::npos)
      << made->document.bytes;
  EXPECT_EQ(made->document.descriptor.media_type, media_type::kOciIndex);
  EXPECT_EQ(made->changes[0].change, Change::kept);
  EXPECT_EQ(made->changes[1].change, Change::added);
  EXPECT_EQ(made->changes[1].source, "r/app@b");
}

TEST(Compose, AManifestThatTheTagListsIsForThePlatformThatTheTagSays) {
  const auto made = compose(index_of("r/app:1", {"linux/arm/v6 a"}),
                            {single("r/app@a", "a", "linux/arm/v7")}, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(told(*made), "linux/arm/v6 a");
}

TEST(Compose, ASingleManifestThatStaysAloneStaysWhatItIs) {
  const auto tag = single("r/app:1", "a", "linux/amd64");
  const auto made = compose(tag, {tag}, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->document.bytes, tag.document.bytes);
}

TEST(Compose, AnEntryThatNamesNoPlatformIsForItsConfigs) {
  auto tag = index_of("r/app:1", {"- a", "linux/amd64 b"});
  tag.platforms[digest("a")] = *parse_platform("linux/arm64");
  const auto made = compose(tag, {index_of("r/app:s", {"linux/arm64 c"})}, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(told(*made), "linux/arm64 c, linux/amd64 b");
}

TEST(Compose, DockersManifestsAloneMakeDockersList) {
  const auto docker = single("r/app:1", "a", "linux/amd64", media_type::kDockerManifest);
  const auto made =
      compose(docker, {single("r/app@b", "b", "linux/arm64", media_type::kDockerManifest)}, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->document.descriptor.media_type, media_type::kDockerList);
  EXPECT_TRUE(made->findings.empty());
  const auto mixed = compose(docker, {single("r/app@b", "b", "linux/arm64")}, {});
  ASSERT_TRUE(mixed) << mixed.error().message;
  EXPECT_EQ(mixed->document.descriptor.media_type, media_type::kOciIndex);
  ASSERT_EQ(mixed->findings.size(), 1U);
  EXPECT_EQ(mixed->findings[0].code, code::kMixedMediaTypes);
  EXPECT_FALSE(mixed->refused());
}

TEST(Compose, TellsWhatChanges) {
  const auto made = compose(index_of("r/app:1", {"linux/amd64 a", "attests a x", "linux/arm64 b"}),
                            {index_of("r/app:s", {"linux/amd64 c", "linux/riscv64 d"})},
                            options_of("drop=linux/arm64"));
  ASSERT_TRUE(made) << made.error().message;
  const std::vector<EntryChange> expected = {
      {Change::replaced, "linux/amd64", false, digest("a"), digest("c"), "r/app:s"},
      {Change::added, "linux/riscv64", false, "", digest("d"), "r/app:s"},
      {Change::removed, "linux/amd64", true, digest("x"), "", ""},
      {Change::removed, "linux/arm64", false, digest("b"), "", ""}};
  EXPECT_EQ(made->changes, expected);
}

TEST(Compose, RefusesWhatItCannotKeep) {
  auto tag = index_of("r/app:1", kBoth, ",\"subject\":" + entry_json("- a"));
  const auto attached = compose(tag, {index_of("r/app:s", {"linux/amd64 c"})}, {});
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, Errc::unsupported);
  const auto nobody = compose(index_of("r/app:1", kBoth), {index_of("r/app:s", {"linux/amd64 c"})},
                              options_of("drop=linux/s390x"));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Errc::usage);
  const auto unknown = single("r/app:a", "a", "unknown/unknown");
  ASSERT_FALSE(compose(std::nullopt, {unknown}, {}));
  auto silent = single("r/app:a", "a", "linux/amd64");
  silent.platforms.clear();
  EXPECT_EQ(compose(std::nullopt, {silent}, {}).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace nodeproof::index
