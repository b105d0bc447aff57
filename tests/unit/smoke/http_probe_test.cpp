#include "agent/smoke/http_probe.hpp"

#include <gtest/gtest.h>

namespace nodeproof::smoke {
namespace {

using Kind = HttpAnswer::Kind;

struct Case {
  std::string_view name, bytes;
  bool closed;
  Kind kind;
  int status = 0;
  std::string_view body = {};
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class Answer : public ::testing::TestWithParam<Case> {};

TEST_P(Answer, IsReadAsFarAsItCame) {
  const HttpAnswer answer = read_answer(GetParam().bytes, GetParam().closed);
  EXPECT_EQ(answer.kind, GetParam().kind);
  EXPECT_EQ(answer.status, GetParam().status);
  EXPECT_EQ(answer.body, GetParam().body);
}

constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
constexpr Case kCases[] = {
    {"Whole", "HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\n\r\nokay", false, Kind::answer, 200, "ok"},
    {"Part", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok", false, Kind::incomplete},
    {"BrokenOff", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok", true, Kind::answer, 200, "ok"},
    {"UntilTheEnd", "HTTP/1.0 200 OK\r\n\r\nall", true, Kind::answer, 200, "all"},
    {"NotYetTheEnd", "HTTP/1.0 200 OK\r\n\r\nall", false, Kind::incomplete},
    {"BareNewlines", "HTTP/1.0 404 Not Found\nContent-Length: 1\n\nx", false, Kind::answer, 404,
     "x"},
    {"NoBody", "HTTP/1.1 204 No Content\r\n\r\n", false, Kind::answer, 204},
    {"Chunked", kChunked, false, Kind::answer, 200, "hello!"},
    {"ChunkedInPart", kChunked.substr(0, kChunked.size() - 9), false, Kind::incomplete},
    {"ChunkedBrokenOff", kChunked.substr(0, 64), true, Kind::answer, 200, "hello"},
    {"Informational",
     "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
     false, Kind::answer, 503},
    {"HugeLength", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nx", true,
     Kind::answer, 200, "x"},
    {"HugeChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
     true, Kind::answer, 200, ""},
    {"NothingYet", "", false, Kind::incomplete},
    {"OtherProtocol", "SSH-2.0-OpenSSH\r\n", false, Kind::garbage},
    {"Tls", "\x15\x03\x01", false, Kind::garbage},
    {"OldHttp", "HTTP/0.9 200 OK\r\n\r\n", false, Kind::garbage},
    {"NoStatus", "HTTP/1.1 abc\r\n\r\n", false, Kind::garbage},
    {"CutHead", "HTTP/1.1 200 OK\r\nContent-", true, Kind::garbage},
};
INSTANTIATE_TEST_SUITE_P(Bytes, Answer, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(HttpRequest, AsksTheServerToClose) {
  const std::string request = http_request("/health?x=1");
  EXPECT_TRUE(request.starts_with("GET /health?x=1 HTTP/1.1\r\nHost: localhost\r\n"));
  EXPECT_NE(request.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(request.ends_with("\r\n\r\n"));
}

}  // namespace
}  // namespace nodeproof::smoke
