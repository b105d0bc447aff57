#include "agent/registry/layout_registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/fakes/layout_writer.hpp"
#include "tests/fakes/tar_writer.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::registry {
namespace {

namespace fs = std::filesystem;
using fakes::LayoutWriter;
using testing::AllOf;
using testing::HasSubstr;
using Names = std::map<std::string, std::string>;

constexpr const char* kFull = "io.containerd.image.name";
constexpr const char* kRef = "org.opencontainers.image.ref.name";

Reference image_ref(std::string_view text) { return *Reference::parse(text); }

class Layouts : public testing::Test {
 protected:
  const fs::path& home() const { return folder_.path(); }
  void save(const std::string& name, std::string_view bytes) const {
    std::ofstream(home() / name, std::ios::binary) << bytes;
  }
  LayoutRegistry& open(std::vector<Reference> asked = {}) {
    return open_at(home() / "l", std::move(asked));
  }
  LayoutRegistry& open_at(const fs::path& path, std::vector<Reference> asked = {}) {
    registry_ = std::make_unique<LayoutRegistry>(std::vector{path}, std::move(asked));
    return *registry_;
  }
  // In the tar "l" and beside it, the same as a folder.
  LayoutRegistry& written() {
    layout.to_folder(home() / "l");
    return open();
  }
  Descriptor put(const std::string& content, Names names) {
    FakeImage image;
    image.layers = {{content, "", "application/vnd.oci.image.layer.v1.tar"}};
    const Descriptor made = layout.image(image);
    layout.entry(made, std::move(names));
    return made;
  }
  fs::path file_of(const Descriptor& blob) const {
    return home() / "l" / LayoutWriter::path_of(blob.digest);
  }
  static Error error_of(LayoutRegistry& registry, std::string_view name) {
    const auto found = registry.manifest(image_ref(name), {});
    EXPECT_FALSE(found);
    return found ? Error{} : found.error();
  }

  LayoutWriter layout;

 private:
  const fakes::TempFolder folder_;
  std::unique_ptr<LayoutRegistry> registry_;
};

// ---- which entry is the image
// -------------------------------------------------------------------------------------------
struct NameCase {
  const char* tool;
  Names names;
  const char* asked;
  bool found;
};

class LayoutNames : public Layouts, public testing::WithParamInterface<NameCase> {};

TEST_P(LayoutNames, AreMatchedStrictly) {
  const NameCase& c = GetParam();
  const Descriptor image = put("one", c.names);
  put("two", {{kFull, "docker.io/library/other:9"}, {kRef, "9"}});
  const auto found = written().manifest(image_ref(c.asked), {});
  ASSERT_EQ(found.has_value(), c.found) << (found ? "" : found.error().message);
  if (found) EXPECT_EQ(found->descriptor.digest, image.digest);
}

const std::string kSomeDigest = "sha256:" + std::string(64, 'a');

INSTANTIATE_TEST_SUITE_P(
    OfTools, LayoutNames,
    testing::Values(
        NameCase{"skopeo_oci", {{kRef, "1"}}, "r.example/app:1", true},
        NameCase{"skopeo_full", {{kRef, "r.example/app:1"}}, "r.example/app:1", true},
        NameCase{"podman", {{kRef, "docker.io/library/app:1"}}, "app:1", true},
        NameCase{"short_name", {{kRef, "app:1"}}, "docker.io/library/app:1", true},
        NameCase{"ctr", {{kFull, "r.example/app:1"}, {kRef, "1"}}, "r.example/app:1", true},
        NameCase{"another_repository",
                 {{kFull, "r.example/app:1"}, {kRef, "1"}},
                 "r.example/other:1",
                 false},
        NameCase{"another_tag", {{kRef, "1"}}, "r.example/app:2", false},
        NameCase{"another_registry", {{kRef, "r.example/app:1"}}, "other.example/app:1", false},
        NameCase{"no_name", {}, "r.example/app:1", false},
        NameCase{"tag_is_no_suffix", {{kRef, "app:1"}}, "r.example/x/app:1", false},
        NameCase{"ctr_by_digest", {{kRef, "@sha256:x"}}, "r.example/app:1", false},
        NameCase{"latest", {{kRef, "latest"}}, "r.example/app", true}),
    [](const auto& test) { return test.param.tool; });

TEST_F(Layouts, ThatSayOnlyATagTwiceAreAmbiguous) {
  put("one", {{kRef, "1"}});
  put("two", {{kRef, "1"}});
  const Error error = error_of(written(), "app:1");
  EXPECT_EQ(error.code, Errc::not_found);
  EXPECT_THAT(error.message, HasSubstr("more than once"));
  EXPECT_THAT(error.remedy, HasSubstr("@sha256:"));
}

TEST_F(Layouts, OneImageUnderTwoNamesIsOneImage) {
  const Descriptor image = put("one", {{kRef, "1"}});
  layout.entry(image, {{kRef, "1"}});
  EXPECT_TRUE(written().manifest(image_ref("app:1"), {}));
}

TEST_F(Layouts, ATagAloneIsRefusedWhenTwoRequiredImagesHaveIt) {
  put("one", {{kRef, "1"}});
  layout.to_folder(home() / "l");
  auto& registry = open({image_ref("app:1"), image_ref("other:1")});
  const Error error = error_of(registry, "app:1");
  EXPECT_EQ(error.code, Errc::not_found);
  EXPECT_THAT(error.message, HasSubstr("more than one required image"));
  auto& alone = open({image_ref("app:1"), image_ref("other:2"), image_ref("app:1")});
  EXPECT_TRUE(alone.manifest(image_ref("app:1"), {}));
}

TEST_F(Layouts, AWholeNameGoesBeforeATagAlone) {
  put("tag", {{kRef, "1"}});
  const Descriptor named = put("named", {{kFull, "docker.io/library/app:1"}});
  EXPECT_EQ(written().manifest(image_ref("app:1"), {})->descriptor.digest, named.digest);
}

TEST_F(Layouts, ADigestIsFoundInTheIndexAndBesideIt) {
  const Descriptor first = put("one", {{kRef, "x"}});
  const Descriptor inner = layout.image({});
  auto& registry = written();
  for (const Descriptor& image : {first, inner}) {
    const auto found = registry.manifest(image_ref("app@" + image.digest.str()), {});
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->descriptor.digest, image.digest);
    EXPECT_EQ(found->descriptor.media_type, media_type::kOciManifest);
    EXPECT_EQ(found->descriptor.size, image.size);
  }
}

TEST_F(Layouts, WhatIsNotThereIsAnsweredWithWhatIs) {
  put("one", {{kFull, "r.example/app:1"}});
  put("two", {{kRef, "7"}});
  put("three", {});
  const Error error = error_of(written(), "r.example/app:2");
  EXPECT_EQ(error.code, Errc::not_found);
  EXPECT_THAT(error.message, AllOf(HasSubstr("r.example/app:2"), HasSubstr((home() / "l").string()),
                                   HasSubstr("r.example/app:1"), HasSubstr("the tag 7"),
                                   HasSubstr("without a name")));
  EXPECT_THAT(error.remedy, HasSubstr("skopeo copy"));
}

// ---- bytes
// ---------------------------------------------------------------------------------------------------------------
TEST_F(Layouts, AnImageIsReadFromATarToo) {
  const Descriptor image = put("content of a layer", {{kRef, "app:1"}});
  save("l", layout.tar());
  auto& registry = open();
  const auto found = registry.manifest(image_ref("app:1"), {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->descriptor.digest, image.digest);
  const auto document = parse_image_document(found->bytes, found->descriptor.media_type);
  const Descriptor& layer = std::get<Manifest>(*document).layers[0];
  std::string read;
  const auto sent = registry.blob(image_ref("app:1"), layer, 11,
                                  [&](Bytes bytes) -> Result<> {
                                    read += as_text(bytes);
                                    return {};
                                  },
                                  {});
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(read, "a layer");
  EXPECT_EQ(registry.probe(image_ref("app:1"), layer, {}), BlobState::whole);
}

struct Damage {
  const char* name;
  void (*make)(const fs::path& file, const std::string& bytes);
  Errc code;
  const char* says;
};

void overwrite(const fs::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

const std::vector<Damage> kDamages = {
    {"missing", [](const fs::path& f, const std::string&) { fs::remove(f); }, Errc::not_found,
     "no such file"},
    {"empty", [](const fs::path& f, const std::string&) { overwrite(f, ""); },
     Errc::digest_mismatch, "it has 0 bytes"},
    {"truncated", [](const fs::path& f, const std::string& b) { overwrite(f, b.substr(1)); },
     Errc::digest_mismatch, "bytes instead of"},
    {"longer", [](const fs::path& f, const std::string& b) { overwrite(f, b + "x"); },
     Errc::digest_mismatch, "bytes instead of"},
    {"other", [](const fs::path& f, const std::string& b) { overwrite(f, "?" + b.substr(1)); },
     Errc::digest_mismatch, ""},
    {"link_out",
     [](const fs::path& f, const std::string& b) {
       const fs::path out = f.parent_path().parent_path().parent_path().parent_path() / "outside";
       overwrite(out, b);
       fs::remove(f);
       fs::create_symlink(out, f);
     },
     Errc::unsupported, "leads out"},
    {"link_up",
     [](const fs::path& f, const std::string& b) {
       overwrite(f.parent_path().parent_path().parent_path().parent_path() / "outside", b);
       fs::remove(f);
       fs::create_symlink("../../../outside", f);
     },
     Errc::unsupported, "leads out"},
    {"fifo",
     [](const fs::path& f, const std::string&) {
       fs::remove(f);
       ASSERT_EQ(mkfifo(f.c_str(), 0600), 0);
     },
     Errc::unsupported, "no regular file"},
    {"folder",
     [](const fs::path& f, const std::string&) {
       fs::remove(f);
       fs::create_directory(f);
     },
     Errc::unsupported, "no regular file"}};

class DamagedLayout : public Layouts, public testing::WithParamInterface<Damage> {};

TEST_P(DamagedLayout, IsNamedWithItsFileForADocument) {
  const Damage& damage = GetParam();
  const Descriptor image = put("one", {{kRef, "app:1"}});
  put("two", {{kRef, "good:1"}});
  auto& registry = written();
  damage.make(file_of(image), layout.files.at(LayoutWriter::path_of(image.digest)));
  const Error error = error_of(registry, "app:1");
  EXPECT_EQ(error.code, damage.code) << error.message;
  EXPECT_THAT(error.message, AllOf(HasSubstr("docker.io/library/app:1"), HasSubstr(damage.says),
                                   HasSubstr(std::string(image.digest.hex()))));
  EXPECT_FALSE(error.remedy.empty());
  EXPECT_FALSE(registry.child(image_ref("app:1"), image, {}));
  EXPECT_TRUE(registry.manifest(image_ref("good:1"), {})) << "the others are not touched";
}

TEST_P(DamagedLayout, IsNamedWithItsFileForALayer) {
  const Damage& damage = GetParam();
  const std::string content(600'000, 'x');
  const Descriptor layer = layout.blob(content, "application/vnd.oci.image.layer.v1.tar");
  auto& registry = written();
  damage.make(file_of(layer), content);
  std::string read;
  const ByteSink sink = [&](Bytes bytes) -> Result<> {
    read += as_text(bytes);
    return {};
  };
  auto sent = registry.blob(image_ref("app:1"), layer, 0, sink, {});
  if (damage.name == std::string("other")) {
    ASSERT_TRUE(sent) << "as of a registry: the caller hashes";
    EXPECT_EQ(read.size(), content.size());
    sent = registry.blob(image_ref("app:1"), layer, 0, sink, {});
    EXPECT_EQ(read.size(), content.size()) << "nothing more is given";
  }
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, damage.code) << sent.error().message;
  EXPECT_THAT(sent.error().message, AllOf(HasSubstr("docker.io/library/app@" + layer.digest.str()),
                                          HasSubstr(std::string(layer.digest.hex()))));
}

INSTANTIATE_TEST_SUITE_P(Kinds, DamagedLayout, testing::ValuesIn(kDamages),
                         [](const auto& test) { return test.param.name; });

TEST_F(Layouts, ALinkWithinTheLayoutIsFollowed) {
  const Descriptor image = put("one", {{kRef, "app:1"}});
  auto& registry = written();
  fs::rename(file_of(image), home() / "l/blobs/elsewhere");
  fs::create_symlink("../elsewhere", file_of(image));
  EXPECT_TRUE(registry.manifest(image_ref("app:1"), {}));
}

TEST_F(Layouts, AResumedBlobIsHashedFromItsBeginning) {
  const std::string content(600'000, 'x');
  const Descriptor layer = layout.blob(content, "application/vnd.oci.image.layer.v1.tar");
  auto& registry = written();
  overwrite(file_of(layer), "y" + content.substr(1));
  const auto rest = [&](std::size_t& bytes) {
    return registry.blob(image_ref("app:1"), layer, 500'000,
                         [&](Bytes piece) -> Result<> {
                           bytes += piece.size();
                           return {};
                         },
                         {});
  };
  std::size_t first = 0, second = 0;
  EXPECT_TRUE(rest(first));
  EXPECT_EQ(first, 100'000U);
  EXPECT_FALSE(rest(second));
  EXPECT_EQ(second, 0U);
}

TEST_F(Layouts, ASmallBlobIsHashedBeforeItIsGiven) {
  const Descriptor config = layout.blob("config", "application/vnd.oci.image.config.v1+json");
  auto& registry = written();
  overwrite(file_of(config), "Config");
  std::size_t given = 0;
  const auto sent = registry.blob(image_ref("app:1"), config, 0,
                                  [&](Bytes piece) -> Result<> {
                                    given += piece.size();
                                    return {};
                                  },
                                  {});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Errc::digest_mismatch);
  EXPECT_EQ(given, 0U);
}

TEST_F(Layouts, AProbeTellsTheStatesApart) {
  const std::string content = "0123456789";
  const Descriptor layer = layout.blob(content, "application/vnd.oci.image.layer.v1.tar");
  auto& registry = written();
  const auto probe = [&] { return registry.probe(image_ref("app:1"), layer, {}); };
  EXPECT_EQ(probe(), BlobState::whole);
  overwrite(file_of(layer), "012");
  EXPECT_EQ(probe(), BlobState::truncated);
  overwrite(file_of(layer), "");
  EXPECT_EQ(probe(), BlobState::truncated);
  overwrite(file_of(layer), content + "x");
  EXPECT_EQ(probe().error().code, Errc::digest_mismatch);
  fs::remove(file_of(layer));
  EXPECT_EQ(probe(), BlobState::missing);
}

TEST_F(Layouts, AFileThatShrinksWhileItIsReadIsTruncated) {
  const std::string content(1 << 20, 'x');
  const Descriptor layer = layout.blob(content, "application/vnd.oci.image.layer.v1.tar");
  auto& registry = written();
  const auto sent = registry.blob(image_ref("app:1"), layer, 0,
                                  [&](Bytes) -> Result<> {
                                    fs::resize_file(file_of(layer), 10);
                                    return {};
                                  },
                                  {});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Errc::truncated);
  EXPECT_THAT(sent.error().message, HasSubstr(std::string(layer.digest.hex())));
}

TEST_F(Layouts, AStopEndsAStream) {
  const Descriptor layer =
      layout.blob(std::string(1 << 20, 'x'), "application/vnd.oci.image.layer.v1.tar");
  auto& registry = written();
  std::stop_source source;
  std::size_t pieces = 0;
  const auto sent = registry.blob(
      image_ref("app:1"), layer, 0,
      [&](Bytes) -> Result<> {
        ++pieces;
        source.request_stop();
        return {};
      },
      source.get_token());
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Errc::cancelled);
  EXPECT_EQ(pieces, 1U);
}

TEST_F(Layouts, ASinksErrorIsItsOwn) {
  const Descriptor layer = layout.blob("abc", "application/vnd.oci.image.layer.v1.tar");
  const auto sent =
      written().blob(image_ref("app:1"), layer, 0,
                     [](Bytes) -> Result<> { return fail(Errc::no_space, "full"); }, {});
  EXPECT_EQ(sent.error(), (Error{Errc::no_space, "full", ""}));
}

// ---- what is no layout
// ---------------------------------------------------------------------------------------------------
TEST_F(Layouts, APathThatIsNotThereIsUnreachable) {
  const Error error = error_of(open_at(home() / "nothing"), "app:1");
  EXPECT_EQ(error.code, Errc::unreachable);
  EXPECT_THAT(error.message, HasSubstr((home() / "nothing").string() + ": it is not there"));
}

struct Refused {
  const char* name;
  std::string bytes;
  Errc code;
  const char* says;
};

class RefusedTar : public Layouts, public testing::WithParamInterface<Refused> {};

TEST_P(RefusedTar, SaysWhy) {
  save("l", GetParam().bytes);
  const Error error = error_of(open(), "app:1");
  EXPECT_EQ(error.code, GetParam().code) << error.message;
  EXPECT_THAT(error.message, AllOf(HasSubstr((home() / "l").string()), HasSubstr(GetParam().says)));
}

std::string tar_of(const Names& files) {
  fakes::TarWriter writer;
  for (const auto& [name, bytes] : files) writer.file(name, bytes);
  return writer.str();
}

constexpr const char* kMark = R"({"imageLayoutVersion":"1.0.0"})";

std::string index_of(const std::string& json) {
  return tar_of({{"oci-layout", kMark}, {"index.json", json}});
}

std::string deep() {
  return R"({"schemaVersion":2,"manifests":[],"annotations":)" + std::string(2000, '[') +
         std::string(2000, ']') + "}";
}

std::string many() {
  const std::string entry = R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":)"
                            "\"" +
                            kSomeDigest + R"(","size":1})";
  std::string text = R"({"schemaVersion":2,"manifests":[)" + entry;
  for (int i = 0; i < 2000; ++i) text += "," + entry;
  return text + "]}";
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, RefusedTar,
    testing::Values(
        Refused{"docker_save", tar_of({{"manifest.json", "[]"}, {"repositories", "{}"}}),
                Errc::unsupported, "docker save before version 25"},
        Refused{"gzip", fakes::gzip(tar_of({{"oci-layout", kMark}})), Errc::unsupported,
                "compressed"},
        Refused{"zstd", fakes::zstd(tar_of({{"oci-layout", kMark}})), Errc::unsupported,
                "compressed"},
        Refused{"empty", "", Errc::truncated, "empty"},
        Refused{"garbage", std::string(4096, 'x'), Errc::unsupported, "no tar archive"},
        Refused{"text", "a=b", Errc::unsupported, "no tar archive"},
        Refused{"other_tar", tar_of({{"a", "b"}}), Errc::unsupported, "no OCI image layout"},
        Refused{"version", tar_of({{"oci-layout", R"({"imageLayoutVersion":"2.0.0"})"}}),
                Errc::unsupported, "2.0.0"},
        Refused{"mark_no_json", tar_of({{"oci-layout", "x"}}), Errc::invalid_document,
                "oci-layout"},
        Refused{"mark_huge", tar_of({{"oci-layout", std::string(1 << 20, ' ')}}), Errc::too_large,
                "oci-layout"},
        Refused{"no_index", tar_of({{"oci-layout", kMark}}), Errc::not_found, "index.json"},
        Refused{"empty_index", index_of(""), Errc::invalid_document, "index.json"},
        Refused{"deep_index", index_of(deep()), Errc::too_large, "index.json"},
        Refused{"twice_index", index_of(R"({"schemaVersion":2,"manifests":[],"manifests":[]})"),
                Errc::invalid_document, "index.json"},
        Refused{"case_index", index_of(R"({"schemaVersion":2,"manifests":[],"Manifests":[]})"),
                Errc::invalid_document, "index.json"},
        Refused{"many_index", index_of(many()), Errc::too_large, "index.json"},
        Refused{"huge_index", index_of(std::string(5 << 20, ' ')), Errc::too_large, "index.json"},
        Refused{"path_index",
                index_of(R"({"schemaVersion":2,"manifests":[{"mediaType":"application/)"
                         R"(vnd.oci.image.manifest.v1+json","digest":"sha256:../x","size":1}]})"),
                Errc::invalid_document, "index.json"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Layouts, OfAFolderOneThatIsDamagedDoesNotHideTheOthers) {
  put("one", {{kRef, "app:1"}});
  fs::create_directory(home() / "usb");
  layout.to_folder(home() / "usb/good");
  overwrite(home() / "usb/bad.tar", layout.tar().substr(0, 700));
  overwrite(home() / "usb/photo.jpg", "x");
  auto& registry = open_at(home() / "usb");
  EXPECT_TRUE(registry.manifest(image_ref("app:1"), {}));
  const Error error = error_of(registry, "app:2");
  EXPECT_EQ(error.code, Errc::truncated) << error.message;
  EXPECT_THAT(error.message, HasSubstr("bad.tar"));
}

TEST_F(Layouts, AreOfNoUseWhenNothingCouldBeOpened) {
  save("text.tar", "a=b");
  EXPECT_EQ(open_at(home()).usable().error().code, Errc::unsupported);
  save("good.tar", layout.tar());
  EXPECT_TRUE(open_at(home()).usable());
}

TEST_F(Layouts, ABlobDamagedInOneLayoutIsTakenFromAnother) {
  const Descriptor image = put("one", {{kRef, "app:1"}});
  fs::create_directory(home() / "usb");
  layout.to_folder(home() / "usb/a");
  layout.to_folder(home() / "usb/b");
  overwrite(home() / "usb/a" / LayoutWriter::path_of(image.digest), "");
  EXPECT_TRUE(open_at(home() / "usb").manifest(image_ref("app:1"), {}));
}

}  // namespace
}  // namespace nodeproof::registry
