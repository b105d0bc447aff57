// What the tests of the real HTTP client share.
#pragma once

#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <utility>

#include "common/http_curl.hpp"
#include "tests/fakes/loopback_server.hpp"

namespace nodeproof {

struct Seen {
  HttpResponse head;
  std::string body;
  int heads = 0;
};

inline HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

inline Result<HttpResponse> send(HttpClient& client, const HttpRequest& request, Seen& seen,
                                 std::stop_token stop = {}) {
  return client.send(
      request,
      [&](const HttpResponse& head) -> Result<> {
        seen.head = head;
        ++seen.heads;
        return {};
      },
      [&](Bytes bytes) -> Result<> {
        EXPECT_EQ(seen.heads, 1) << "the head comes first";
        seen.body += as_text(bytes);
        return {};
      },
      std::move(stop));
}

// Answers each request of each connection.
inline fakes::LoopbackServer::Handler answering(const std::string& answer) {
  return [answer](fakes::Peer& peer) {
    while (peer.request()) peer.send(answer);
  };
}

}  // namespace nodeproof
