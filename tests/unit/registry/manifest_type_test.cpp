#include "agent/registry/manifest_type.hpp"

#include <gtest/gtest.h>

#include "common/oci.hpp"

namespace nodeproof::registry {
namespace {

constexpr std::string_view kIndexBody = R"({"schemaVersion":2,"manifests":[]})";
constexpr std::string_view kManifestBody = R"({"schemaVersion":2,"config":{},"layers":[]})";

TEST(ManifestMediaType, BelievesAPlainHeader) {
  for (const auto type : {media_type::kOciIndex, media_type::kOciManifest, media_type::kDockerList,
                          media_type::kDockerManifest}) {
    EXPECT_EQ(manifest_media_type(type, kIndexBody), std::string(type));
  }
}

TEST(ManifestMediaType, ReadsTheDocumentWhenTheHeaderIsGenericOrAbsent) {
  for (const char* type : {"", "application/json", "application/octet-stream", "text/plain"}) {
    EXPECT_EQ(manifest_media_type(type, kIndexBody), std::string(media_type::kOciIndex)) << type;
    EXPECT_EQ(manifest_media_type(type, kManifestBody), std::string(media_type::kOciManifest))
        << type;
    const std::string named =
        R"({"mediaType":")" + std::string(media_type::kDockerList) + R"(","manifests":[]})";
    EXPECT_EQ(manifest_media_type(type, named), std::string(media_type::kDockerList)) << type;
  }
}

struct RefusedCase {
  std::string name, type, body;
  Errc code;
};

class Refused : public testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, WithACodeThatSaysWhy) {
  const auto type = manifest_media_type(GetParam().type, GetParam().body);
  ASSERT_FALSE(type) << *type;
  EXPECT_EQ(type.error().code, GetParam().code) << type.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    ManifestMediaType, Refused,
    testing::Values(
        RefusedCase{"WebPage", "text/html", "<!DOCTYPE html>", Errc::not_a_registry},
        RefusedCase{"WebPageUnderAnotherName", "application/octet-stream", "\n <html>",
                    Errc::not_a_registry},
        RefusedCase{"Schema1", "application/vnd.docker.distribution.manifest.v1+prettyjws", "{}",
                    Errc::unsupported},
        RefusedCase{"Schema1ByStructure", "text/plain", R"({"schemaVersion":1,"fsLayers":[]})",
                    Errc::unsupported},
        RefusedCase{"Chart", "application/vnd.cncf.helm.config.v1+json", "{}", Errc::unsupported},
        RefusedCase{"OtherMediaType", "application/json", R"({"mediaType":"application/x"})",
                    Errc::unsupported},
        RefusedCase{"EmptyObject", "application/json", "{}", Errc::unsupported},
        RefusedCase{"NoObject", "application/json", "[]", Errc::unsupported},
        RefusedCase{"NoJson", "application/json", "nonsense", Errc::not_a_registry},
        RefusedCase{"Nothing", "", "", Errc::not_a_registry},
        RefusedCase{"StrangeMediaType", "", R"({"mediaType":5})", Errc::invalid_document}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace nodeproof::registry
