#include "common/reference.hpp"

#include <gtest/gtest.h>

#include <iostream>

#include "tests/fakes/fixtures.hpp"
#include "tests/fakes/vectors.hpp"

namespace nodeproof {
namespace {

const std::string kSha256 = "sha256:" + std::string(64, '0');
const std::string kSha512 = "sha512:" + std::string(128, 'f');

struct Case {
  std::string text, domain, path, tag;
};

// The rules and most inputs of distribution/reference's normalize_test.go and reference_test.go.
TEST(Reference, NormalisesAsDockerDoes) {
  const Case cases[] = {
      {"debian", "docker.io", "library/debian", "latest"},
      {"debian:12", "docker.io", "library/debian", "12"},
      {"library/debian", "docker.io", "library/debian", "latest"},
      {"docker.io/debian", "docker.io", "library/debian", "latest"},
      {"docker.io/library/debian", "docker.io", "library/debian", "latest"},
      {"index.docker.io/library/debian:1", "docker.io", "library/debian", "1"},
      {"index.docker.io/debian", "docker.io", "library/debian", "latest"},
      {"docker/docker", "docker.io", "docker/docker", "latest"},
      {"docker.io/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a", "docker.io",
       "library/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a", "latest"},
      {"localhost", "docker.io", "library/localhost", "latest"},
      {"localhost/x", "localhost", "x", "latest"},
      {"localhost:5000/x:1", "localhost:5000", "x", "1"},
      {"localhost:5000", "docker.io", "library/localhost", "5000"},
      {"example.com", "docker.io", "library/example.com", "latest"},
      {"example.com/x", "example.com", "x", "latest"},
      {"192.168.0.1:80", "docker.io", "library/192.168.0.1", "80"},
      {"192.168.0.1/x", "192.168.0.1", "x", "latest"},
      {"192.168.0.1:5000/a/b:t", "192.168.0.1:5000", "a/b", "t"},
      {"[2001:db8::1]/repo", "[2001:db8::1]", "repo", "latest"},
      {"[2001:db8::1]:5000/repo:tag", "[2001:db8::1]:5000", "repo", "tag"},
      {"[::1]:65535/repo", "[::1]:65535", "repo", "latest"},
      {"Uppercase/repo", "Uppercase", "repo", "latest"},
      {"HOST.com:80/repo:TAG", "HOST.com:80", "repo", "TAG"},
      {"foo/foo_bar.com:8080", "docker.io", "foo/foo_bar.com", "8080"},
      {"foo_bar.com:8080", "docker.io", "library/foo_bar.com", "8080"},
      {"aa/asdf$$^/aa", "", "", ""},
      {"sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com", "bar/baz/quux",
       "some-long-tag"},
      {"b.gcr.io/test.example.com/my-app:test.example.com", "b.gcr.io", "test.example.com/my-app",
       "test.example.com"},
      {"xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com"},
      {"xn--7o8h.com/myimage:xn--7o8h.com", "xn--7o8h.com", "myimage", "xn--7o8h.com"},
      {"a--a/b---b/c__c/d_d/e.e", "docker.io", "a--a/b---b/c__c/d_d/e.e", "latest"},
      {"x:_tag", "docker.io", "library/x", "_tag"},
      {"x:" + std::string(128, 't'), "docker.io", "library/x", std::string(128, 't')},
      {"h.io/" + std::string(255, 'a'), "h.io", std::string(255, 'a'), "latest"},
  };
  for (const Case& c : cases) {
    const auto reference = Reference::parse(c.text);
    ASSERT_EQ(static_cast<bool>(reference), !c.domain.empty()) << c.text;
    if (!reference) continue;
    EXPECT_EQ(reference->domain(), c.domain) << c.text;
    EXPECT_EQ(reference->path(), c.path) << c.text;
    EXPECT_EQ(reference->tag(), c.tag) << c.text;
    EXPECT_EQ(reference->name(), c.domain + "/" + c.path + ":" + c.tag);
    EXPECT_EQ(Reference::parse(reference->name()), *reference) << "a normal name stays as it is";
  }
}

TEST(Reference, RefusesWhatDockerRefuses) {
  const std::string cases[] = {
      "",
      ":",
      "@",
      "/",
      "h.io/",
      "h.io/:t",
      "h.io/@" + kSha256,
      ":5000/x",
      ":t",
      "@" + kSha256,
      "https://github.com/docker/docker",
      "docker/Docker",
      "Docker",
      "DEBIAN:12",
      "x:",
      "x@",
      "x:" + std::string(129, 't'),
      "x:.tag",
      "x:-tag",
      "x:a/b:c",
      "x:tag with space",
      "-docker",
      "-docker/docker",
      "-docker.io/docker/docker",
      "docker///docker",
      "docker.io/docker/Docker",
      "docker.io/docker///docker",
      "/x",
      "x/",
      "x//y",
      "_x",
      "x_",
      "x.",
      "x..y",
      "x._y",
      "x___y",
      "foo.com/x.",
      "foo.com:/x",
      "foo.com:0/x",
      "foo.com:65536/x",
      "foo.com:99999999999/x",
      "foo.com:80:90/x",
      "foo.com:http/x",
      "foo..com/x",
      "-foo.com/x",
      "foo-.com/x",
      "under_score.com/x",
      "[2001:db8::1/x",
      "2001:db8::1]/x",
      "[]/x",
      "[fe80::1%25eth0]:5000/x",
      "[fe80::1%eth0]/x",
      "[::1]x/y",
      "[::ffff:1.2.3.4]/x",
      std::string(64, 'a'),
      "h.io/" + std::string(256, 'a'),
      "docker.io/" + std::string(248, 'a'),
      "x@sha256:" + std::string(63, 'a'),
      "x@sha256:" + std::string(64, 'A'),
      "x@sha512:" + std::string(64, 'a'),
      "x@md5:" + std::string(32, 'a'),
      "x@" + std::string(64, 'a'),
      "x:t@" + kSha256 + "@" + kSha256,
      "x\n",
      std::string("x\0y", 3),
      "x y",
      "\xC3\xA4/x",
      "h.io/" + std::string(5000, 'a'),
  };
  for (const std::string& text : cases) {
    const auto reference = Reference::parse(text);
    ASSERT_FALSE(reference) << text;
    EXPECT_EQ(reference.error().code, Errc::invalid_reference) << text;
    EXPECT_FALSE(reference.error().remedy.empty());
  }
}

void check_published(const std::vector<std::string>& v) {
  const auto reference = Reference::parse(v[1]);
  ASSERT_EQ(reference.has_value(), v[0] == "ok") << v[1];
  if (!reference) return;
  EXPECT_EQ(reference->domain(), v[2]) << v[1];
  EXPECT_EQ(reference->path(), v[3]) << v[1];
  EXPECT_EQ(reference->tag(), v[4]) << v[1];
  EXPECT_EQ(reference->digest() ? reference->digest()->str() : "", v[5]) << v[1];
}

TEST(Reference, AgreesWithDistributionsPublishedVectors) {
  std::size_t count = 0;
  for (const auto& v : read_vectors((fakes::fixtures() / "vectors/references.tsv").string(), 6)) {
    ++count;
    check_published(v);
  }
  std::cout << count << " reference vectors ran\n";
  EXPECT_EQ(count, 163U);
}

TEST(Reference, TheDigestWinsOverTheTag) {
  const auto reference = Reference::parse("example.com:5000/a/b:v1@" + kSha256);
  ASSERT_TRUE(reference);
  EXPECT_EQ(reference->tag(), "v1");
  EXPECT_EQ(reference->identifier(), kSha256);
  EXPECT_EQ(reference->name(), "example.com:5000/a/b@" + kSha256);
  EXPECT_EQ(reference->repository(), "example.com:5000/a/b");
}

TEST(Reference, ADigestAloneNeedsNoTag) {
  for (const std::string& digest : {kSha256, kSha512}) {
    const auto reference = Reference::parse("x@" + digest);
    ASSERT_TRUE(reference);
    EXPECT_EQ(reference->tag(), "");
    EXPECT_EQ(reference->name(), "docker.io/library/x@" + digest);
    EXPECT_EQ(reference->name_with_digest(*reference->digest()), reference->name());
  }
}

TEST(Reference, TheTagIsWhatIsAskedOfTheRegistryWithoutADigest) {
  EXPECT_EQ(Reference::parse("x:1")->identifier(), "1");
  EXPECT_EQ(Reference::parse("x")->identifier(), "latest");
}

TEST(Reference, SaysWhyInPlainWords) {
  EXPECT_NE(Reference::parse("docker/Docker").error().message.find("lower case"),
            std::string::npos);
  EXPECT_NE(Reference::parse(std::string(64, 'a')).error().message.find("image ID"),
            std::string::npos);
  EXPECT_NE(Reference::parse("a.b:70000/x").error().message.find("1 to 65535"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof
