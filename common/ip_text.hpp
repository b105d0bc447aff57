// An address as text.
#pragma once

#include <sys/socket.h>

#include <string>

namespace nodeproof {

// "192.0.2.1", "2001:db8::1"; "" for what is neither IPv4 nor IPv6.
[[nodiscard]] std::string ip_text(const sockaddr& address);

}  // namespace nodeproof
