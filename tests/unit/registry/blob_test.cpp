#include "tests/unit/registry/fixture.hpp"

namespace nodeproof::registry {
namespace {

class BlobTest : public HttpRegistryTest {
 protected:
  const std::string content = "0123456789abcdefghijABCDEFGHIJ";
  const Descriptor layer = descriptor_of(content, "application/vnd.oci.image.layer.v1.tar+gzip");
  const std::string url = "https://r.example/v2/team/app/blobs/" + layer.digest.str();

  Result<> fetch(std::uint64_t offset = 0) {
    return make().blob(app, layer, offset,
                       [&](Bytes bytes) -> Result<> {
                         got += as_text(bytes);
                         return {};
                       },
                       {});
  }
  static fakes::ScriptedAnswer whole(const std::string& body) {
    return {
        .headers = {{"content-length", std::to_string(body.size())}}, .body = body, .broken = {}};
  }
  static fakes::ScriptedAnswer cut(fakes::ScriptedAnswer answer, std::size_t bytes,
                                   Errc code = Errc::truncated) {
    answer.body.resize(bytes);
    answer.broken = Error{code, "broke off", ""};
    return answer;
  }
  [[nodiscard]] fakes::ScriptedAnswer part(std::size_t from, std::string range = {}) const {
    if (range.empty()) {
      range = "bytes " + std::to_string(from) + "-" + std::to_string(content.size() - 1) + "/" +
              std::to_string(content.size());
    }
    return {.status = 206,
            .headers = {{"content-range", range}},
            .body = content.substr(from),
            .broken = {}};
  }
  std::string got;
};

TEST_F(BlobTest, StreamsAWholeBlobWithoutARange) {
  http.answer(url, {whole(content)});
  const auto done = fetch();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(got, content);
  EXPECT_EQ(http.sent_header(0, "Range"), "");
  EXPECT_TRUE(http.requests().front().http1_only);
}

TEST_F(BlobTest, StreamsTheRestFromAnOffset) {
  http.answer(url, {part(10)});
  ASSERT_TRUE(fetch(10));
  EXPECT_EQ(got, content.substr(10));
  EXPECT_EQ(http.sent_header(0, "Range"), "bytes=10-");
}

TEST_F(BlobTest, AsksForNothingWhenAllIsThere) {
  ASSERT_TRUE(fetch(content.size()));
  EXPECT_TRUE(http.requests().empty());
  EXPECT_EQ(fetch(content.size() + 1).error().code, Errc::internal);
}

TEST_F(BlobTest, GoesOnWhereItBrokeOff) {
  http.answer(url, {cut(whole(content), 7), cut(part(7), 5), part(12)});
  const auto done = fetch();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(got, content);
  EXPECT_EQ(http.sent_header(1, "Range"), "bytes=7-");
  EXPECT_EQ(http.sent_header(2, "Range"), "bytes=12-");
}

TEST_F(BlobTest, SkipsWhatItHasWhenTheRangeIsIgnored) {
  http.answer(url, {cut(whole(content), 7), whole(content)});
  ASSERT_TRUE(fetch());
  EXPECT_EQ(got, content);
  got.clear();
  http.answer(url, {whole(content)});
  ASSERT_TRUE(fetch(23));
  EXPECT_EQ(got, content.substr(23));
}

TEST_F(BlobTest, AShortAnswerThatSeemedWholeIsCompleted) {
  auto short_answer = whole(content);
  short_answer.headers.clear();  // chunked: no length
  short_answer.body.resize(11);
  http.answer(url, {short_answer, part(11)});
  ASSERT_TRUE(fetch());
  EXPECT_EQ(got, content);
}

TEST_F(BlobTest, GivesUpOnABlobThatStaysShort) {
  auto short_answer = whole(content);
  short_answer.headers.clear();
  short_answer.body.resize(11);
  http.answer(url, {short_answer});
  const auto done = fetch();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::truncated);
  EXPECT_NE(done.error().message.find("11 of 30 bytes"), std::string::npos) << done.error().message;
  EXPECT_NE(done.error().message.find(layer.digest.str()), std::string::npos);
  EXPECT_EQ(got, content.substr(0, 11)) << "no byte twice";
}

TEST_F(BlobTest, AResetBehindTheLastByteHurtsNobody) {
  http.answer(url, {cut(whole(content), content.size())});
  EXPECT_TRUE(fetch());
  EXPECT_EQ(got, content);
  EXPECT_EQ(http.requests().size(), 1U);
}

TEST_F(BlobTest, RefusesAnotherRangeBeforeAnyByteIsPassedOn) {
  for (const char* range : {"bytes 9-29/30", "bytes 11-29/30", "bytes 10-29/31", "bytes 10-30/*",
                            "bytes 10-9/30", "bytes */30", "10-29/30", "bytes x-29/30", ""}) {
    got.clear();
    auto answer = part(10, range);
    if (std::string_view(range).empty()) answer.headers.clear();
    http.answer(url, {answer});
    const auto done = fetch(10);
    ASSERT_FALSE(done) << range;
    EXPECT_EQ(done.error().code, Errc::server_error);
    EXPECT_EQ(got, "");
  }
  http.answer(url, {part(10, "bytes 10-29/*")});
  EXPECT_TRUE(fetch(10));
}

TEST_F(BlobTest, RefusesAPartThatWasNotAskedFor) {
  http.answer(url, {part(0)});
  EXPECT_EQ(fetch().error().code, Errc::server_error);
}

TEST_F(BlobTest, ALengthOtherThanTheManifestsIsDamage) {
  http.answer(url, {whole(content + "more")});
  EXPECT_EQ(fetch().error().code, Errc::digest_mismatch);
  EXPECT_EQ(got, "");
  auto endless = whole(content + "more");
  endless.headers.clear();
  http.answer(url, {endless});
  EXPECT_EQ(fetch().error().code, Errc::digest_mismatch);
  EXPECT_LE(got.size(), content.size());
}

TEST_F(BlobTest, ARegistryThatHasLessSaysSoWith416) {
  http.answer(url, {status(416)});
  EXPECT_EQ(fetch(10).error().code, Errc::truncated);
}

TEST_F(BlobTest, AWebPageIsNoLayer) {
  http.answer(url, {{.headers = {{"content-type", "text/html"}}, .body = "<html>", .broken = {}}});
  EXPECT_EQ(fetch().error().code, Errc::not_a_registry);
}

TEST_F(BlobTest, TheSinksErrorEndsItAtOnce) {
  http.answer(url, {whole(content)});
  const auto done = make().blob(
      app, layer, 0,
      [](Bytes) -> Result<> { return fail(Errc::unreachable, "containerd went away"); }, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error(), (Error{Errc::unreachable, "containerd went away", ""}));
  EXPECT_EQ(http.requests().size(), 1U);
}

TEST_F(BlobTest, ResumesAtTheRegistryAndNotAtTheOldRedirect) {
  http.answer(url,
              {redirect("https://cdn.example/x?sig=1"), redirect("https://cdn.example/x?sig=2")});
  http.answer("https://cdn.example/x?sig=1", {cut(whole(content), 7)});
  http.answer("https://cdn.example/x?sig=2", {part(7)});
  ASSERT_TRUE(fetch());
  EXPECT_EQ(got, content);
  EXPECT_EQ(http.sent_header(3, "Range"), "bytes=7-");
}

TEST_F(BlobTest, ATokenThatEndsInTheMiddleIsRenewedForTheSameRange) {
  const std::string bearer = R"(Bearer realm="https://auth.example/t")";
  http.answer(url, {challenged(bearer), cut(whole(content), 7), challenged(bearer), part(7)});
  http.answer("https://auth.example/t?scope=repository%3Ateam%2Fapp%3Apull",
              {{.headers = {}, .body = R"({"token":"1"})", .broken = {}},
               {.headers = {}, .body = R"({"token":"2"})", .broken = {}}});
  const auto done = fetch();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(got, content);
  EXPECT_EQ(http.sent_header(5, "Range"), "bytes=7-");
  EXPECT_EQ(http.sent_header(5, "Authorization"), "Bearer 2");
}

TEST_F(BlobTest, ProgressRenewsTheAttempts) {
  const std::string big(6 << 20, 'z');
  const Descriptor descriptor = descriptor_of(big, "application/vnd.oci.image.layer.v1.tar");
  const std::string big_url = "https://r.example/v2/team/app/blobs/" + descriptor.digest.str();
  std::vector<fakes::ScriptedAnswer> answers;
  for (std::size_t at = 0; at < big.size(); at += 1 << 20) {
    fakes::ScriptedAnswer answer{
        .headers = {}, .body = big.substr(at, 1 << 20), .broken = Error{Errc::truncated, "", ""}};
    if (at > 0) {
      answer.status = 206;
      answer.headers = {{"content-range", "bytes " + std::to_string(at) + "-" +
                                              std::to_string(big.size() - 1) + "/*"}};
    }
    answers.push_back(answer);
  }
  http.answer(big_url, answers);
  std::uint64_t bytes = 0;
  const auto done = make().blob(app, descriptor, 0,
                                [&](Bytes piece) -> Result<> {
                                  bytes += piece.size();
                                  return {};
                                },
                                {});
  EXPECT_TRUE(done);
  EXPECT_EQ(bytes, big.size());
}

TEST_F(BlobTest, AnEmptyBlobIsAnAnswerToo) {
  const Descriptor empty = descriptor_of("", "application/vnd.oci.image.layer.v1.tar");
  http.answer("https://r.example/v2/team/app/blobs/" + empty.digest.str(), {whole("")});
  const auto take = [](Bytes) -> Result<> { return {}; };
  EXPECT_TRUE(make().blob(app, empty, 0, take, {}));
  http.answer("https://r.example/v2/team/app/blobs/" + empty.digest.str(),
              {broken(Errc::unreachable)});
  EXPECT_FALSE(make().blob(app, empty, 0, take, {}));
}

}  // namespace
}  // namespace nodeproof::registry
