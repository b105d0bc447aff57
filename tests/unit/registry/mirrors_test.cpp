#include <algorithm>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"
#include "tests/unit/registry/fixture.hpp"

namespace nodeproof::registry {
namespace {

// One mirror, m.lan, before r.example.
class MirrorTest : public HttpRegistryTest {
 protected:
  static constexpr const char* kMirrorTag = "https://m.lan/v2/team/app/manifests/1?ns=r.example";

  fakes::DirectRegistry mirrored(Routing routing = Routing::by_mirrors) {
    HostSettings settings;
    settings.mirrors = {"https://m.lan"};
    return {
        http, clock, {.settings = {{"r.example", settings}}, .retry = kAtOnce, .routing = routing}};
  }
  fakes::DirectRegistry written(const std::string& hosts_toml) {
    EXPECT_TRUE(write_file_atomically(root.path() / "r.example" / "hosts.toml", hosts_toml));
    return {http, clock, {.retry = kAtOnce, .files = {.hosts_directories = {root.path()}}}};
  }
  [[nodiscard]] std::size_t asked(const std::string& url) const {
    const auto urls = http.urls();
    return static_cast<std::size_t>(std::ranges::count(urls, url));
  }
  Result<> fetch(Registry& registry) {
    got.clear();
    return registry.blob(app, layer, 0,
                         [&](Bytes bytes) -> Result<> {
                           got += as_text(bytes);
                           return {};
                         },
                         {});
  }
  static fakes::ScriptedAnswer bytes(std::string body) {
    return {.headers = {}, .body = std::move(body), .broken = {}};
  }

