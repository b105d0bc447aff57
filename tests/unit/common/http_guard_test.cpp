// Servers that hold a client up, and those that lead it where it should not go.
#include <chrono>
#include <cstdlib>
#include <thread>

#include "tests/unit/common/http_curl_fixture.hpp"

namespace nodeproof {
namespace {

using fakes::http_ok;
using fakes::LoopbackServer;
using fakes::Peer;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Sends the head, then one byte of the body again and again, as a server that wants to be waited
// for.
LoopbackServer::Handler dripping(const std::string& head, const std::string& drop) {
  return [head, drop](Peer& peer) {
    peer.request();
    peer.send(head);
    for (int i = 0; i < 75; ++i) {
      peer.send(drop);
      std::this_thread::sleep_for(milliseconds(20));
    }
  };
}

struct SlowCase {
  std::string name, head, drop;
  void (*limit)(HttpRequest&);
  std::string words;
};

class SlowServers : public testing::TestWithParam<SlowCase> {};

TEST_P(SlowServers, AreNotWaitedForForEver) {
  const SlowCase& slow = GetParam();
  LoopbackServer server(dripping("HTTP/1.1 200 OK\r\n" + slow.head, slow.drop));
  CurlHttpClient client;
  Seen seen;
  HttpRequest request = get(server.url("/"));
  slow.limit(request);
  const auto answer = send(client, request, seen);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::timeout);
  EXPECT_NE(answer.error().message.find(slow.words), std::string::npos) << answer.error().message;
}

const std::string kLong = "Content-Length: 1000000\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    CurlHttpClient, SlowServers,
    testing::Values(SlowCase{"ABodyThatOnlyDrips", kLong, "x",
                             [](HttpRequest& request) {
                               request.stall_timeout = seconds(1);
                               request.least_bytes = 1000;
                             },
                             "the transfer came down to"},
                    // Its extension is no end of bytes of which none is the body's.
                    SlowCase{"ChunksThatHoldNothing", "Transfer-Encoding: chunked\r\n\r\n1;", "x",
                             [](HttpRequest& request) { request.stall_timeout = seconds(1); },
                             "the transfer stalled for 1 s"},
                    SlowCase{"HeadersThatDrip", "", "X: y\r\n",
                             [](HttpRequest& request) {
                               request.first_byte_timeout = milliseconds(400);
                             },
                             "no answer came for 400 ms"},
                    SlowCase{"ADocumentThatIsNotThereInTime", kLong, "x",
                             [](HttpRequest& request) { request.whole_timeout = seconds(1); },
                             "not complete after 1 s"}),
    [](const auto& info) { return info.param.name; });

HttpRequest led_by(HttpRequest request, std::string who) {
  request.led_by = std::move(who);
  return request;
}

TEST(CurlHttpClient, SaysWhoseAddressAnswered) {
  LoopbackServer server(answering(http_ok("")));
  CurlHttpClient client;
  Seen seen;
  const auto answer = send(client, get(server.url("/")), seen);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->address, "127.0.0.1");
  EXPECT_EQ(seen.head.address, "127.0.0.1");
}

TEST(CurlHttpClient, NobodyElseLeadsToALoopbackAddress) {
  LoopbackServer server(answering(http_ok("secret")));
  CurlHttpClient client;
  const std::string url = "http://localhost:" + std::to_string(server.port()) + "/";
  for (const char* who : {"192.0.2.7", "registry.example", "2001:db8::1", "169.254.0.7"}) {
    Seen seen;
    const auto answer = send(client, led_by(get(url), who), seen);
    ASSERT_FALSE(answer) << who;
    EXPECT_EQ(answer.error().code, Errc::untrusted) << answer.error().message;
    EXPECT_NE(answer.error().message.find("leads to "), std::string::npos);
  }
  EXPECT_EQ(server.connections(), 0) << "not even a connection";
  Seen seen;
  EXPECT_TRUE(send(client, led_by(get(url), "127.0.0.1"), seen)) << "it is there itself";
}

TEST(CurlHttpClient, AKeptConnectionIsNoWayAround) {
  LoopbackServer server(answering(http_ok("secret")));
  CurlHttpClient client;
  Seen seen;
  ASSERT_TRUE(send(client, get(server.url("/")), seen));
  Seen refused;
  const auto answer = send(client, led_by(get(server.url("/")), "192.0.2.7"), refused);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::untrusted) << answer.error().message;
  EXPECT_EQ(refused.heads, 0);
}

TEST(CurlHttpClient, AProxyConnectsForItself) {
  LoopbackServer proxy(answering(http_ok("through")));
  ASSERT_EQ(setenv("http_proxy", proxy.url("").c_str(), 1), 0);
  CurlHttpClient client;
  Seen seen;
  const auto answer = send(client, led_by(get("http://cdn.test/"), "192.0.2.7"), seen);
  unsetenv("http_proxy");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(seen.body, "through");
  EXPECT_EQ(answer->address, "");
}

TEST(CurlHttpClient, KeepsNoCookies) {
  std::string second;
  LoopbackServer server([&](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nSet-Cookie: id=1; Path=/\r\nContent-Length: 0\r\n\r\n");
    second = peer.request().value_or("");
    peer.send(http_ok(""));
  });
  CurlHttpClient client;
  Seen first, again;
  ASSERT_TRUE(send(client, get(server.url("/")), first));
  ASSERT_TRUE(send(client, get(server.url("/")), again));
  EXPECT_EQ(second.find("ookie"), std::string::npos) << second;
}

}  // namespace
}  // namespace nodeproof
