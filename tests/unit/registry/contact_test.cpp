#include "agent/registry/contact.hpp"

#include <gtest/gtest.h>

namespace nodeproof::registry {
namespace {

struct ContactCase {
  std::string name, from, to;
  bool allowed;
};

class Contacts : public testing::TestWithParam<ContactCase> {};

TEST_P(Contacts, AreAllowedOrNot) {
  const auto from = parse_http_url(GetParam().from);
  const auto to = parse_http_url(GetParam().to);
  ASSERT_TRUE(from && to);
  for (const Purpose purpose : {Purpose::redirect, Purpose::login}) {
    const auto verdict = may_contact(*from, *to, purpose);
    EXPECT_EQ(verdict.has_value(), GetParam().allowed);
    if (verdict) continue;
    EXPECT_EQ(verdict.error().code, Errc::untrusted);
    EXPECT_EQ(verdict.error().message.find("secret"), std::string::npos);
  }
}

const ContactCase kCases[] = {
    {"OtherHost", "https://r.example/v2/", "https://auth.example/token?x=secret", true},
    {"SameHost", "https://r.example/v2/", "https://r.example/token", true},
    {"HttpToHttps", "http://r.lan:5000/", "https://cdn.example/", true},
    {"HttpToHttp", "http://r.lan:5000/", "http://auth.lan/token", true},
    {"HttpsToHttp", "https://r.example/", "http://r.example/?x=secret", false},
    {"UserInformation", "https://r.example/", "https://user:secret@auth.example/", false},
    {"NameToLoopback", "https://r.example/", "https://127.0.0.1/token", false},
    {"NameToLocalhost", "https://r.example/", "https://localhost/token", false},
    {"NameToIpv6Loopback", "https://r.example/", "https://[::1]:8443/", false},
    {"NameToMappedLoopback", "https://r.example/", "https://[::ffff:127.0.0.1]/", false},
    {"NameToLinkLocal", "https://r.example/", "https://[fe80::1]/", false},
    {"NameToCloudMetadata", "http://r.example/", "http://169.254.169.254/latest/secret", false},
    {"NameToNamedMetadata", "http://r.example/", "http://metadata.google.internal/", false},
    {"NameToUnspecified", "https://r.example/", "https://0.0.0.0/", false},
    {"PrivateNetwork", "https://harbor.lan/", "https://192.168.1.9/service/token", true},
    {"LoopbackToItsOtherPort", "http://127.0.0.1:5000/", "http://127.0.0.1:5001/token", true},
    {"LoopbackByAnotherName", "http://localhost:5000/", "http://127.0.0.1:5001/token", true},
    {"LoopbackToLinkLocal", "http://127.0.0.1:5000/", "http://169.254.169.254/", false},
    {"LinkLocalToItself", "https://[fe80::1]:5000/", "https://[fe80::1]/token", true},
};

INSTANTIATE_TEST_SUITE_P(MayContact, Contacts, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace nodeproof::registry
