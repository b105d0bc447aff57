#include "common/ip_text.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>

namespace nodeproof {

std::string ip_text(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* raw =
      address.sa_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr)
          : &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  return inet_ntop(address.sa_family, raw, text.data(), text.size()) == nullptr ? "" : text.data();
}

}  // namespace nodeproof
