#include "tests/unit/registry/fixture.hpp"

namespace nodeproof::registry {
namespace {

class TagHead : public HttpRegistryTest {
 protected:
  static fakes::ScriptedAnswer says(std::string digest) {
    return {.headers = {{"docker-content-digest", std::move(digest)},
                        {"ratelimit-limit", "100;w=21600"},
                        {"ratelimit-remaining", "12;w=21600"}},
            .body = {},
            .broken = {}};
  }
  const std::string digest_ = "sha256:" + std::string(64, 'a');
};

TEST_F(TagHead, IsOneHeadThatAsksForEveryKindOfDocument) {
  http.answer(kTagUrl, {says(digest_)});
  HttpRegistry registry = make();
  EXPECT_EQ(registry.rate_limit(app), std::nullopt);
  const auto said = registry.ask_digest(app, {});
  ASSERT_TRUE(said && *said);
  EXPECT_EQ((**said).str(), digest_);
  ASSERT_EQ(http.requests().size(), 1U);
  EXPECT_EQ(http.requests()[0].method, "HEAD");
  EXPECT_NE(http.sent_header(0, "Accept").find("image.index.v1+json, "), std::string::npos);
  EXPECT_EQ(registry.rate_limit(app), (RateLimit{100, 12, std::chrono::hours(6)}));
  EXPECT_EQ(registry.rate_limit(reference("other.example/app:1")), std::nullopt);
}

TEST_F(TagHead, DoesNotSayWhatTheRegistryDoesNotSayOrNotSoThatItCanBeCompared) {
  http.answer(kTagUrl, {status(200), says("sha256:short"), says("sha512:" + std::string(128, 'a')),
                        status(405), status(500)});
  HttpRegistry registry = make();
  for (int i = 0; i < 5; ++i) {
    const auto said = registry.ask_digest(app, {});
    ASSERT_TRUE(said) << said.error().message;
    EXPECT_FALSE(*said) << i;
  }
  EXPECT_EQ(http.requests().size(), 5U) << "a GET tells more than another HEAD";
}

TEST_F(TagHead, TellsAnAbsentTagFromARefusalAndFromSilence) {
  http.answer(kTagUrl, {status(404), status(403), broken(Errc::unreachable)});
  HttpRegistry registry = make();
  EXPECT_EQ(registry.ask_digest(app, {}).error().code, Errc::not_found);
  EXPECT_EQ(registry.ask_digest(app, {}).error().code, Errc::unauthorized);
  EXPECT_EQ(registry.ask_digest(app, {}).error().code, Errc::unreachable);
}

}  // namespace
}  // namespace nodeproof::registry
