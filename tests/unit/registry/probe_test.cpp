#include "tests/unit/registry/fixture.hpp"

namespace nodeproof::registry {
namespace {

class ProbeTest : public HttpRegistryTest {
 protected:
  const std::string content = "0123456789abcdefghijABCDEFGHIJ";
  const Descriptor layer = descriptor_of(content, "application/vnd.oci.image.layer.v1.tar+gzip");
  const std::string url = "https://r.example/v2/team/app/blobs/" + layer.digest.str();

  Result<BlobState> probe() { return make().probe(app, layer, {}); }
  static fakes::ScriptedAnswer part(std::string body, std::string range = "bytes 29-29/30") {
    return {.status = 206,
            .headers = {{"content-range", std::move(range)}},
            .body = std::move(body),
            .broken = {}};
  }
  static fakes::ScriptedAnswer stale() {
    auto answer = part("");
    answer.broken = Error{Errc::truncated, "closed before the end", ""};
    return answer;
  }
  static fakes::ScriptedAnswer too_short(std::string range) {
    return {.status = 416,
            .headers = {{"content-range", std::move(range)}},
            .body = "invalid range",
            .broken = Error{Errc::truncated, "closed before the end", ""}};
  }
  static fakes::ScriptedAnswer whole(std::size_t length) {
    return {.headers = {{"content-length", std::to_string(length)}},
            .body = std::string(length, 'x'),
            .broken = {}};
  }
  void expect(std::vector<fakes::ScriptedAnswer> answers, BlobState state) {
    http.answer(url, std::move(answers));
    const auto found = probe();
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(*found, state);
  }
  void expect_error(std::vector<fakes::ScriptedAnswer> answers, Errc code) {
    http.answer(url, std::move(answers));
    const auto found = probe();
    ASSERT_FALSE(found) << static_cast<int>(*found);
    EXPECT_EQ(found.error().code, code) << found.error().message;
  }
};

TEST_F(ProbeTest, TheLastByteInOneRequestProvesIt) {
  expect({part("J")}, BlobState::whole);
  ASSERT_EQ(http.requests().size(), 1U);
  EXPECT_EQ(http.sent_header(0, "Range"), "bytes=29-29");
  expect({part("J", "bytes 29-29/*")}, BlobState::whole);
}

TEST_F(ProbeTest, ABlobOfOneByteHasALastByteToo) {
  const Descriptor one = descriptor_of("1", "application/vnd.oci.image.layer.v1.tar");
  http.answer("https://r.example/v2/team/app/blobs/" + one.digest.str(),
              {part("1", "bytes 0-0/1")});
  EXPECT_EQ(make().probe(app, one, {}).value_or(BlobState::missing), BlobState::whole);
}

TEST_F(ProbeTest, AnAnswerWithoutTheByteIsAStaleCacheWhenItComesTwice) {
  expect({stale()}, BlobState::stale_cache);
  EXPECT_EQ(http.requests().size(), 2U);
  expect({part("")}, BlobState::stale_cache);
}

TEST_F(ProbeTest, AConnectionThatBreaksOffOnceIsNoStaleCache) {
  expect({stale(), part("J")}, BlobState::whole);
}

TEST_F(ProbeTest, AResetBehindTheHeaderTellsNothing) {
  auto reset = part("");
  reset.broken = Error{Errc::unreachable, "reset", ""};
  expect_error({reset}, Errc::unreachable);
}

TEST_F(ProbeTest, A416WithASmallerLengthIsATruncatedBlob) {
  expect({too_short("bytes */12")}, BlobState::truncated);
  EXPECT_EQ(http.requests().size(), 1U);
  expect({too_short("bytes */0")}, BlobState::truncated);
}

TEST_F(ProbeTest, A416ThatSaysNothingTellsNothing) {
  for (const char* range : {"bytes */30", "bytes */99", "bytes */x", "*/3", ""}) {
    expect_error({too_short(range)}, Errc::server_error);
  }
}

TEST_F(ProbeTest, A404IsAMissingBlobUnlessItIsAWebPage) {
  expect({status(404)}, BlobState::missing);
  expect_error(
      {{.status = 404, .headers = {{"content-type", "text/html"}}, .body = "<html>", .broken = {}}},
      Errc::not_a_registry);
}

TEST_F(ProbeTest, AWholeAnswerIsNotReadAndProvesOnlyALength) {
  expect({whole(30)}, BlobState::announced);
  expect({whole(29)}, BlobState::truncated);
  expect_error({whole(31)}, Errc::digest_mismatch);
  auto chunked = whole(30);
  chunked.headers.clear();
  expect({chunked}, BlobState::announced);
}

TEST_F(ProbeTest, MoreBytesThanItShouldHaveAreWrongOnes) {
  expect_error({part("J", "bytes 29-29/31")}, Errc::digest_mismatch);
}

TEST_F(ProbeTest, AnotherRangeThanAskedForProvesNothing) {
  for (const char* range :
       {"bytes 28-29/30", "bytes 29-29/12", "bytes 9-29/30", "bytes 29-29/", "29-29/30", ""}) {
    expect_error({part("J", range)}, Errc::server_error);
  }
  expect_error({part("JJ")}, Errc::server_error);
}

TEST_F(ProbeTest, WhatIsNotKnownIsAnError) {
  expect_error({status(401)}, Errc::unauthorized);
  expect_error({status(403)}, Errc::unauthorized);
  expect_error({status(429)}, Errc::throttled);
  expect_error({status(500)}, Errc::server_error);
  expect_error({broken(Errc::timeout)}, Errc::timeout);
  expect_error({broken(Errc::untrusted)}, Errc::untrusted);
}

TEST_F(ProbeTest, A403FromTheStorageBehindTheRegistryIsNotKnownAndNotTheAccountsFault) {
  http.answer("https://s3.example/x", {status(403)});
  http.answer(url, {redirect("https://s3.example/x")});
  const auto found = probe();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::unauthorized);
  EXPECT_NE(found.error().remedy.find("storage"), std::string::npos);
}

TEST_F(ProbeTest, ErrorsNameTheBlobAndWhatPassesIsTriedAgain) {
  http.answer(url, {status(503), broken(Errc::unreachable), part("J")});
  EXPECT_TRUE(probe());
  http.answer(url, {status(503)});
  const auto failed = probe();
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find(layer.digest.str()), std::string::npos);
}

