#include "tests/unit/registry/fixture.hpp"

namespace nodeproof::registry {
namespace {

class Referrers : public HttpRegistryTest {
 protected:
  auto ask() { return make().referrers(app, subject_, "application/vnd.in-toto+json", {}); }
  const Digest subject_ = Digest::parse("sha256:" + std::string(64, 'a')).value();
  const std::string url_ = "https://r.example/v2/team/app/referrers/" + subject_.str() +
                           "?artifactType=application%2Fvnd.in-toto%2Bjson";
};

TEST_F(Referrers, AreAnIndex) {
  http.answer(url_, {index_answer()});
  const auto said = ask();
  ASSERT_TRUE(said) << said.error().message;
  ASSERT_TRUE(*said);
  EXPECT_EQ((*said)->bytes, kIndex);
  EXPECT_EQ(http.requests().size(), 1U);
}

TEST_F(Referrers, AreNotKnownToARegistryWithoutTheQuestion) {
  fakes::ScriptedAnswer page = status(200, "<html></html>");
  page.headers = {{"content-type", "text/html"}};
  http.answer(url_,
              {status(404, "404 page not found"), status(405), status(406), status(400), page});
  for (int i = 0; i < 5; ++i) {
    const auto said = ask();
    ASSERT_TRUE(said) << said.error().message;
    EXPECT_FALSE(*said) << i;
  }
}

TEST_F(Referrers, OfSeveralPagesAreOneIndex) {
  const std::string list = "https://r.example/v2/team/app/referrers/" + subject_.str();
  const auto page = [](std::string body, std::string link) {
    fakes::ScriptedAnswer answer = index_answer();
    answer.body = std::move(body);
    if (!link.empty()) answer.headers.emplace_back("link", std::move(link));
    return answer;
  };
  // An address elsewhere is none to go to.
  http.answer(url_, {page(R"({"manifests":[{"n":1},{"n":2}]})",
                          "<https://elsewhere.example/v2/x?last=2>; rel=\"next\"")});
  http.answer(list + "?last=2", {page(R"({"manifests":[ {"n":3} ]})", "</v2/x?last=3>; rel=next")});
  http.answer(list + "?last=3", {page(R"({"manifests":[]})", "")});
  const auto said = ask();
  ASSERT_TRUE(said) << said.error().message;
  EXPECT_TRUE((*said)->bytes.ends_with(R"("manifests":[{"n":1},{"n":2},{"n":3}]})"))
      << (*said)->bytes;
}

TEST_F(Referrers, WithoutAnEndAreAnError) {
  fakes::ScriptedAnswer endless = index_answer();
  endless.headers.emplace_back("link", "</v2/x?last=1>; rel=\"next\"");
  http.answer(url_, {endless});
  http.answer("https://r.example/v2/team/app/referrers/" + subject_.str() + "?last=1", {endless});
  EXPECT_EQ(ask().error().code, Errc::too_large);
}

TEST_F(Referrers, AreAnErrorWhereTheRegistryCannotBeAsked) {
  http.answer(url_, {status(403)});
  EXPECT_EQ(ask().error().code, Errc::unauthorized);
  http.answer(url_, {broken(Errc::unreachable)});
  EXPECT_EQ(ask().error().code, Errc::unreachable);
}

TEST_F(Referrers, AreAnErrorWhenTheyAreSomethingElse) {
  fakes::ScriptedAnswer manifest = status(200, "{}");
  manifest.headers = {{"content-type", std::string(media_type::kOciManifest)}};
  fakes::ScriptedAnswer endless = index_answer();
  endless.body = std::string((4 << 20) + 1, ' ');
  http.answer(url_, {manifest, endless});
  EXPECT_EQ(ask().error().code, Errc::invalid_document);
  EXPECT_EQ(ask().error().code, Errc::too_large);
}

}  // namespace
}  // namespace nodeproof::registry
