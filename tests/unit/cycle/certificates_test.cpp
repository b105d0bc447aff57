#include "agent/certificates.hpp"

#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "common/crypto_certificate.hpp"
#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

using std::chrono::days;
using std::chrono::seconds;

// Self-signed, for ten years.
constexpr const char* kCertificate =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBdTCCARugAwIBAgIUOicXY+Hugl4lCHpkwHmOYo/KG9UwCgYIKoZIzj0EAwIw\n"
    "EDEOMAwGA1UEAwwFcGktMTcwHhcNMjYxMTIyMTUxNTQwWhcNMzYxMTE5MTUxNTQw\n"
    "WjAQMQ4wDAYDVQQDDAVwaS0xNzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMtm\n"
    "tZkFuEoZiGhz/0o0JbZk0d/tEDl4yB0i5z6oggiTR7AbagfTcX6a+TL+2qHiPIXh\n"
    "7QVgQQ8YSNpLtKtb/sqjUzBRMB0GA1UdDgQWBBRa8qpcN7QZoB7KCaaKjinrOo3l\n"
    "MzAfBgNVHSMEGDAWgBRa8qpcN7QZoB7KCaaKjinrOo3lMzAPBgNVHRMBAf8EBTAD\n"
    "AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCYz/onkheuscA4q/a8fhyqyeeS0KCUTayv\n"
    "cftfy/074AIgdkysiQbm7EtAmIYhEPKCRYtigfFK8vGl41vs0oZxZ2U=\n"
    "-----END CERTIFICATE-----\n";

// Until 9999-12-31, as devices have them that never end (IEEE 802.1AR).
constexpr const char* kForEver =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBGTCBwQIUIAh0sbIh2xzGN261xBD6yUSbMbQwCgYIKoZIzj0EAwIwDTELMAkG\n"
    "A1UEAwwCY2EwIBcNMjYxMTAxMDAwMDAwWhgPOTk5OTEyMzEyMzU5NTlaMBExDzAN\n"
    "BgNVBAMMBmRldmljZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABC7GFDjikJce\n"
    "fsueeEgT0Qkyuz7bp1jbOLL1CDuY4uX2PzK9GyczZ21m6mj+Yzb9oOOawnlCQ/ah\n"
    "wYZ+ZLxfXswwCgYIKoZIzj0EAwIDRwAwRAIgRj7XZI0qUCAkWTNN+lAtbtSkAJDz\n"
    "BCNhgzi5q+HR/I0CIGYJwrGHkD3gBUxiiWUhp3JAH/UFLLz8xmPhNroClCEP\n"
    "-----END CERTIFICATE-----\n";

class Certificates : public ::testing::Test {
 protected:
  Certificates() {
    EXPECT_TRUE(write_file_atomically(file_, kCertificate));
    const auto times = certificate_times(kCertificate);
    EXPECT_TRUE(times);
    if (times) end_ = times->front().not_after;
    config_.registries["r.example.com"].client_certificate = file_;
  }
  [[nodiscard]] std::string told(std::chrono::sys_seconds now) const {
    const auto findings = expiring_certificates(config_, now);
    EXPECT_LE(findings.size(), 1U);
    if (findings.empty()) return "";
    EXPECT_EQ(findings.front().code, code::kCertificateExpiring);
    EXPECT_EQ(findings.front().severity, Severity::warn);
    EXPECT_EQ(findings.front().subject, file_);
    return findings.front().message;
  }
  const fakes::TempFolder folder_;
  const std::string file_ = (folder_.path() / "client.pem").string();
  std::chrono::sys_seconds end_;
  config::Config config_;
};

TEST_F(Certificates, AreToldAtThirtySevenAndOneDaysAndWhenTheyHaveEnded) {
  const std::string of = "the client certificate of registry r.example.com ";
  EXPECT_EQ(told(end_ - days(30) - seconds(1)), "");
  EXPECT_TRUE(told(end_ - days(30)).starts_with(of + "ends within 30 days: 20"));
  EXPECT_EQ(told(end_ - days(8)), told(end_ - days(29)));
  EXPECT_TRUE(told(end_ - days(7)).starts_with(of + "ends within 7 days: 20"));
  EXPECT_TRUE(told(end_ - days(1)).starts_with(of + "ends within 1 day: 20"));
  EXPECT_TRUE(told(end_).starts_with(of + "has ended: 20"));
}

TEST_F(Certificates, ThatNeverEndAreNotToldAsEnded) {
  EXPECT_TRUE(write_file_atomically(file_, kForEver));
  EXPECT_EQ(told(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)), "");
}

TEST_F(Certificates, OfReceiversOfReportsAreToldToo) {
  config_.registries.clear();
  config_.report.webhook.to.client_certificate = file_;
  EXPECT_TRUE(told(end_).starts_with("the client certificate of report.webhook"));
  config_.report.webhook.to = {};
  config_.report.otlp.to.ca = file_;
  EXPECT_TRUE(told(end_).starts_with("the authority of report.otlp"));
}

TEST_F(Certificates, ABundleOfAuthoritiesHoldsSomeThatHaveEnded) {
  config_.registries["r.example.com"] = {};
  config_.registries["r.example.com"].ca = file_;
  EXPECT_NE(told(end_), "");
  EXPECT_TRUE(write_file_atomically(file_, std::string(kCertificate) + kCertificate));
  EXPECT_EQ(told(end_), "");
}

TEST_F(Certificates, WhatIsNoCertificateIsForItsUserToName) {
  EXPECT_TRUE(write_file_atomically(file_, "no certificate"));
  EXPECT_EQ(told(end_), "");
  EXPECT_TRUE(remove_file(file_));
  EXPECT_EQ(told(end_), "");
}

TEST(CertificateTimes, AreThoseOfEachCertificateOfAFile) {
  const auto times = certificate_times(std::string(kCertificate) + kCertificate);
  ASSERT_TRUE(times);
  ASSERT_EQ(times->size(), 2U);
  EXPECT_EQ(times->front().subject, "CN=pi-17");
  EXPECT_EQ(times->front().not_after - times->front().not_before, days(3650));
  EXPECT_FALSE(certificate_times(""));
  EXPECT_FALSE(certificate_times("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
}

}  // namespace
}  // namespace nodeproof
