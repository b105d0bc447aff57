// What a certificate file says of its time (RFC 5280, section 4.1.2.5).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"

namespace nodeproof {

struct CertificateTime {
  std::string subject;  // "CN=pi-17"
  std::chrono::sys_seconds not_before, not_after;
  friend bool operator==(const CertificateTime&, const CertificateTime&) = default;
};

// Of each certificate of a PEM file, in its order. Errc::invalid_document when there is none.
Result<std::vector<CertificateTime>> certificate_times(std::string_view pem);

}  // namespace nodeproof
