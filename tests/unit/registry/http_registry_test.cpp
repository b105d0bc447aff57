#include "tests/unit/registry/fixture.hpp"

namespace nodeproof::registry {
namespace {

TEST_F(HttpRegistryTest, ATagBecomesADescriptorWithTheDigestOfItsBytes) {
  http.answer(kTagUrl, {index_answer()});
  const auto found = make().manifest(app, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->bytes, kIndex);
  EXPECT_EQ(found->descriptor.digest, hash_of(as_bytes(kIndex)));
  EXPECT_EQ(found->descriptor.size, std::string(kIndex).size());
  EXPECT_EQ(found->descriptor.media_type, media_type::kOciIndex);
}

TEST_F(HttpRegistryTest, ATagsDocumentHashesToTheDigestThatTheRegistryAnnouncesOrIsDamaged) {
  const auto announced = [&](std::string digest, std::string body = kIndex) {
    auto answer = index_answer();
    answer.body = std::move(body);
    answer.headers.emplace_back("docker-content-digest", std::move(digest));
    http.answer(kTagUrl, {answer});
    return make().manifest(app, {});
  };
  const std::string right = hash_of(as_bytes(kIndex)).str();
  EXPECT_TRUE(announced(right));
  EXPECT_TRUE(announced("sha512:" + std::string(128, '0')));
  EXPECT_TRUE(announced("no digest"));
  for (const char* rotten : {R"({"schemaVersion":2 ,"manifests":[]})", R"({"schema)"}) {
    const auto found = announced(right, rotten);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::digest_mismatch) << found.error().message;
    EXPECT_NE(found.error().message.find(right.substr(0, 19)), std::string::npos)
        << found.error().message;
  }
  EXPECT_EQ(http.urls().size(), 5U) << "nothing is asked again";
}

TEST_F(HttpRegistryTest, AsksForEveryKindInOneAcceptLineWithoutCredentials) {
  http.answer(kTagUrl, {index_answer()});
  ASSERT_TRUE(make().manifest(app, {}));
  EXPECT_EQ(http.sent_header(0, "Accept"),
            "application/vnd.oci.image.index.v1+json, "
            "application/vnd.docker.distribution.manifest.list.v2+json, "
            "application/vnd.oci.image.manifest.v1+json, "
            "application/vnd.docker.distribution.manifest.v2+json, */*");
  EXPECT_EQ(http.sent_header(0, "Authorization"), "");
}

TEST_F(HttpRegistryTest, DockerHubHasAHostOfItsOwn) {
  http.answer("https://registry-1.docker.io/v2/library/debian/manifests/latest", {index_answer()});
  EXPECT_TRUE(make().manifest(reference("debian"), {}));
}

TEST_F(HttpRegistryTest, PlainHttpIsForLoopbackAndWhereItIsConfigured) {
  struct Case {
    const char* image = nullptr;
    HostSettings settings;
    const char* url = nullptr;
  };
  HostSettings plain;
  plain.plain_http = true;
  HostSettings secure;
  secure.plain_http = false;
  HostSettings own_ca;
  own_ca.tls.ca_file = "/ca.pem";
  const Case cases[] = {{"localhost:5000/a:1", {}, "http://localhost:5000/v2/a/manifests/1"},
                        {"127.0.0.1:5000/a:1", {}, "http://127.0.0.1:5000/v2/a/manifests/1"},
                        {"[::1]:5000/a:1", {}, "http://[::1]:5000/v2/a/manifests/1"},
                        {"127.0.0.1:5000/a:1", own_ca, "https://127.0.0.1:5000/v2/a/manifests/1"},
                        {"127.0.0.1:5000/a:1", secure, "https://127.0.0.1:5000/v2/a/manifests/1"},
                        {"r.lan:5000/a:1", plain, "http://r.lan:5000/v2/a/manifests/1"},
                        {"r.lan:5000/a:1", {}, "https://r.lan:5000/v2/a/manifests/1"},
                        {"192.168.1.5:5000/a:1", {}, "https://192.168.1.5:5000/v2/a/manifests/1"}};
  for (const auto& item : cases) {
    fakes::ScriptedHttp server;
    server.answer(item.url, {index_answer()});
    const Reference image = reference(item.image);
    fakes::DirectRegistry registry(server, clock, {.settings = {{image.domain(), item.settings}}});
    EXPECT_TRUE(registry.manifest(image, {})) << item.url << " not " << server.urls().front();
    EXPECT_EQ(server.requests().front().tls, item.settings.tls);
  }
}

TEST_F(HttpRegistryTest, ADigestInTheReferenceWinsAndIsChecked) {
  const std::string digest = hash_of(as_bytes(kIndex)).str();
  const auto pinned = reference("r.example/team/app:1@" + digest);
  const std::string url = "https://r.example/v2/team/app/manifests/" + digest;
  http.answer(url, {index_answer()});
  EXPECT_TRUE(make().manifest(pinned, {}));
  auto other = index_answer();
  other.body += " ";
  http.answer(url, {other});
  const auto wrong = make().manifest(pinned, {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::digest_mismatch);
  EXPECT_NE(wrong.error().message.find("r.example/team/app@" + digest), std::string::npos)
      << wrong.error().message;
}

TEST_F(HttpRegistryTest, ASha512DigestIsCheckedByItsOwnAlgorithm) {
  const Digest digest = hash_of(as_bytes(kIndex), HashAlgorithm::sha512);
  http.answer("https://r.example/v2/team/app/manifests/" + digest.str(), {index_answer()});
  const auto found = make().manifest(reference("r.example/team/app@" + digest.str()), {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->descriptor.digest, digest);
}

TEST_F(HttpRegistryTest, AChildIsCheckedForSizeDigestAndType) {
  const std::string body = R"({"schemaVersion":2,"config":{},"layers":[]})";
  const Descriptor child = descriptor_of(body);
  const std::string url = "https://r.example/v2/team/app/manifests/" + child.digest.str();
  const auto answer = [&](std::string bytes, std::string_view type) {
    http.answer(url, {{.headers = {{"content-type", std::string(type)}},
                       .body = std::move(bytes),
                       .broken = {}}});
    return make().child(app, child, {});
  };
  const auto good = answer(body, media_type::kOciManifest);
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->descriptor, child);
  EXPECT_TRUE(answer(body, "application/octet-stream"));
  EXPECT_EQ(answer(body + " ", media_type::kOciManifest).error().code, Errc::digest_mismatch);
  EXPECT_EQ(answer(std::string(body.size(), 'x'), media_type::kOciManifest).error().code,
            Errc::digest_mismatch);
  EXPECT_EQ(answer(body, media_type::kOciIndex).error().code, Errc::invalid_document);
}

struct RefusalCase {
  std::string name;
  fakes::ScriptedAnswer answer;
  Errc code;
  std::string message, remedy;
};

class Refusals : public HttpRegistryTest, public testing::WithParamInterface<RefusalCase> {};

TEST_P(Refusals, AreExplained) {
  http.answer(kTagUrl, {GetParam().answer});
  const auto found = make().manifest(app, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, GetParam().code) << found.error().message;
  EXPECT_TRUE(found.error().message.starts_with("r.example/team/app:1: ")) << found.error().message;
  EXPECT_NE(found.error().message.find(GetParam().message), std::string::npos)
      << found.error().message;
  EXPECT_NE(found.error().remedy.find(GetParam().remedy), std::string::npos)
      << found.error().remedy;
  EXPECT_LT(found.error().message.size(), 800U);
}

fakes::ScriptedAnswer answer(int status, std::string type, std::string body) {
  return {.status = status,
          .headers = {{"content-type", std::move(type)}},
          .body = std::move(body),
          .broken = {}};
}

fakes::ScriptedAnswer with(fakes::ScriptedAnswer answer, std::string name, std::string value) {
  answer.headers.emplace_back(std::move(name), std::move(value));
  return answer;
}

const std::string kUnknown =
    R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"1"}}]})";

