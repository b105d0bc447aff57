#include "agent/registry/layered_registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_image.hpp"
#include "tests/fakes/fake_registry.hpp"

namespace nodeproof::registry {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kApp = "r.example/app:1";
const Error kDown{Errc::unreachable, "r.example: connection refused", "start it"};

class Layered : public testing::Test {
 protected:
  static Reference app(std::string_view text = kApp) { return *Reference::parse(text); }
  static Descriptor push(FakeRegistry& to, const std::string& content) {
    FakeImage image;
    image.layers = {{content, "", "application/vnd.oci.image.layer.v1.tar"}};
    return push_index(to, {push_image(to, image)}, kApp);
  }
  std::string read(const Descriptor& blob, Result<>& result, std::uint64_t offset = 0) {
    std::string bytes;
    result = layered.blob(app(), blob, offset,
                          [&](Bytes piece) -> Result<> {
                            bytes += as_text(piece);
                            return {};
                          },
                          {});
    return bytes;
  }
  FakeRegistry sources, remote;
  LayeredRegistry layered{sources, remote};
};

TEST_F(Layered, ATagIsTheRegistrysWord) {
  push(sources, "old");
  const Descriptor latest = push(remote, "new");
  const auto found = layered.manifest(app(), {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->descriptor.digest, latest.digest);
  EXPECT_FALSE(found->unconfirmed);
}

TEST_F(Layered, ATagThatTheRegistryDoesNotHaveIsNotThere) {
  push(sources, "old");
  const auto found = layered.manifest(app(), {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::not_found);
}

TEST_F(Layered, ASilentRegistryLeavesTheWordToTheSourcesUnconfirmed) {
  const Descriptor image = push(sources, "old");
  remote.fail_with(app().name(), kDown);
  const auto found = layered.manifest(app(), {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->descriptor.digest, image.digest);
  ASSERT_TRUE(found->unconfirmed);
  EXPECT_EQ(*found->unconfirmed, kDown);
}

TEST_F(Layered, AHostThatCannotBeReachedIsAskedForNoSecondTag) {
  push(sources, "old");
  remote.fail_with(app().name(), kDown);
  EXPECT_TRUE(layered.manifest(app(), {}));
  EXPECT_TRUE(layered.manifest(app(), {}));
  EXPECT_EQ(remote.requests(app().name()), 1U);
}

TEST_F(Layered, WhatTheSourcesLackIsAskedForAllTheSame) {
  push(sources, "old");
  remote.fail_with(app().name(), kDown);
  EXPECT_TRUE(layered.manifest(app(), {}));
  const Reference other = app("r.example/mirrored:1");
  FakeImage image;
  image.layers = {{"layer", "", "application/vnd.oci.image.layer.v1.tar"}};
  push_index(remote, {push_image(remote, image)}, other.name());
  const auto found = layered.manifest(other, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->unconfirmed);
}

TEST_F(Layered, WhenNeitherKnowsTheTagBothAreHeard) {
  remote.fail_with(app().name(), kDown);
  const auto found = layered.manifest(app(), {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::unreachable);
  EXPECT_THAT(found.error().message, AllOf(HasSubstr("connection refused"), HasSubstr("sources")));
}

TEST_F(Layered, ADigestIsTakenFromTheSourcesWithoutAQuestion) {
  const Descriptor image = push(sources, "one");
  push(remote, "one");
  EXPECT_TRUE(layered.manifest(app("r.example/app@" + image.digest.str()), {}));
  EXPECT_TRUE(layered.child(app(), image, {}));
  const Descriptor blob = sources.add("bytes", "application/vnd.oci.image.layer.v1.tar");
  remote.add("bytes", blob.media_type);
  Result<> result;
  EXPECT_EQ(read(blob, result), "bytes");
  EXPECT_EQ(layered.probe(app(), blob, {}), BlobState::whole);
  EXPECT_EQ(remote.requests(), 0U);
}

TEST_F(Layered, WhatTheSourcesLackComesFromTheRegistry) {
  const Descriptor image = push(remote, "one");
  EXPECT_TRUE(layered.manifest(app("r.example/app@" + image.digest.str()), {}));
  EXPECT_TRUE(layered.child(app(), image, {}));
  const Descriptor blob = remote.add("bytes", "application/vnd.oci.image.layer.v1.tar");
  Result<> result;
  EXPECT_EQ(read(blob, result, 2), "tes");
  EXPECT_TRUE(result);
  EXPECT_EQ(layered.probe(app(), blob, {}), BlobState::whole);
}

TEST_F(Layered, ASourceThatBreaksOffIsGoneOnWithByTheRegistry) {
  const Descriptor blob = sources.add("0123456789", "application/vnd.oci.image.layer.v1.tar");
  remote.add("0123456789", blob.media_type);
  sources.break_off(blob.digest, 4);
  Result<> result;
  EXPECT_EQ(read(blob, result), "0123456789");
  EXPECT_TRUE(result);
  EXPECT_EQ(remote.blob_bytes_sent(), 6U);
}

TEST_F(Layered, ASinksErrorIsNoReasonToAskTheRegistry) {
  const Descriptor blob = sources.add("0123456789", "application/vnd.oci.image.layer.v1.tar");
  remote.add("0123456789", blob.media_type);
  const auto result = layered.blob(
      app(), blob, 0, [](Bytes) -> Result<> { return fail(Errc::no_space, "full"); }, {});
  EXPECT_EQ(result.error().code, Errc::no_space);
  EXPECT_EQ(remote.requests(), 0U);
}

TEST_F(Layered, DamageInASourceIsToldWhenTheRegistryCannotMendIt) {
  const Descriptor blob = sources.add("0123456789", "application/vnd.oci.image.layer.v1.tar");
  sources.fail_with(blob.digest.str(), {Errc::digest_mismatch, "stick: damaged", "copy it again"});
  remote.fail_with(blob.digest.str(), {Errc::unreachable, "connection refused", ""});
  Result<> result;
  read(blob, result);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::unreachable);
  EXPECT_THAT(result.error().message, HasSubstr("stick: damaged"));
  EXPECT_EQ(result.error().remedy, "copy it again");
}

}  // namespace
}  // namespace nodeproof::registry
