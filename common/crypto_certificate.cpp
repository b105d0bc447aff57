#include "common/crypto_certificate.hpp"

#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <array>

namespace nodeproof {
namespace {

class Chain {
 public:
  Chain() { mbedtls_x509_crt_init(&chain_); }
  ~Chain() { mbedtls_x509_crt_free(&chain_); }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  [[nodiscard]] mbedtls_x509_crt* get() { return &chain_; }

 private:
  mbedtls_x509_crt chain_{};
};

std::chrono::sys_seconds time_of(const mbedtls_x509_time& time) {
  using std::chrono::sys_days;
  const sys_days day = std::chrono::year(time.year) /
                       std::chrono::month(static_cast<unsigned>(time.mon)) /
                       std::chrono::day(static_cast<unsigned>(time.day));
  return day + std::chrono::hours(time.hour) + std::chrono::minutes(time.min) +
         std::chrono::seconds(time.sec);
}

std::string subject_of(const mbedtls_x509_crt& certificate) {
  std::array<char, 256> name{};
  const int size = mbedtls_x509_dn_gets(name.data(), name.size(), &certificate.subject);
  return size < 0 ? "" : std::string(name.data(), static_cast<std::size_t>(size));
}

}  // namespace

Result<std::vector<CertificateTime>> certificate_times(std::string_view pem) {
  const std::string text(pem);  // mbedTLS wants the NUL behind it, and counts it
  Chain chain;
  const int parsed = mbedtls_x509_crt_parse(
      chain.get(), reinterpret_cast<const unsigned char*>(text.c_str()), text.size() + 1);
  if (parsed < 0) return fail(Errc::invalid_document, "no certificates in PEM");
  std::vector<CertificateTime> times;
  for (const mbedtls_x509_crt* each = chain.get(); each != nullptr && each->raw.p != nullptr;
       each = each->next) {
    times.push_back({subject_of(*each), time_of(each->valid_from), time_of(each->valid_to)});
  }
  // Some of them may be of kinds that are not known.
  if (times.empty()) return fail(Errc::invalid_document, "no certificate that can be read");
  return times;
}

}  // namespace nodeproof