INSTANTIATE_TEST_SUITE_P(
    HttpRegistry, Refusals,
    testing::Values(
        RefusalCase{"NotFound", answer(404, "application/json", kUnknown), Errc::not_found,
                    "not found: r.example:443 answered 404 (MANIFEST_UNKNOWN: manifest unknown)",
                    "tag"},
        RefusalCase{"NotFoundByAWebServer", answer(404, "text/html", "<html>"),
                    Errc::not_a_registry, "answered 404 (a web page)", "host and port"},
        RefusalCase{"NotFoundInHtmlByARegistry",
                    with(answer(404, "text/html", "<html>"), "docker-distribution-api-version",
                         "registry/2.0"),
                    Errc::not_found, "a web page", ""},
        RefusalCase{"WithoutAClientCertificate",
                    answer(400, "text/html",
                           "<html><title>400 No required SSL certificate was sent</title>\x1b"),
                    Errc::server_error, "(a web page: 400 No required SSL certificate was sent)",
                    "'client_certificate'"},
        RefusalCase{"RedirectToNowhere", with(answer(307, "", ""), "location", "gopher://x/"),
                    Errc::server_error, "redirects to what is not a usable", ""},
        RefusalCase{"Private", answer(401, "", ""), Errc::unauthorized, "not found or no access",
                    "needs a login"},
        RefusalCase{"Denied", answer(403, "", R"({"errors":[{"code":"DENIED"}]})"),
                    Errc::unauthorized, "access denied: r.example:443 answered 403 (DENIED)", ""},
        RefusalCase{"Throttled", with(answer(429, "", ""), "retry-after", "120"), Errc::throttled,
                    "try again after 120 s", "log in"},
        RefusalCase{"ThrottledUntil",
                    with(answer(429, "", ""), "retry-after", "Sat, 21 Nov 2026 04:00:00 GMT"),
                    Errc::throttled, "after Sat, 21 Nov 2026 04:00:00 GMT", ""},
        RefusalCase{"ServerError",
                    answer(500, "application/json", R"({"errors":[{"code":"UNKNOWN"}]})"),
                    Errc::server_error, "answered 500 (UNKNOWN) (3 attempts)", "log"},
        RefusalCase{"HttpsPort",
                    answer(400, "text/plain", "Client sent an HTTP request to an HTTPS server."),
                    Errc::server_error, "answered 400", ""},
        RefusalCase{"LongErrorBody", answer(404, "text/plain", std::string(5000, 'x')),
                    Errc::not_found, "xx", ""},
        RefusalCase{"EndlessErrorBody", answer(404, "text/plain", std::string(200000, 'x')),
                    Errc::not_found, "xx", ""},
        RefusalCase{"WebPage", answer(200, "text/html; charset=utf-8", "<html>"),
                    Errc::not_a_registry, "r.example:443 is not a registry", "captive portal"},
        RefusalCase{"WebPageInDisguise", answer(200, "application/json", "<html>"),
                    Errc::not_a_registry, "web page", ""},
        RefusalCase{"Compressed",
                    with(answer(200, "application/json", "x"), "content-encoding", "gzip"),
                    Errc::unsupported, "gzip", ""},
        RefusalCase{"Oversized",
                    answer(200, std::string(media_type::kOciIndex), std::string(4'400'000, ' ')),
                    Errc::too_large, "4393216", ""},
        RefusalCase{
            "OversizedByItsHeader",
            with(answer(200, std::string(media_type::kOciIndex), ""), "content-length", "9000000"),
            Errc::too_large, "4393216", ""},
        RefusalCase{"Schema1",
                    answer(200, "application/vnd.docker.distribution.manifest.v1+prettyjws", "{}"),
                    Errc::unsupported, "schema 1", ""}),
    [](const auto& info) { return info.param.name; });

