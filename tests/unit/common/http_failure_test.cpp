#include "common/http_failure.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace nodeproof {
namespace {

HttpFailureContext context(std::string detail = {}) {
  HttpFailureContext out;
  out.url = *parse_http_url("https://registry.lan:5000/v2/?token=secret");
  out.detail = std::move(detail);
  out.ca_file = "/etc/my-ca.pem";
  return out;
}

TEST(Explain, NamesHostAndPortButNeverTheQuery) {
  const Error error = explain(HttpFailure::name_not_found, context("Could not resolve host"));
  EXPECT_EQ(error.code, Errc::unreachable);
  EXPECT_EQ(error.message, "registry.lan:5000: the name 'registry.lan' was not found");
  EXPECT_NE(error.remedy.find("/etc/resolv.conf"), std::string::npos);
}

TEST(Explain, SaysThatMulticastNamesAreNotAsked) {
  auto where = context();
  where.url.host = "pi.local";
  EXPECT_NE(explain(HttpFailure::name_not_found, where).remedy.find("/etc/hosts"),
            std::string::npos);
}

TEST(Explain, TellsARefusedConnectionFromOneWithoutARoute) {
  auto refused = context();
  refused.os_error = ECONNREFUSED;
  EXPECT_EQ(explain(HttpFailure::not_connected, refused).message,
            "registry.lan:5000: connection refused");
  auto routeless = context();
  routeless.os_error = EHOSTUNREACH;
  EXPECT_EQ(explain(HttpFailure::not_connected, routeless).message,
            "registry.lan:5000: no route to the host");
}

struct CertificateCase {
  std::string name, detail, message, remedy;
};

class Certificates : public testing::TestWithParam<CertificateCase> {};

TEST_P(Certificates, AreExplained) {
  const Error error = explain(HttpFailure::certificate, context(GetParam().detail));
  EXPECT_EQ(error.code, Errc::untrusted);
  EXPECT_NE(error.message.find(GetParam().message), std::string::npos) << error.message;
  EXPECT_NE(error.remedy.find(GetParam().remedy), std::string::npos) << error.remedy;
  EXPECT_EQ(error.message.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Causes, Certificates,
    testing::Values(
        CertificateCase{"Future", "mbedTLS: The certificate validity starts in the future\n",
                        "is not yet valid (this host's clock says 20", "set this host's clock"},
        CertificateCase{"Expired", "mbedTLS: The certificate validity has expired\n",
                        "has expired (this host's clock says 20", "renewed"},
        CertificateCase{
            "Name",
            "mbedTLS: The certificate Common Name (CN) does not match with the expected CN\n",
            "is not valid for registry.lan", "subject alternative name"},
        CertificateCase{"Authority",
                        "mbedTLS: The certificate is not correctly signed by the trusted CA\n",
                        "is signed by no CA of /etc/my-ca.pem", "'ca'"},
        CertificateCase{
            "Both",
            "mbedTLS: The certificate Common Name (CN) does not match with the expected CN\n"
            "The certificate is not correctly signed by the trusted CA\n",
            "is not valid for registry.lan and is signed by no CA of", "host name"},
        CertificateCase{
            "Unknown", "mbedTLS: The certificate is signed with an unacceptable hash\n",
            "is not accepted (mbedTLS: The certificate is signed with an unacceptable hash)", ""}),
    [](const auto& info) { return info.param.name; });

TEST(Explain, MakesTheLibrarysWordsInert) {
  const Error error = explain(HttpFailure::other, context("bad\n\x1b[31m thing\x07"));
  EXPECT_EQ(error.message, "registry.lan:5000: the transfer failed (bad [31m thing)");
}

TEST(Explain, BlamesTheProxyThatRefusedAndNotTheRegistry) {
  auto where = context();
  where.through_proxy = true;
  where.proxy = "proxy.lan:3128";
  where.os_error = ECONNREFUSED;
  const Error error = explain(HttpFailure::not_connected, where);
  EXPECT_EQ(error.message,
            "registry.lan:5000 (through the proxy proxy.lan:3128): the proxy itself refused the "
            "connection");
  EXPECT_EQ(error.remedy.find("5000"), std::string::npos) << error.remedy;
  EXPECT_NE(error.remedy.find("proxy.lan:3128"), std::string::npos) << error.remedy;
}

TEST(Explain, MentionsAProxy) {
  auto where = context("CONNECT tunnel failed, response 407");
  where.through_proxy = true;
  EXPECT_EQ(explain(HttpFailure::proxy, where).message,
            "registry.lan:5000 (through a proxy): the proxy did not let the "
            "connection through "
            "(CONNECT tunnel failed, response 407)");
  where.proxy = "proxy.lan:3128";
  EXPECT_TRUE(explain(HttpFailure::proxy, where)
                  .message.starts_with("registry.lan:5000 (through the proxy proxy.lan:3128): "));
}

}  // namespace
}  // namespace nodeproof
