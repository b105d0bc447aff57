#include "common/http_url.hpp"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

TEST(ParseHttpUrl, TakesSchemeHostPortAndTarget) {
  const auto url = parse_http_url("https://Registry.Example.com:5000/v2/a/blobs/x?sig=1&b=2#part");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "registry.example.com");
  EXPECT_EQ(url->port, 5000);
  EXPECT_EQ(url->target, "/v2/a/blobs/x?sig=1&b=2");
  EXPECT_EQ(url->str(), "https://registry.example.com:5000/v2/a/blobs/x?sig=1&b=2");
}

TEST(ParseHttpUrl, KnowsTheSchemesPorts) {
  EXPECT_EQ(parse_http_url("http://a.example")->port, 80);
  EXPECT_EQ(parse_http_url("https://a.example")->port, 443);
  EXPECT_EQ(parse_http_url("https://a.example:443/x")->str(), "https://a.example/x");
  EXPECT_EQ(parse_http_url("http://a.example:443/")->authority(), "a.example:443");
  EXPECT_EQ(parse_http_url("https://a.example?x=1")->target, "/?x=1");
}

TEST(ParseHttpUrl, TakesIpv6InBrackets) {
  const auto url = parse_http_url("http://[FD00::1]:5000/v2/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "fd00::1");
  EXPECT_EQ(url->host_port(), "[fd00::1]:5000");
  EXPECT_EQ(parse_http_url("http://[::1]/")->authority(), "[::1]");
}

TEST(ParseHttpUrl, NotesUserInformationWithoutKeepingIt) {
  const auto url = parse_http_url("https://user:secret@a.example/x");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->user_info);
  EXPECT_EQ(url->str(), "https://a.example/x");
}

class BadUrls : public testing::TestWithParam<const char*> {};

TEST_P(BadUrls, AreRefusedWithoutBeingQuoted) {
  const auto url = parse_http_url(GetParam());
  ASSERT_FALSE(url) << url->str();
  EXPECT_EQ(url.error().code, Errc::invalid_document);
  EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(HttpUrl, BadUrls,
                         testing::Values("", "ftp://a/", "file:///etc/passwd", "//a/", "https://",
                                         "https://a:0/", "https://a:65536/", "https://a:1x/",
                                         "https://[::1/", "https://[::1]x/", "https://[1.2.3.4]/",
                                         "https://a b/secret", "https://a/\r\nsecret",
                                         "https://0x7f.0.0.1/", "https://2130706433/",
                                         "https://127.1/", "https://1.2.3.0x4/", "https://a..b/",
                                         "https://-a/", "https://a%2eb/", "https://\xc3\xa4/",
                                         "https://a/b\\c", "https://fe80::1/"));

struct RelativeCase {
  const char* reference;
  const char* expected;
};

// RFC 3986, section 5.4, with the parts that a Location may have.
class RelativeReferences : public testing::TestWithParam<RelativeCase> {};

TEST_P(RelativeReferences, ResolveAsInTheRfc) {
  const auto base = parse_http_url("http://a/b/c/d;p?q");
  const auto url = resolve_http_url(*base, GetParam().reference);
  ASSERT_TRUE(url) << GetParam().reference;
  EXPECT_EQ(url->str(), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    HttpUrl, RelativeReferences,
    testing::Values(RelativeCase{"g", "http://a/b/c/g"}, RelativeCase{"./g", "http://a/b/c/g"},
                    RelativeCase{"g/", "http://a/b/c/g/"}, RelativeCase{"/g", "http://a/g"},
                    RelativeCase{"//g", "http://g/"}, RelativeCase{"?y", "http://a/b/c/d;p?y"},
                    RelativeCase{"g?y", "http://a/b/c/g?y"}, RelativeCase{"g#s", "http://a/b/c/g"},
                    RelativeCase{"g?y#s", "http://a/b/c/g?y"},
                    RelativeCase{";x", "http://a/b/c/;x"},
                    RelativeCase{"g;x=1/./y", "http://a/b/c/g;x=1/y"},
                    RelativeCase{"", "http://a/b/c/d;p?q"}, RelativeCase{".", "http://a/b/c/"},
                    RelativeCase{"..", "http://a/b/"}, RelativeCase{"../g", "http://a/b/g"},
                    RelativeCase{"../..", "http://a/"}, RelativeCase{"../../../g", "http://a/g"},
                    RelativeCase{"/./g", "http://a/g"},
                    RelativeCase{"g/../h?u=http://x/", "http://a/b/c/h?u=http://x/"},
                    RelativeCase{"https://b.example/x", "https://b.example/x"}));

TEST(PercentEncode, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("repository:a/b-c_d.e~f:pull"), "repository%3Aa%2Fb-c_d.e~f%3Apull");
  EXPECT_EQ(percent_encode("x&service=evil \xff"), "x%26service%3Devil%20%FF");
}

TEST(KindOfHost, KnowsTheAddressesThatAreNobodysBusiness) {
  for (const char* host : {"localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9",
                           "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(kind_of_host(host), HostKind::loopback) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "169.254.169.254", "fe80::1", "febf::1", "ff02::1",
                           "224.0.0.1", "255.255.255.255", "::ffff:169.254.169.254",
                           "fd00:ec2::254", "metadata.google.internal", "::2"}) {
    EXPECT_EQ(kind_of_host(host), HostKind::forbidden) << host;
  }
  for (const char* host : {"192.168.1.5", "10.0.0.1", "8.8.8.8", "fd00::1", "2001:db8::1"}) {
    EXPECT_EQ(kind_of_host(host), HostKind::address) << host;
  }
  EXPECT_EQ(kind_of_host("registry.example.com"), HostKind::name);
  EXPECT_EQ(kind_of_host("notlocalhost"), HostKind::name);
}

TEST(MayLeadTo, NobodyLeadsIntoThisMachineWhoIsNotThere) {
  EXPECT_TRUE(may_lead_to("192.0.2.1", "198.51.100.7"));
  EXPECT_TRUE(may_lead_to("192.0.2.1", "192.168.1.9"));
  EXPECT_TRUE(may_lead_to("127.0.0.1", "::1"));
  EXPECT_TRUE(may_lead_to("fe80::1", "FE80::1"));
  for (const char* to : {"127.0.0.1", "::1", "0.0.0.0", "::", "169.254.169.254", "224.0.0.1",
                         "fe80::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe",
                         "64:ff9b::7f00:1", "fd00:ec2::254", "metadata.google.internal"}) {
    EXPECT_FALSE(may_lead_to("192.0.2.1", to)) << to;
  }
  EXPECT_FALSE(may_lead_to("127.0.0.1", "169.254.169.254"));
  EXPECT_FALSE(may_lead_to("169.254.0.7", "169.254.169.254"));
}

}  // namespace
}  // namespace nodeproof