TEST_F(HttpRegistryTest, AHostThatIsNoneIsABadReference) {
  EXPECT_EQ(make().manifest(reference("1.2.3/app:1"), {}).error().code, Errc::invalid_reference);
}

TEST_F(HttpRegistryTest, WordsFromOutsideAreMadeInert) {
  http.answer(kTagUrl,
              {status(404, "{\"errors\":[{\"code\":\"X\",\"message\":\"a\\u001b[31m\\nb\"}]}")});
  const auto found = make().manifest(app, {});
  EXPECT_EQ(found.error().message.find('\x1b'), std::string::npos);
  EXPECT_EQ(found.error().message.find('\n'), std::string::npos);
}

TEST_F(HttpRegistryTest, WhatPassesByItselfIsTriedAgain) {
  http.answer(kTagUrl, {broken(Errc::unreachable), status(503), index_answer()});
  EXPECT_TRUE(make().manifest(app, {}));
  EXPECT_EQ(http.requests().size(), 3U);
}

TEST_F(HttpRegistryTest, WhatDoesNotPassIsNotTriedAgain) {
  for (const Errc code : {Errc::untrusted, Errc::invalid_config}) {
    fakes::ScriptedHttp server;
    server.answer(kTagUrl, {broken(code)});
    fakes::DirectRegistry registry(server, clock);
    EXPECT_EQ(registry.manifest(app, {}).error().code, code);
    EXPECT_EQ(server.requests().size(), 1U);
  }
  http.answer(kTagUrl, {status(404)});
  EXPECT_FALSE(make().manifest(app, {}));
  EXPECT_EQ(http.requests().size(), 1U);
}

TEST_F(HttpRegistryTest, ATruncatedDocumentIsReadAnewAndNotAppendedTo) {
  auto first = index_answer();
  first.body = "{\"half\":";
  first.broken = Error{Errc::truncated, "broke off", ""};
  http.answer(kTagUrl, {first, index_answer()});
  const auto found = make().manifest(app, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->bytes, kIndex);
}

TEST_F(HttpRegistryTest, TheLastErrorSaysHowOftenItWasTried) {
  http.answer(kTagUrl, {broken(Errc::unreachable)});
  const auto found = make().manifest(app, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "r.example/team/app:1: it broke (3 attempts)");
}

TEST_F(HttpRegistryTest, ReturnsAfterStopWhileWaitingToTryAgain) {
  http.answer(kTagUrl, {broken(Errc::unreachable)});
  fakes::DirectRegistry registry(http, clock,
                                 {.retry = {.attempts = 9,
                                            .first_pause = std::chrono::hours(1),
                                            .longest_pause = std::chrono::hours(1),
                                            .give_up_after = std::chrono::hours(2)}});
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(registry.manifest(app, stop.get_token()).error().code, Errc::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(HttpRegistryTest, FollowsRedirectsAndDropsTheAuthorizationOnTheWay) {
  http.answer(kTagUrl, {challenged("Basic realm=\"x\""), redirect("/other?sig=1"),
                        redirect("https://cdn.example/y")});
  http.answer("https://r.example/other?sig=1", {redirect("https://cdn.example/x", 302)});
  http.answer("https://cdn.example/x", {redirect("https://r.example/back", 308)});
  http.answer("https://r.example/back", {index_answer()});
  const auto found = make({{"r.example", fakes::login("u", "p")}}).manifest(app, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(http.sent_header(1, "Authorization"), "Basic dTpw");
  EXPECT_EQ(http.sent_header(2, "Authorization"), "Basic dTpw") << "the same origin";
  EXPECT_EQ(http.sent_header(3, "Authorization"), "") << "another host";
  EXPECT_EQ(http.sent_header(4, "Authorization"), "") << "once gone it stays away";
}

TEST_F(HttpRegistryTest, StopsAfterFiveRedirects) {
  http.answer(kTagUrl, {redirect(kTagUrl)});
  const auto found = make().manifest(app, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::server_error);
  EXPECT_EQ(http.requests().size(), 6U * 3U);
}

TEST_F(HttpRegistryTest, GoesWhereItMayNotNeither) {
  for (const char* location : {"http://r.example/plain", "https://127.0.0.1/",
                               "https://169.254.169.254/latest", "https://u:p@cdn.example/"}) {
    fakes::ScriptedHttp server;
    server.answer(kTagUrl, {redirect(location)});
    fakes::DirectRegistry registry(server, clock);
    const auto found = registry.manifest(app, {});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::untrusted) << location;
    EXPECT_EQ(server.requests().size(), 1U);
  }
}

TEST_F(HttpRegistryTest, AnotherHostGetsNeitherTheCaNorTheClientCertificate) {
  HostSettings settings;
  settings.tls = {.ca_file = "/ca", .client_certificate = "/cert", .client_key = "/key"};
  http.answer(kTagUrl, {redirect("https://r.example:9000/minio")});
  http.answer("https://r.example:9000/minio", {redirect("https://cdn.example/x")});
  http.answer("https://cdn.example/x", {index_answer()});
  fakes::DirectRegistry registry(http, clock, {.settings = {{"r.example", settings}}});
  ASSERT_TRUE(registry.manifest(app, {}));
  EXPECT_EQ(http.requests().at(1).tls, settings.tls) << "the same host";
  EXPECT_EQ(http.requests().at(2).tls, TlsSettings{});
}

}  // namespace
}  // namespace nodeproof::registry