TEST_F(ProbeTest, FollowsTheRedirectWithTheRange) {
  http.answer(url, {redirect("https://s3.example/x?sig=1")});
  http.answer("https://s3.example/x?sig=1", {part("J")});
  EXPECT_EQ(probe().value_or(BlobState::missing), BlobState::whole);
  EXPECT_EQ(http.sent_header(1, "Range"), "bytes=29-29");
}

TEST_F(ProbeTest, AnEmptyBlobHasNoLastByte) {
  const Descriptor empty = descriptor_of("", "application/vnd.oci.image.layer.v1.tar");
  EXPECT_EQ(make().probe(app, empty, {}).error().code, Errc::internal);
  EXPECT_TRUE(http.requests().empty());
}

TEST_F(ProbeTest, ReturnsWhenItIsStopped) {
  std::stop_source source;
  source.request_stop();
  http.answer(url, {broken(Errc::unreachable)});
  EXPECT_FALSE(make().probe(app, layer, source.get_token()));
}

constexpr const char* kParserError =
    R"({"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"Offset":12}}]})";

TEST_F(HttpRegistryTest, AManifestThatTheRegistryItselfCannotReadIsCorruptAndOnlyAfterRetries) {
  http.answer(kTagUrl, {status(500, kParserError)});
  const auto found = make().manifest(app, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::corrupt) << found.error().message;
  EXPECT_NE(found.error().message.find("r.example/team/app:1"), std::string::npos);
  EXPECT_EQ(http.requests().size(), 3U);
  http.answer(kTagUrl, {status(500, kParserError), index_answer()});
  EXPECT_TRUE(make().manifest(app, {}));
}

TEST_F(HttpRegistryTest, AnyOther500IsTheServersFault) {
  for (const char* body : {"", "oops", R"({"errors":[{"code":"UNKNOWN","detail":{}}]})",
                           R"({"errors":[{"code":"DENIED","detail":{"Offset":1}}]})",
                           R"({"errors":[{"code":"UNKNOWN","detail":"Offset"}]})"}) {
    http.answer(kTagUrl, {status(500, body)});
    EXPECT_EQ(make().manifest(app, {}).error().code, Errc::server_error) << body;
  }
  http.answer(kTagUrl, {status(500, kParserError), broken(Errc::unreachable)});
  EXPECT_EQ(make().manifest(app, {}).error().code, Errc::unreachable);
}

}  // namespace
}  // namespace nodeproof::registry
