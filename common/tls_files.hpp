// The PEM files that a TLS client reads.
#pragma once

#include <string>
#include <vector>

#include "common/error.hpp"

namespace nodeproof {

// The same three places that Go programs such as containerd probe first, and the usual variable,
// SSL_CERT_FILE. Errc::invalid_config when there is none.
Result<std::string> system_ca_file();

// libcurl would say so too, but leaks what it had prepared. "" is fine.
Result<> check_readable(const std::string& file);

// Their text, one after the other; `first` may be "".
Result<std::string> joined_ca_files(const std::string& first, const std::vector<std::string>& more);

}  // namespace nodeproof
