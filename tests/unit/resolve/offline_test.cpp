#include <gtest/gtest.h>

#include "agent/resolve/local_first.hpp"
#include "agent/resolve/resolve.hpp"
#include "tests/fakes/fake_image.hpp"
#include "tests/fakes/fake_image_store.hpp"

namespace nodeproof::resolve {
namespace {

class Offline : public ::testing::Test {
 protected:
  Offline() {
    HostFacts host;
    host.platform = {"linux", "arm64", "v8", "", {}};
    push_index(registry_, {push_image(registry_, FakeImage{})}, "registry.test/app:1");
    online_ = resolve(registry_, reference_, host, {});
    for (const std::string* bytes :
         {&online_->index_bytes, &online_->manifest_bytes, &online_->config_bytes}) {
      store_.add_blob(*bytes);
    }
    proven_ = {
        reference_.name(), online_->index, online_->manifest, "key", "2026-11-21T10:00:00Z", {}};
  }
  Result<ResolvedImage> run() { return resolve_offline(*proven_, reference_, store_, {}); }

  Reference reference_ = *Reference::parse("registry.test/app:1");
  FakeRegistry registry_;
  FakeImageStore store_;
  Result<ResolvedImage> online_ = fail(Errc::internal, "not resolved yet");
  std::optional<ProvenImage> proven_;
};

TEST_F(Offline, RebuildsWhatTheRegistrySaid) {
  const auto image = run();
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->index, online_->index);
  EXPECT_EQ(image->index_bytes, online_->index_bytes);
  EXPECT_EQ(image->manifest, online_->manifest);
  EXPECT_EQ(image->manifest_bytes, online_->manifest_bytes);
  EXPECT_EQ(image->document, online_->document);
  EXPECT_EQ(image->config_bytes, online_->config_bytes);
  EXPECT_EQ(image->config, online_->config);
  EXPECT_EQ(image->available, online_->available);
  EXPECT_NE(image->choice.find("2026-11-21T10:00:00Z"), std::string::npos);
}

TEST_F(Offline, NeedsEveryDocument) {
  for (const Digest& digest :
       {online_->index->digest, online_->manifest.digest, online_->document.config.digest}) {
    store_.remove_blob(digest);
    EXPECT_EQ(run().error().code, Errc::not_found) << digest.str();
    for (const std::string* bytes :
         {&online_->index_bytes, &online_->manifest_bytes, &online_->config_bytes}) {
      store_.add_blob(*bytes);
    }
  }
  EXPECT_TRUE(run());
}

TEST_F(Offline, DoesNotBelieveRottenBytes) {
  std::string bytes = online_->manifest_bytes;
  bytes.back() = ' ';
  store_.replace_bytes(online_->manifest.digest, bytes);
  EXPECT_EQ(run().error().code, Errc::digest_mismatch);
}

TEST_F(Offline, DoesNotTakeAnIndexForAManifest) {
  proven_->manifest = *online_->index;
  EXPECT_EQ(run().error().code, Errc::invalid_document);
}

TEST_F(Offline, WhatIsInTheStoreIsNotFetchedAgain) {
  LocalFirstRegistry local(registry_, store_);
  HostFacts host;
  host.platform = {"linux", "arm64", "v8", "", {}};
  const unsigned before = registry_.requests();
  ASSERT_TRUE(resolve(local, reference_, host, {}));
  EXPECT_EQ(registry_.requests(), before + 1) << "only the tag";
  store_.replace_bytes(online_->manifest.digest, std::string(online_->manifest.size, ' '));
  ASSERT_TRUE(resolve(local, reference_, host, {}));
  EXPECT_EQ(registry_.requests(), before + 3) << "the tag, and the manifest that rotted";
}

}  // namespace
}  // namespace nodeproof::resolve
