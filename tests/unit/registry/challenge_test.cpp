#include "agent/registry/challenge.hpp"

#include <gtest/gtest.h>

#include "tests/fakes/fixtures.hpp"
#include "tests/fakes/vectors.hpp"

namespace nodeproof::registry {
namespace {

struct ChallengeCase {
  std::string name, header;
  std::vector<Challenge> expected;
};

Challenge challenge(std::string scheme, std::map<std::string, std::string> parameters = {},
                    std::string token68 = {}) {
  return {std::move(scheme), std::move(token68), std::move(parameters)};
}

class Challenges : public testing::TestWithParam<ChallengeCase> {};

TEST_P(Challenges, AreRead) { EXPECT_EQ(parse_challenges(GetParam().header), GetParam().expected); }

const ChallengeCase kCases[] = {
    {"Empty", "", {}},
    {"OnlySeparators", " , ,, \t", {}},
    {"DockerHub",
     R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/debian:pull")",
     {challenge("bearer", {{"realm", "https://auth.docker.io/token"},
                           {"service", "registry.docker.io"},
                           {"scope", "repository:library/debian:pull"}})}},
    {"CommaInsideQuotes",
     R"(Bearer realm="https://a/t",scope="repository:x:pull,push")",
     {challenge("bearer", {{"realm", "https://a/t"}, {"scope", "repository:x:pull,push"}})}},
    {"TwoInOneHeader",
     R"(Basic realm="x", Bearer realm="https://a/t",service="s")",
     {challenge("basic", {{"realm", "x"}}),
      challenge("bearer", {{"realm", "https://a/t"}, {"service", "s"}})}},
    {"BearerFirst",
     R"(Bearer realm="https://a/t", Basic realm="x")",
     {challenge("bearer", {{"realm", "https://a/t"}}), challenge("basic", {{"realm", "x"}})}},
    {"SchemeAlone", "Negotiate", {challenge("negotiate")}},
    {"SchemeAloneThenBearer",
     R"(Negotiate, Bearer realm="https://a/t")",
     {challenge("negotiate"), challenge("bearer", {{"realm", "https://a/t"}})}},
    {"Token68",
     R"(Negotiate oRQwEg==, Basic realm="x")",
     {challenge("negotiate", {}, "oRQwEg=="), challenge("basic", {{"realm", "x"}})}},
    {"Token68WithSlashes", "Negotiate a/b+c=", {challenge("negotiate", {}, "a/b+c=")}},
    {"NamesInAnyCase",
     R"(BEARER Realm="https://a/t",SERVICE="S")",
     {challenge("bearer", {{"realm", "https://a/t"}, {"service", "S"}})}},
    {"QuotedPairs",
     R"(Basic realm="a \"quoted\" \\ name")",
     {challenge("basic", {{"realm", R"(a "quoted" \ name)"}})}},
    {"EmptyValues",
     R"(Bearer realm="https://a/t",scope="",service=)",
     {challenge("bearer", {{"realm", "https://a/t"}, {"scope", ""}, {"service", ""}})}},
    {"Unquoted",
     "Bearer realm=https://a/t?x=1,service=s",
     {challenge("bearer", {{"realm", "https://a/t?x=1"}, {"service", "s"}})}},
    {"StraySpaces",
     "  Bearer\trealm = \"https://a/t\" ,  service =\"s\"  ",
     {challenge("bearer", {{"realm", "https://a/t"}, {"service", "s"}})}},
    {"TheFirstOfTwoEqualNamesCounts",
     R"(Bearer realm="https://a/t",realm="https://evil/t")",
     {challenge("bearer", {{"realm", "https://a/t"}})}},
    {"UnclosedQuote",
     R"(Bearer realm="https://a/t)",
     {challenge("bearer", {{"realm", "https://a/t"}})}},
    {"BackslashAtTheEnd", "Basic realm=\"a\\", {challenge("basic", {{"realm", "a\\"}})}},
    {"ParameterWithoutScheme", R"(realm="x")", {}},
    {"Nonsense", "@@@ ;;; \x01", {}},
    // regclient's and containerd's published vectors.
    {"SpacesInTheRealm",
     R"(BaSiC ReAlM="GitHub Package Registry")",
     {challenge("basic", {{"realm", "GitHub Package Registry"}})}},
    {"UnquotedSlash", "Basic realm=/", {challenge("basic", {{"realm", "/"}})}},
    {"SeveralScopes",
     R"(Bearer realm="https://a/t",scope="repository:foo/bar:pull,push repository:foo/baz:pull")",
     {challenge("bearer", {{"realm", "https://a/t"},
                           {"scope", "repository:foo/bar:pull,push repository:foo/baz:pull"}})}},
    {"TwoBearers",
     R"(Bearer realm="https://a/t",service="one",Bearer realm="https://b/t",service="two")",
     {challenge("bearer", {{"realm", "https://a/t"}, {"service", "one"}}),
      challenge("bearer", {{"realm", "https://b/t"}, {"service", "two"}})}},
    {"Insufficient",
     R"(Bearer realm="https://a/t",error="insufficient_scope")",
     {challenge("bearer", {{"realm", "https://a/t"}, {"error", "insufficient_scope"}})}},
};

INSTANTIATE_TEST_SUITE_P(Header, Challenges, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(PublishedChallenges, AreReadAsOthersReadThem) {
  std::size_t count = 0;
  for (const auto& v : read_vectors((fakes::fixtures() / "vectors/challenges.tsv").string(), 3)) {
    ++count;
    const auto read = parse_challenges(v[0]);
    ASSERT_EQ(read.size(), 1U) << v[0];
    std::string parameters;
    for (const auto& [name, value] : read[0].parameters) {
      parameters.append(parameters.empty() ? "" : "|").append(name).append("=").append(value);
    }
    EXPECT_EQ(read[0].scheme, v[1]) << v[0];
    EXPECT_EQ(parameters, v[2]) << v[0];
  }
  EXPECT_EQ(count, 7U);
}

}  // namespace
}  // namespace nodeproof::registry
