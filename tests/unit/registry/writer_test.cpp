#include <algorithm>

#include "agent/registry/http_registry_writer.hpp"
#include "tests/unit/registry/fixture.hpp"

namespace nodeproof::registry {
namespace {

constexpr const char* kUploads = "https://r.example/v2/team/app/blobs/uploads/";
constexpr const char* kSession = "https://r.example/v2/team/app/blobs/uploads/1?_state=a%2Fb";

class WriterTest : public HttpRegistryTest {
 protected:
  WriterTest() {
    blob.media_type = "application/vnd.oci.image.layer.v1.tar";
    probe_url = "https://r.example/v2/team/app/blobs/" + blob.digest.str();
    const std::string digest = percent_encode(blob.digest.str());
    mount_url = std::string(kUploads) + "?mount=" + digest + "&from=team%2Fother";
    put_url = std::string(kSession) + "&digest=" + digest;
    http.answer(probe_url, {status(404)});
  }

  template <class Action>
  auto write(fakes::Logins logins, Action action) {
    auto registry = make(std::move(logins));
    return action(registry.writer());
  }

  Result<BlobPush> push(const Reference& from, fakes::Logins logins = {}) {
    return write(std::move(logins), [&](HttpRegistryWriter& writer) {
      return writer.push_blob(app, blob, {from, content()}, {});
    });
  }

  BlobContent content() {
    return [this](const ByteSink& sink, const std::stop_token&) -> Result<> {
      ++contents;
      for (std::size_t at = 0; at < given.size(); at += 3) {
        TRY(sink(as_bytes(std::string_view(given).substr(at, 3))));
      }
      return {};
    };
  }

  static fakes::ScriptedAnswer session(std::string location = kSession) {
    return {
        .status = 202, .headers = {{"location", std::move(location)}}, .body = {}, .broken = {}};
  }

  [[nodiscard]] std::vector<std::string> sent() const {
    std::vector<std::string> lines;
    for (const auto& request : http.requests()) lines.push_back(request.method + " " + request.url);
    return lines;
  }

