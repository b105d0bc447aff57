#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "tests/fakes/fixtures.hpp"
#include "tests/fakes/loopback_server.hpp"
#include "tests/unit/common/http_curl_fixture.hpp"

namespace nodeproof {
namespace {

using fakes::http_ok;
using fakes::LoopbackServer;
using fakes::Peer;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(CurlHttpClient, GivesStatusHeadersInLowerCaseAndTheBody) {
  LoopbackServer server(
      answering("HTTP/1.1 404 Nope\r\nContent-Type: text/plain\r\nX-Two: a\r\nx-two:  b \r\n"
                "Content-Length: 4\r\n\r\ngone"));
  CurlHttpClient client;
  Seen seen;
  const auto answer = send(client, get(server.url("/x")), seen);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->header("content-type"), "text/plain");
  EXPECT_EQ(answer->header_values("x-two"), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(answer->header("x-three"));
  EXPECT_EQ(seen.body, "gone");
  EXPECT_EQ(seen.head.status, 404);
}

TEST(CurlHttpClient, SendsWhatItIsToldAndNoMore) {
  std::string got;
  LoopbackServer server([&](Peer& peer) {
    got = peer.request().value_or("");
    peer.send(http_ok(""));
  });
  CurlHttpClient client;
  Seen seen;
  HttpRequest request = get(server.url("/a/../b%2F?x=1"));
  request.headers = {{"Accept", "application/json"}, {"Authorization", "Bearer abc"}};
  ASSERT_TRUE(send(client, request, seen));
  EXPECT_TRUE(got.starts_with("GET /a/../b%2F?x=1 HTTP/1.1\r\n")) << got;
  EXPECT_NE(got.find("\r\nAuthorization: Bearer abc\r\n"), std::string::npos);
  EXPECT_NE(got.find("\r\nAccept: application/json\r\n"), std::string::npos);
  EXPECT_EQ(got.find("Accept-Encoding"), std::string::npos);
}

TEST(CurlHttpClient, HeadHasNoBodyAndPostHasOne) {
  std::vector<std::string> got;
  LoopbackServer server([&](Peer& peer) {
    while (auto request = peer.request()) {
      got.push_back(*request);
      peer.send(request->starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
                                             : http_ok("ok"));
    }
  });
  CurlHttpClient client;
  Seen seen;
  HttpRequest request = get(server.url("/"));
  request.method = "HEAD";
  const auto head = send(client, request, seen);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->header("content-length"), "10");
  EXPECT_EQ(seen.body, "");
  request.method = "POST";
  request.body = "a=b";
  Seen posted;
  ASSERT_TRUE(send(client, request, posted));
  EXPECT_EQ(posted.body, "ok");
  EXPECT_TRUE(got.at(1).starts_with("POST / HTTP/1.1\r\n"));
  EXPECT_NE(got.at(1).find("Content-Length: 3\r\n"), std::string::npos);
}

TEST(CurlHttpClient, FollowsNoRedirectAndDecodesNothing) {
  LoopbackServer server(
      answering("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Encoding: gzip\r\n"
                "Content-Length: 3\r\n\r\nabc"));
  CurlHttpClient client;
  Seen seen;
  const auto answer = send(client, get(server.url("/")), seen);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(seen.body, "abc");
}

TEST(CurlHttpClient, WaitsForTheAnswerBehindInterimOnes) {
  LoopbackServer server(
      answering("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + http_ok("yes")));
  CurlHttpClient client;
  Seen seen;
  const auto answer = send(client, get(server.url("/")), seen);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_FALSE(answer->header("link"));
  EXPECT_EQ(seen.heads, 1);
  EXPECT_EQ(seen.body, "yes");
}

TEST(CurlHttpClient, KeepsConnectionsForReuse) {
  LoopbackServer server(answering(http_ok("x")));
  CurlHttpClient client;
  for (int i = 0; i < 5; ++i) {
    Seen seen;
    ASSERT_TRUE(send(client, get(server.url("/")), seen));
  }
  EXPECT_EQ(server.connections(), 1);
}

int whole_answers(HttpClient& client, const std::string& url, int requests) {
  int whole = 0;
  for (int i = 0; i < requests; ++i) {
    Seen seen;
    if (send(client, get(url), seen) && seen.body.size() == 100000) ++whole;
  }
  return whole;
}

TEST(CurlHttpClient, ServesSeveralThreadsAtOnce) {
  LoopbackServer server(answering(http_ok(std::string(100000, 'x'))));
  CurlHttpClient client;
  std::atomic<int> whole = 0;
  std::vector<std::jthread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { whole += whole_answers(client, server.url("/"), 5); });
  }
  threads.clear();
  EXPECT_EQ(whole, 40);
  EXPECT_LE(server.connections(), 8);
}

TEST(CurlHttpClient, SpeaksIpv6) {
  LoopbackServer server(answering(http_ok("six")), "::1");
  CurlHttpClient client;
  Seen seen;
  const auto answer = send(client, get(server.url("/")), seen);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(seen.body, "six");
}

struct BrokenCase {
  std::string name;
  std::string bytes;
  bool reset = false;
  Errc expected = Errc::internal;
};

class BrokenAnswers : public testing::TestWithParam<BrokenCase> {};

TEST_P(BrokenAnswers, AreErrorsOfTheirKind) {
  LoopbackServer server([](Peer& peer) {
    peer.request();
    peer.send(GetParam().bytes);
    if (GetParam().reset) peer.reset();
  });
  CurlHttpClient client;
  Seen seen;
  const auto answer = send(client, get(server.url("/?token=secret")), seen);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, GetParam().expected) << answer.error().message;
  EXPECT_TRUE(
      answer.error().message.starts_with("127.0.0.1:" + std::to_string(server.port()) + ": "))
      << answer.error().message;
  EXPECT_EQ(answer.error().message.find("secret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Http, BrokenAnswers,
    testing::Values(
        BrokenCase{"ShortBody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", false,
                   Errc::truncated},
        BrokenCase{"NoBody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", false,
                   Errc::truncated},
        BrokenCase{"ShortChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n1234",
                   false, Errc::truncated},
        BrokenCase{"NoLastChunk",
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n", false,
                   Errc::truncated},
        BrokenCase{"ResetInTheBody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", true,
                   Errc::truncated},
        BrokenCase{"ClosedAtOnce", "", false, Errc::unreachable},
        BrokenCase{"ResetAtOnce", "", true, Errc::unreachable},
        BrokenCase{"ClosedInTheHeaders", "HTTP/1.1 200 OK\r\nContent-", false, Errc::unreachable},
        BrokenCase{"NoHttp", "220 mail.example ESMTP\r\n", false, Errc::not_a_registry},
        BrokenCase{"HugeHeaders",
                   "HTTP/1.1 200 OK\r\nX-Big: " + std::string(70000, 'x') +
                       "\r\nContent-Length: 0\r\n\r\n",
                   false, Errc::server_error}),
    [](const auto& info) { return info.param.name; });

TEST(CurlHttpClient, CountsManyHeadersTogether) {
  std::string answer = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 1000; ++i)
    answer += "X-" + std::to_string(i) + ": " + std::string(80, 'y') + "\r\n";
  LoopbackServer server(answering(answer + "Content-Length: 0\r\n\r\n"));
  CurlHttpClient client;
  Seen seen;
  const auto refused = send(client, get(server.url("/")), seen);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::server_error);
  EXPECT_EQ(seen.heads, 0);
}

