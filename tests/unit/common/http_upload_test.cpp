#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/http_curl.hpp"
#include "tests/fakes/loopback_server.hpp"

namespace nodeproof {
namespace {

using fakes::LoopbackServer;
using fakes::Peer;
using std::chrono::seconds;

// Gives `size` bytes of 'x', 'y', ... and counts the largest piece asked for.
class Pattern final : public ByteReader {
 public:
  explicit Pattern(std::uint64_t size) : left_(size) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    largest = std::max(largest, buffer.size());
    if (left_ <= fails_at) return fail(Errc::not_found, "the source is gone");
    const std::size_t count = std::min<std::uint64_t>(buffer.size(), left_);
    std::ranges::fill(buffer.first(count), std::byte{'x'});
    left_ -= count;
    return count;
  }
  std::size_t largest = 0;
  std::uint64_t fails_at = 0;

 private:
  std::uint64_t left_;
};

Result<HttpResponse> put(const std::string& url, ByteReader& bytes, std::uint64_t size,
                         std::stop_token stop = {}) {
  HttpRequest request;
  request.method = "PUT";
  request.url = url;
  request.upload = HttpUpload{&bytes, size};
  request.http1_only = true;
  CurlHttpClient client;
  return client.send(
      request, [](const HttpResponse&) -> Result<> { return {}; },
      [](Bytes) -> Result<> { return {}; }, std::move(stop));
}

TEST(HttpUpload, SendsAnUploadInPieces) {
  constexpr std::uint64_t kSize = 3'000'000;
  std::string head;
  std::size_t received = 0;
  LoopbackServer server([&](Peer& peer) {
    head = peer.request().value_or("");
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    received = peer.body(kSize);
    peer.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  });
  Pattern bytes(kSize);
  const auto answer = put(server.url("/up?x=1"), bytes, kSize);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(received, kSize);
  EXPECT_TRUE(head.starts_with("PUT /up?x=1 HTTP/1.1\r\n")) << head;
  EXPECT_NE(head.find("Content-Length: 3000000\r\n"), std::string::npos) << head;
  EXPECT_LE(bytes.largest, 1U << 20);
}

TEST(HttpUpload, ASourceThatFailsEndsTheUploadWithItsError) {
  LoopbackServer server([&](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    peer.hold();
  });
  Pattern bytes(100'000);
  bytes.fails_at = 50'000;
  const auto answer = put(server.url("/up"), bytes, 3'000'000);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), (Error{Errc::not_found, "the source is gone", ""}));
}

TEST(HttpUpload, ASourceThatEndsEarlyIsAnError) {
  LoopbackServer server([&](Peer& peer) {
    peer.request();
    peer.hold();
  });
  class Nothing final : public ByteReader {
    Result<std::size_t> read(std::span<std::byte>) override { return 0U; }
  } nothing;
  const auto answer = put(server.url("/up"), nothing, 10);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::truncated);
}

TEST(HttpUpload, AnAnswerBeforeTheUploadsEndEndsIt) {
  LoopbackServer server([&](Peer& peer) {
    peer.request();
    peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    peer.hold();
  });
  Pattern bytes(50'000'000);
  const auto answer = put(server.url("/up"), bytes, 50'000'000);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 401);
}

TEST(HttpUpload, AnUploadReturnsAfterStop) {
  LoopbackServer server([&](Peer& peer) {
    peer.request();
    peer.hold();  // takes nothing
  });
  Pattern bytes(50'000'000);
  std::stop_source stop;
  std::jthread stopper([&] {
    while (server.connections() == 0) std::this_thread::yield();
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  const auto answer = put(server.url("/up"), bytes, 50'000'000, stop.get_token());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

}  // namespace
}  // namespace nodeproof