  std::string given = "the bytes of a blob";
  Descriptor blob = descriptor_of(given);
  std::string probe_url, mount_url, put_url;
  int contents = 0;
  const Reference other = reference("r.example/team/other:1");
  const Reference elsewhere = reference("far.example/team/other:1");
};

TEST_F(WriterTest, ABlobThatIsThereIsNotPushed) {
  const std::string last = std::to_string(given.size() - 1);
  http.answer(probe_url, {{.status = 206,
                           .headers = {{"content-range", "bytes " + last + "-" + last + "/" +
                                                             std::to_string(given.size())},
                                       {"content-length", "1"}},
                           .body = "b",
                           .broken = {}}});
  EXPECT_EQ(push(other), BlobPush::present);
  EXPECT_EQ(http.requests().size(), 1U);
}

TEST_F(WriterTest, ABlobOfTheSameRegistryIsMounted) {
  http.answer("POST " + mount_url, {status(201)});
  const std::string last = std::to_string(given.size() - 1);
  http.answer(probe_url, {status(404),
                          {.status = 206,
                           .headers = {{"content-range", "bytes " + last + "-" + last + "/" +
                                                             std::to_string(given.size())},
                                       {"content-length", "1"}},
                           .body = "b",
                           .broken = {}}});
  const auto pushed = push(other);
  ASSERT_TRUE(pushed) << pushed.error().message;
  EXPECT_EQ(*pushed, BlobPush::mounted);
  EXPECT_EQ(contents, 0);
}

TEST_F(WriterTest, AMountThatBringsNothingIsFollowedByAnUpload) {
  http.answer("POST " + mount_url, {status(201)});  // of a blob that was collected
  http.answer(std::string("POST ") + kUploads, {session()});
  http.answer("PUT " + put_url, {status(201)});
  EXPECT_EQ(push(other), BlobPush::uploaded);
}

TEST_F(WriterTest, ASessionInsteadOfAMountTakesTheUpload) {
  http.answer("POST " + mount_url, {session()});
  http.answer("PUT " + put_url, {status(201)});
  const auto pushed = push(other);
  ASSERT_TRUE(pushed) << pushed.error().message;
  EXPECT_EQ(*pushed, BlobPush::uploaded);
  EXPECT_EQ(http.requests().back().body, given);
  EXPECT_EQ(http.sent_header(2, "Content-Type"), "application/octet-stream");
}

TEST_F(WriterTest, ARefusedMountIsTriedWithoutMount) {
  http.answer("POST " + mount_url, {status(401)});
  http.answer(std::string("POST ") + kUploads, {session()});
  http.answer("PUT " + put_url, {status(201)});
  EXPECT_EQ(push(other), BlobPush::uploaded);
}

TEST_F(WriterTest, NothingIsMountedAcrossRegistries) {
  http.answer(std::string("POST ") + kUploads,
              {session("/v2/team/app/blobs/uploads/1?_state=a%2Fb")});
  http.answer("PUT " + put_url, {status(201)});
  EXPECT_EQ(push(elsewhere), BlobPush::uploaded);
}

TEST_F(WriterTest, CredentialsStayWithTheRegistryWhenTheUploadGoesElsewhere) {
  const std::string presigned = "https://store.example/put?X-Sig=a%2Fb&x=1";
  http.answer(std::string("POST ") + kUploads,
              {challenged("Basic realm=\"x\""), session(presigned)});
  const std::string place = presigned + "&digest=" + percent_encode(blob.digest.str());
  http.answer("PUT " + place, {status(201)});
  const auto pushed = push(elsewhere, {{"r.example", fakes::login("ci", "secret")}});
  ASSERT_TRUE(pushed) << pushed.error().message;
  const auto requests = http.requests();
  EXPECT_EQ(requests.back().url, place);
  EXPECT_EQ(http.sent_header(requests.size() - 1, "Authorization"), "");
  EXPECT_NE(http.sent_header(requests.size() - 2, "Authorization"), "");
}

TEST_F(WriterTest, AnUploadIsNotSentWhereItMustNotGo) {
  for (const char* place : {"http://r.example/up", "https://169.254.169.254/up",
                            "https://user:pw@store.example/up", "https://127.0.0.1/up"}) {
    http.answer(std::string("POST ") + kUploads, {session(place)});
    const auto pushed = push(elsewhere);
    ASSERT_FALSE(pushed) << place;
    EXPECT_EQ(pushed.error().code, Errc::untrusted) << pushed.error().message;
    EXPECT_NE(pushed.error().message.find("sends the upload to"), std::string::npos);
    EXPECT_NE(pushed.error().message.find(blob.digest.str()), std::string::npos);
  }
  EXPECT_EQ(contents, 0);
}

TEST_F(WriterTest, AFailedUploadIsGivenUpAndBegunAnew) {
  http.answer(std::string("POST ") + kUploads, {session()});
  http.answer("PUT " + put_url, {status(503), status(201)});
  http.answer(std::string("DELETE ") + kSession, {status(204)});
  EXPECT_EQ(push(elsewhere), BlobPush::uploaded);
  EXPECT_EQ(contents, 2);
  EXPECT_EQ(std::ranges::count(sent(), std::string("DELETE ") + kSession), 1);
}

TEST_F(WriterTest, BytesThatAreNotTheBlobNeverArriveWhole) {
  given = "the bytes of a blub";
  http.answer(std::string("POST ") + kUploads, {session()});
  http.answer(std::string("DELETE ") + kSession, {status(204)});
  const auto pushed = push(elsewhere);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Errc::digest_mismatch) << pushed.error().message;
  for (const auto& line : sent()) EXPECT_FALSE(line.starts_with("PUT ")) << line;
}

TEST_F(WriterTest, ASourceThatFailsIsNamed) {
  http.answer(std::string("POST ") + kUploads, {session()});
  http.answer(std::string("DELETE ") + kSession, {status(204)});
  const auto pushed = write({}, [&](HttpRegistryWriter& writer) {
    const BlobContent broken = [](const ByteSink&, const std::stop_token&) -> Result<> {
      return fail(Errc::not_found, "far.example has no such blob");
    };
    return writer.push_blob(app, blob, {elsewhere, broken}, {});
  });
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Errc::not_found);
  EXPECT_NE(pushed.error().message.find("reading the source: far.example"), std::string::npos);
}

