#include "agent/smoke/service.hpp"

#include <gtest/gtest.h>

namespace nodeproof::smoke {
namespace {

constexpr std::string_view kHead =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";

TEST(Listening, NamesSocketsThatListenOnly) {
  const std::string tcp = std::string(kHead) +
                          "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000\n"
                          "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000\n"
                          "   2: 0100007F:1F91 0100007F:9999 01 00000000:00000000 00:00000000\n";
  const std::string tcp6 =
      std::string(kHead) +
      "   0: 00000000000000000000000001000000:18EB 00000000000000000000000000000000:0000 0A\n";
  EXPECT_EQ(listening(tcp, tcp6),
            (std::vector<std::string>{"0.0.0.0:80", "127.0.0.1:8080", "[::1]:6379"}));
}

TEST(Listening, TakesNothingFromWhatIsNoTable) {
  EXPECT_TRUE(listening("", "").empty());
  EXPECT_TRUE(
      listening("0: zz:1 0:0 0A\n1: 0100007F 0:0 0A\n2: 0100007F: 0:0 0A\n", "x\n\n").empty());
  std::string many;
  for (int port = 1000; port < 2000; ++port)
    many += "0: 00000000:" + std::to_string(port) + " 0:0 0A\n";
  EXPECT_EQ(listening(many, many).size(), kMaxListening);
}

}  // namespace
}  // namespace nodeproof::smoke
