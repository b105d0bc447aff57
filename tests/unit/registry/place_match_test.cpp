#include "agent/registry/place_match.hpp"

#include <gtest/gtest.h>

namespace nodeproof::registry {
namespace {

Place place(std::string_view image) {
  const auto slash = image.find('/');
  return {std::string(image.substr(0, slash)), std::string(image.substr(slash + 1))};
}

struct KubeletCase {
  const char* pattern;
  const char* image;
  bool matches;
};

// What kubernetes' keyring tests (TestURLsMatch) expect, and the examples of its documentation.
constexpr KubeletCase kKubelet[] = {
    {"*.kubernetes.io", "prefix.kubernetes.io/a", true},
    {"prefix.*.io", "prefix.kubernetes.io/a", true},
    {"prefix.kubernetes.*", "prefix.kubernetes.io/a", true},
    {"*-good.kubernetes.io", "prefix-good.kubernetes.io/a", true},
    {"prefix.kubernetes.io", "kubernetes.io/a", false},
    {"kubernetes.io", "kubernetes.com/a", false},
    {"*.kubernetes.io", "kubernetes.io/a", false},
    {"*.kubernetes.io", "good.prefix.kubernetes.io/a", false},
    {"*.io", "prefix.kubernetes.io/a", false},
    {"*.*.io", "prefix.kubernetes.io/a", true},
    {"*.kubernetes.io", "prefix.kubernetes.io.net/a", false},
    {"kubernetes.io:9001", "kubernetes.io:9001/a", true},
    {"kubernetes.io:9001", "kubernetes.io/a", false},
    {"kubernetes.io", "kubernetes.io:9001/a", false},
    {"kubernetes.io:9001", "kubernetes.io:9002/a", false},
    {"*.io:9001/path", "kubernetes.io:9001/path/x", true},
    {"kubernetes.io/path", "kubernetes.io/path/x", true},
    {"kubernetes.io/path", "kubernetes.io/pathology/x", true},  // the kubelet compares letters
    {"kubernetes.io/path/x", "kubernetes.io/path", false},
    {"kubernetes.io/*", "kubernetes.io/path", false},
    {"k?bernetes.io", "kubernetes.io/a", true},
    {"*", "localhost/a", true},
    {"[::1]:5000", "[::1]:5000/a", true},
    {"[::1]", "[::1]:5000/a", false},
    {"a*b*c.io", "axxbyyc.io/a", true},
    {"a*b*c.io", "axxbyyd.io/a", false},
    {"", "kubernetes.io/a", false},
};

TEST(KubeletMatches, AsTheKubeletDoes) {
  for (const auto& [pattern, image, matches] : kKubelet) {
    EXPECT_EQ(kubelet_matches(pattern, place(image)), matches) << pattern << " for " << image;
  }
}

TEST(PlainKey, IsTheSameForAllSpellings) {
  const std::pair<const char*, const char*> cases[] = {
      {"https://index.docker.io/v1/", "docker.io"},
      {"index.docker.io", "docker.io"},
      {"registry-1.docker.io", "docker.io"},
      {"https://registry-1.docker.io/v2/", "docker.io"},
      {"docker.io/library", "docker.io/library"},
      {"https://Reg.Lan:5000/v1/", "reg.lan:5000"},
      {"http://reg.lan/v2/Team/", "reg.lan/Team"},
      {"reg.lan/v2beta", "reg.lan/v2beta"},
      {"quay.io/coreos/", "quay.io/coreos"},
  };
  for (const auto& [key, plain] : cases) EXPECT_EQ(plain_key(key), plain) << key;
}

TEST(Fitness, PrefersLongerPathsAndThenNamesToGlobs) {
  const Place image = place("reg.lan/team/app");
  const char* const best_first[] = {"reg.lan/team/app", "*.lan/team/app", "reg.lan/team",
                                    "*.lan/team",       "reg.lan",        "*.lan"};
  unsigned last = 1000;
  for (const char* key : best_first) {
    EXPECT_LT(fitness(key, image), last) << key;
    last = fitness(key, image);
    EXPECT_GT(last, 0U) << key;
  }
  for (const char* key : {"reg.lan/te", "reg.lan/team/app2", "reg.lan:443", "lan", "other.lan", "",
                          "reg.lan/team/app/more"}) {
    EXPECT_EQ(fitness(key, image), 0U) << key;
  }
}

}  // namespace
}  // namespace nodeproof::registry
