#include "agent/registry/pod_logins.hpp"

#include <gtest/gtest.h>

#include "agent/registry/credential_chain.hpp"

namespace nodeproof::registry {
namespace {

PodLogin login(const std::string& auths, std::string source) {
  auto config = DockerConfig::parse(R"({"credsStore":"never","auths":)" + auths + "}", source);
  EXPECT_TRUE(config) << config.error().message;
  return {*std::move(config), std::move(source), false};
}

std::string who(PodSource& source, const Place& place) {
  const auto found = source.find(place, {});
  EXPECT_TRUE(found);
  return found && *found ? (*found)->username + " of " + (*found)->source : "nobody";
}

TEST(PodSource, IsForItsPodsImagesAndNoOthers) {
  PodSource source({{{"r.lan", "shop/web"},
                     {login(R"({"other.lan":{"username":"x","password":"y"}})", "first"),
                      login(R"({"r.lan":{"username":"ci","password":"secret"}})", "second")}}});
  EXPECT_EQ(who(source, {"r.lan", "shop/web"}), "ci of second") << "the first has no entry for it";
  EXPECT_EQ(who(source, {"r.lan", "shop/api"}), "nobody");
  EXPECT_EQ(who(source, {"mirror.lan", "shop/web"}), "nobody");
  EXPECT_EQ(source.describe({"r.lan", "shop/web"}).value_or(""), "second");
  EXPECT_EQ(source.describe({"r.lan", "shop/api"}).value_or("?"), "");
}

TEST(PodSource, GoesOnToTheNextSecretWhereOneSaysNothing) {
  PodSource source({{{"r.lan", "a"},
                     {login(R"({"r.lan":{"auth":"Og=="}})", "nobody's"),
                      login(R"({"r.lan":{"auth":"%%%"}})", "broken"),
                      login(R"({"r.lan":{"username":"ci","password":"secret"}})", "good")}},
                    {{"r.lan", "b"}, {login(R"({"r.lan":{"auth":"%%%"}})", "broken")}}});
  EXPECT_EQ(who(source, {"r.lan", "a"}), "ci of good");
  EXPECT_FALSE(source.find({"r.lan", "b"}, {})) << "anonymous would be a guess";
}

TEST(PodSource, ComesBehindTheConfigurationsOwnLogin) {
  class Fixed final : public CredentialSource {
   public:
    explicit Fixed(std::string host) : host_(std::move(host)) {}
    Result<std::optional<Credentials>> find(const Place& place, const std::stop_token&) override {
      Credentials own;
      own.username = "fixed";
      return place.host == host_ || host_ == "*" ? std::optional(own) : std::nullopt;
    }
    Result<std::string> describe(const Place&) override { return std::string(); }

   private:
    std::string host_;
  };
  std::vector<std::unique_ptr<CredentialSource>> sources;
  sources.push_back(std::make_unique<Fixed>("own.lan"));
  sources.push_back(std::make_unique<Fixed>("*"));
  CredentialChain chain(std::move(sources));
  const std::string auths =
      R"({"own.lan":{"username":"pod","password":"p"},"r.lan":{"username":"pod","password":"p"}})";
  chain.put_second(std::make_unique<PodSource>(PodLogins{
      {{"own.lan", "a"}, {login(auths, "secret")}}, {{"r.lan", "a"}, {login(auths, "secret")}}}));
  chain.put_last(std::make_unique<PodSource>(PodLogins{{{"r.lan", "c"}, {login(auths, "s")}}}));
  EXPECT_EQ(chain.find({"own.lan", "a"}, {})->username, "fixed");
  EXPECT_EQ(chain.find({"r.lan", "c"}, {})->username, "fixed") << "the node's own";
  EXPECT_EQ(chain.find({"r.lan", "a"}, {})->username, "pod");
  EXPECT_EQ(chain.find({"r.lan", "b"}, {})->username, "fixed");
}

TEST(PodSource, OfAnImageOfTheConfigurationStandsBehind) {
  PodLogin behind = login("{}", "behind");
  behind.behind_the_nodes = true;
  const PodLogins all = {{{"r.lan", "a"}, {login("{}", "before")}}, {{"r.lan", "b"}, {behind}}};
  EXPECT_EQ(pod_logins_of(all, false).count({"r.lan", "a"}), 1U);
  EXPECT_EQ(pod_logins_of(all, false).count({"r.lan", "b"}), 0U);
  EXPECT_EQ(pod_logins_of(all, true).count({"r.lan", "b"}), 1U);
}

}  // namespace
}  // namespace nodeproof::registry