  const fakes::TempFolder root;
  const std::string content = "0123456789abcdefghijABCDEFGHIJ";
  const Descriptor layer = descriptor_of(content, "application/vnd.oci.image.layer.v1.tar+gzip");
  const std::string own_blob = "https://r.example/v2/team/app/blobs/" + layer.digest.str();
  const std::string mirror_blob =
      "https://m.lan/v2/team/app/blobs/" + layer.digest.str() + "?ns=r.example";
  std::string got;
};

TEST_F(MirrorTest, ABlobGoesOnAtTheRegistryWhereTheMirrorStopped) {
  auto cut = broken(Errc::truncated, content.substr(0, 10));
  http.answer(mirror_blob, {cut, status(503)});
  http.answer(own_blob, {{.status = 206,
                          .headers = {{"content-range", "bytes 10-29/30"}},
                          .body = content.substr(10),
                          .broken = {}}});
  auto registry = mirrored();
  const auto done = fetch(registry);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(got, content);
  EXPECT_EQ(asked(mirror_blob), 2U);
  EXPECT_EQ(http.sent_header(2, "Range"), "bytes=10-");
}

TEST_F(MirrorTest, ABlobWithMoreBehindItIsNotFetchedAgain) {
  http.answer(mirror_blob, {bytes(content + "and more")});
  auto registry = mirrored();
  const auto done = fetch(registry);
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(got, content) << "whether it is right is told by its digest";
  EXPECT_EQ(asked(own_blob), 0U);
}

TEST_F(MirrorTest, HasTwoAttemptsWhereTheRegistryHasAll) {
  http.answer(kMirrorTag, {status(500)});
  http.answer(kTagUrl, {status(500)});
  auto registry = mirrored();
  EXPECT_FALSE(registry.manifest(app, {}));
  EXPECT_EQ(asked(kMirrorTag), 2U);
  EXPECT_EQ(asked(kTagUrl), 3U);
}

TEST_F(MirrorTest, ATagIsNeverResolvedWhereOnlyPullsAreAllowed) {
  http.answer(kTagUrl, {status(404)});
  auto registry = written("[host.'https://m.lan']\ncapabilities = ['pull']");
  EXPECT_FALSE(registry.manifest(app, {}));
  EXPECT_FALSE(registry.ask_digest(app, {}).value_or(std::nullopt));
  for (const std::string& url : http.urls()) EXPECT_EQ(url, kTagUrl);
}

TEST_F(MirrorTest, AWrongDocumentIsNotTaken) {
  const Descriptor index = descriptor_of(kIndex, media_type::kOciIndex);
  const std::string path = "/v2/team/app/manifests/" + index.digest.str();
  auto wrong = index_answer();
  wrong.body[0] = '[';
  http.answer("https://m.lan" + path + "?ns=r.example", {wrong});
  http.answer("https://r.example" + path, {index_answer()});
  auto registry = mirrored();
  const auto found = registry.child(app, index, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->bytes, kIndex);
  EXPECT_EQ(http.urls().size(), 2U);
}

TEST_F(MirrorTest, WhoseTagIsNotWhatItAnnouncesIsPassedOver) {
  auto rotten = index_answer();
  rotten.headers.emplace_back("docker-content-digest", "sha256:" + std::string(64, '0'));
  http.answer(kMirrorTag, {rotten});
  http.answer(kTagUrl, {index_answer()});
  auto registry = mirrored();
  const auto found = registry.manifest(app, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->bytes, kIndex);
  // It says nothing about a registry that does not answer.
  http.answer(kTagUrl, {broken(Errc::unreachable)});
  const auto silent = registry.manifest(app, {});
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, Errc::unreachable) << silent.error().message;
}

TEST_F(MirrorTest, ADistrustedCopyIsFetchedElsewhere) {
  std::string bad = content;
  bad[7] = 'x';
  http.answer(mirror_blob, {bytes(bad)});
  http.answer(own_blob, {bytes(content)});
  auto registry = mirrored();
  ASSERT_TRUE(fetch(registry));
  EXPECT_EQ(got, bad);
  registry.distrust(layer.digest);
  ASSERT_TRUE(fetch(registry));
  EXPECT_EQ(got, content);
}

TEST_F(MirrorTest, IsNotAskedToJudgeTheRegistry) {
  http.answer(kTagUrl, {index_answer()});
  auto registry = mirrored(Routing::registry_only);
  ASSERT_TRUE(registry.manifest(app, {}));
  EXPECT_EQ(http.urls(), std::vector<std::string>{kTagUrl});
}

TEST_F(MirrorTest, ALoginReplacesItsConfiguredAuthorization) {
  const std::string login = "Basic bm9kZTpwdw==";  // node:pw
  http.answer(kMirrorTag, {challenged("Basic realm=\"m\""), index_answer()});
  EXPECT_TRUE(write_file_atomically(root.path() / "r.example" / "hosts.toml",
                                    "[host.'https://m.lan']\n[host.'https://m.lan'.header]\n"
                                    "authorization = 'Basic old'\nX-More = 'yes'"));
  fakes::DirectRegistry registry(http, clock,
                                 {.retry = kAtOnce,
                                  .logins = {{"m.lan", fakes::login("node", "pw")}},
                                  .files = {.hosts_directories = {root.path()}}});
  ASSERT_TRUE(registry.manifest(app, {}));
  EXPECT_EQ(http.sent_header(0, "authorization"), "Basic old");
  EXPECT_EQ(http.sent_header(1, "authorization"), "");
  EXPECT_EQ(http.sent_header(1, "Authorization"), login);
  EXPECT_EQ(http.sent_header(1, "X-More"), "yes");
}

// RFC 9110, section 15.5.17: asking again for what is beyond the end is in vain.
TEST_F(MirrorTest, ARefusedRangeIsFinalAtThatHost) {
  http.answer(own_blob, {broken(Errc::truncated, content.substr(0, 10)), status(416)});
  auto registry = make();
  const auto done = fetch(registry);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::truncated);
  EXPECT_EQ(asked(own_blob), 2U);
}

}  // namespace
}  // namespace nodeproof::registry
