#include "common/http_head.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nodeproof {
namespace {

using Lines = std::vector<std::string>;

Result<bool> read(const Lines& lines) {
  HttpHeadReader reader;
  for (const std::string& line : lines) {
    auto end = reader.take(line + "\r\n");
    if (!end || *end) return end;
  }
  return false;
}

TEST(HttpHead, RefusesLengthsThatDifferByName) {
  for (const Lines& lines : {
           Lines{"HTTP/1.1 200 OK", "Content-Length: 3", "Content-Length: 4", ""},
           Lines{"HTTP/1.1 200 OK", "Content-Length: 3, 4", ""},
           Lines{"HTTP/1.1 200 OK", "content-length: 3", "ETag: a", "CONTENT-LENGTH: 3,4", ""},
       }) {
    const auto end = read(lines);
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, Errc::server_error);
    EXPECT_NE(end.error().message.find("Content-Length"), std::string::npos);
  }
}

TEST(HttpHead, TakesOneLengthHoweverOftenItIsSaid) {
  for (const Lines& lines : {
           Lines{"HTTP/1.1 200 OK", ""},
           Lines{"HTTP/1.1 200 OK", "Content-Length: 3", ""},
           Lines{"HTTP/1.1 200 OK", "Content-Length: 3", "Content-Length: 3", ""},
           Lines{"HTTP/1.1 200 OK", "Content-Length: 3,3", ""},
       }) {
    const auto end = read(lines);
    ASSERT_TRUE(end) << end.error().message;
    EXPECT_TRUE(*end);
  }
}

TEST(HttpHead, AnInterimAnswersLengthIsNotTheFinalOnes) {
  const auto end = read({"HTTP/1.1 103 Early Hints", "Content-Length: 9", "", "HTTP/1.1 200 OK",
                         "Content-Length: 3", ""});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_TRUE(*end);
}

}  // namespace
}  // namespace nodeproof
