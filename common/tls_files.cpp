#include "common/tls_files.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/file.hpp"

namespace nodeproof {

Result<std::string> system_ca_file() {
  if (const char* named = std::getenv("SSL_CERT_FILE"); named != nullptr && *named != '\0') {
    return std::string(named);
  }
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/ca-bundle.pem"}) {
    if (access(path, R_OK) == 0) return std::string(path);
  }
  return fail(Errc::invalid_config, "this host has no store of CA certificates",
              "install ca-certificates, set SSL_CERT_FILE, or name the registry's CA as its 'ca'");
}

Result<> check_readable(const std::string& file) {
  if (file.empty() || access(file.c_str(), R_OK) == 0) return {};
  return fail(Errc::invalid_config,
              "the TLS file " + file + " cannot be read: " + std::strerror(errno),
              "check the path and its permissions");
}

Result<std::string> joined_ca_files(const std::string& first,
                                    const std::vector<std::string>& more) {
  constexpr std::size_t kMaxBytes = 16 << 20;
  std::string joined;
  if (!first.empty()) joined = TRY(read_file(first, kMaxBytes));
  for (const std::string& file : more) {
    TRY(check_readable(file));
    const std::string text = TRY(read_file(file, kMaxBytes));
    joined += '\n' + text;
  }
  return joined;
}

}  // namespace nodeproof