TEST(CurlHttpClient, SaysThatAConnectionWasRefused) {
  std::string url;
  {
    const LoopbackServer gone([](Peer&) {});
    url = gone.url("/");
  }
  CurlHttpClient client;
  Seen seen;
  const auto answer = send(client, get(url), seen);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unreachable);
  EXPECT_NE(answer.error().message.find("connection refused"), std::string::npos)
      << answer.error().message;
}

TEST(CurlHttpClient, SaysThatTlsIsNotSpokenThere) {
  LoopbackServer server([](Peer& peer) {
    peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    peer.hold();
  });
  CurlHttpClient client;
  Seen seen;
  HttpRequest request = get("https" + server.url("/").substr(4));
  request.tls.ca_file = (fakes::fixtures() / "http/authority.pem").string();
  const auto answer = send(client, request, seen);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unreachable);
  EXPECT_NE(answer.error().message.find("TLS handshake failed"), std::string::npos)
      << answer.error().message;
  EXPECT_NE(answer.error().remedy.find("plain_http"), std::string::npos);
}

TEST(CurlHttpClient, NamesAnUnusableCaFile) {
  LoopbackServer server(answering(http_ok("")));
  CurlHttpClient client;
  Seen seen;
  HttpRequest request = get("https" + server.url("/").substr(4));
  request.tls.ca_file = "/nonexistent/ca.pem";
  const auto answer = send(client, request, seen);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::invalid_config);
  EXPECT_NE(answer.error().message.find("/nonexistent/ca.pem"), std::string::npos)
      << answer.error().message;
}

TEST(CurlHttpClient, RefusesOtherSchemesAndCredentialsInUrls) {
  CurlHttpClient client;
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/"}) {
    Seen seen;
    const auto answer = send(client, get(url), seen);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::invalid_document) << url;
  }
}