TEST_F(WriterTest, TheScopesForAMountAreAskedForTogether) {
  const std::string bearer = R"(Bearer realm="https://auth.example/t",service="s",scope=")";
  http.answer("POST " + mount_url,
              {challenged(bearer + "repository:team/app:pull,push repository:team/other:pull\""),
               session()});
  http.answer(
      "https://auth.example/t?service=s&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"
      "&scope=repository%3Ateam%2Fother%3Apull",
      {{.headers = {}, .body = R"({"token":"both"})", .broken = {}}});
  http.answer("https://auth.example/t?service=s&scope=repository%3Ateam%2Fapp%3Apull%2Cpush",
              {{.headers = {}, .body = R"({"token":"one"})", .broken = {}}});
  http.answer("PUT " + put_url,
              {challenged(R"(Bearer realm="https://auth.example/t",service="s")"), status(201)});
  const auto pushed = push(other);
  ASSERT_TRUE(pushed) << pushed.error().message;
  EXPECT_EQ(http.sent_header(http.requests().size() - 1, "Authorization"), "Bearer one");
  EXPECT_EQ(http.requests().back().body, given);
}

FetchedManifest document() {
  const std::string bytes = R"({ "schemaVersion":2, "manifests":[] })";
  return {descriptor_of(bytes, media_type::kOciIndex), bytes};
}

TEST_F(WriterTest, AManifestGoesByteForByteUnderItsTagOrDigest) {
  const FetchedManifest index = document();
  const std::string by_digest =
      "https://r.example/v2/team/app/manifests/" + index.descriptor.digest.str();
  http.answer(std::string("PUT ") + kTagUrl, {status(201)});
  http.answer("PUT " + by_digest, {status(201)});
  const auto put = [&](const Reference& where, std::optional<Digest> replaces) {
    return write({}, [&](HttpRegistryWriter& writer) {
      return writer.put_manifest(where, index, replaces, {});
    });
  };
  ASSERT_TRUE(put(reference(app.name_with_digest(index.descriptor.digest)), {}));
  ASSERT_TRUE(put(app, blob.digest));
  EXPECT_EQ(http.requests()[1].body, index.bytes);
  EXPECT_EQ(http.sent_header(1, "Content-Type"), media_type::kOciIndex);
  EXPECT_EQ(http.sent_header(1, "If-Match"), "\"" + blob.digest.str() + "\"");
  EXPECT_EQ(http.sent_header(0, "If-Match"), "");
}

TEST_F(WriterTest, ARefusedManifestSaysWhy) {
  struct Case {
    int status = 0;
    Errc code = Errc::internal;
    std::size_t requests = 1;
  };
  for (const Case& item : {Case{400, Errc::invalid_document}, Case{403, Errc::unauthorized},
                           Case{404, Errc::not_found}, Case{405, Errc::unsupported},
                           Case{412, Errc::busy}, Case{500, Errc::server_error, 3}}) {
    fakes::ScriptedHttp fresh;
    fresh.answer(std::string("PUT ") + kTagUrl,
                 {status(item.status, R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]})")});
    fakes::DirectRegistry registry(fresh, clock, {.retry = kAtOnce});
    const auto put = registry.writer().put_manifest(app, document(), {}, {});
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, item.code) << put.error().message;
    EXPECT_NE(put.error().message.find("r.example/team/app:1"), std::string::npos);
    EXPECT_NE(put.error().message.find("MANIFEST_BLOB_UNKNOWN"), std::string::npos);
    EXPECT_EQ(fresh.requests().size(), item.requests);
  }
}

TEST_F(WriterTest, ARegistryThatStoresSomethingElseIsNotBelieved) {
  http.answer(std::string("PUT ") + kTagUrl,
              {{.status = 201,
                .headers = {{"docker-content-digest", blob.digest.str()}},
                .body = {},
                .broken = {}}});
  const auto put = write(
      {}, [&](HttpRegistryWriter& writer) { return writer.put_manifest(app, document(), {}, {}); });
  ASSERT_FALSE(put);
  EXPECT_NE(put.error().message.find("stored it as"), std::string::npos);
}

TEST_F(WriterTest, TellsWhatATagNamesNow) {
  http.answer(kTagUrl, {index_answer(), status(404)});
  const auto ask = [&] {
    return write({}, [&](HttpRegistryWriter& writer) { return writer.tag_digest(app, {}); });
  };
  EXPECT_EQ(ask().value(), hash_of(as_bytes(kIndex)));
  EXPECT_EQ(ask().value(), std::nullopt);
  http.answer(kTagUrl, {status(403)});
  EXPECT_EQ(ask().error().code, Errc::unauthorized);
}

TEST_F(WriterTest, DeletesATagOrSaysThatTheRegistryDoesNot) {
  const auto remove = [&](int answered) {
    http.answer(std::string("DELETE ") + kTagUrl, {status(answered)});
    return write({}, [&](HttpRegistryWriter& writer) { return writer.remove(app, {}); });
  };
  EXPECT_TRUE(remove(202));
  EXPECT_EQ(remove(404).error().code, Errc::not_found);
  EXPECT_EQ(remove(405).error().code, Errc::unsupported);
  EXPECT_EQ(remove(400).error().code, Errc::unsupported);  // registry:2
}

}  // namespace
}  // namespace nodeproof::registry