TEST(CurlHttpClient, RefusesALineBreakInAHeader) {
  LoopbackServer server(answering(http_ok("")));
  CurlHttpClient client;
  Seen seen;
  HttpRequest request = get(server.url("/"));
  request.headers = {{"X", "a\r\nY: b"}};
  EXPECT_EQ(send(client, request, seen).error().code, Errc::internal);
}

TEST(CurlHttpClient, TheSinksErrorsComeBackAsTheyAre) {
  LoopbackServer server(answering(http_ok("abc")));
  CurlHttpClient client;
  const auto take = [](Bytes) -> Result<> { return fail(Errc::no_space, "full"); };
  const auto head_ok = [](const HttpResponse&) -> Result<> { return {}; };
  const auto full = client.send(get(server.url("/")), head_ok, take, {});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error(), (Error{Errc::no_space, "full", ""}));
  const auto refuse = [](const HttpResponse&) -> Result<> {
    return fail(Errc::unsupported, "not this");
  };
  const auto refused = client.send(get(server.url("/")), refuse, take, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported);
  Seen seen;
  EXPECT_TRUE(send(client, get(server.url("/")), seen)) << "the client stays usable";
}

TEST(CurlHttpClient, GivesUpOnAServerThatNeverAnswers) {
  LoopbackServer server([](Peer& peer) {
    peer.request();
    peer.hold();
  });
  CurlHttpClient client;
  Seen seen;
  HttpRequest request = get(server.url("/"));
  request.first_byte_timeout = milliseconds(200);
  const auto answer = send(client, request, seen);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::timeout);
}

TEST(CurlHttpClient, GivesUpOnABodyThatStalls) {
  LoopbackServer server([](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123");
    peer.hold();
  });
  CurlHttpClient client;
  Seen seen;
  HttpRequest request = get(server.url("/"));
  request.stall_timeout = seconds(1);
  const auto answer = send(client, request, seen);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::timeout);
  EXPECT_EQ(seen.body, "123");
}

TEST(CurlHttpClient, ASlowSinkIsNotAStall) {
  LoopbackServer server(answering(http_ok(std::string(400000, 'x'))));
  CurlHttpClient client;
  HttpRequest request = get(server.url("/"));
  request.stall_timeout = seconds(1);
  std::size_t bytes = 0;
  const auto answer = client.send(
      request, [](const HttpResponse&) -> Result<> { return {}; },
      [&](Bytes piece) -> Result<> {
        if (bytes == 0) std::this_thread::sleep_for(milliseconds(1300));
        bytes += piece.size();
        return {};
      },
      {});
  EXPECT_TRUE(answer);
  EXPECT_EQ(bytes, 400000U);
}

// Where a transfer can be when it is stopped.
class Stops : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Stops, ReturnsAfterStopAlthoughNothingArrives) {
  LoopbackServer server([](Peer& peer) {
    peer.request();
    peer.send(GetParam().second);
    peer.hold();
  });
  CurlHttpClient client;
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(200));
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  Seen seen;
  const auto answer = send(client, get(server.url("/")), seen, stop.get_token());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::cancelled);
}

INSTANTIATE_TEST_SUITE_P(
    Http, Stops,
    testing::Values(std::pair("WaitingForTheAnswer", ""),
                    std::pair("InTheHeaders", "HTTP/1.1 200 OK\r\nX: y\r\n"),
                    std::pair("InTheBody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12")),
    [](const auto& info) { return std::string(info.param.first); });

TEST(CurlHttpClient, ReturnsAfterStopWhileConnecting) {
  CurlHttpClient client;
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(200));
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  Seen seen;
  // 192.0.2.0/24 is documentation's (RFC 5737): nobody answers, or the network says at once that
  // there is no route.
  const auto answer = send(client, get("http://192.0.2.1/"), seen, stop.get_token());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
  EXPECT_FALSE(answer);
}

TEST(CurlHttpClient, AStopThatCameBeforeSendsNothing) {
  LoopbackServer server(answering(http_ok("")));
  CurlHttpClient client;
  std::stop_source stop;
  stop.request_stop();
  Seen seen;
  EXPECT_EQ(send(client, get(server.url("/")), seen, stop.get_token()).error().code,
            Errc::cancelled);
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpLibrary, NamesWhatItIsMadeOf) {
  for (const char* part : {"libcurl/8.", "mbedTLS/3.", "c-ares/1.", "nghttp2/1."}) {
    EXPECT_NE(http_library().find(part), std::string::npos) << part;
  }
}

}  // namespace
}  // namespace nodeproof
