#include "common/digest.hpp"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

const std::string kHex(64, 'a');

TEST(Digest, TakesSha256AndSha512) {
  const auto sha256 = Digest::parse("sha256:" + kHex);
  ASSERT_TRUE(sha256);
  EXPECT_EQ(sha256->algorithm(), HashAlgorithm::sha256);
  EXPECT_EQ(sha256->str(), "sha256:" + kHex);
  EXPECT_EQ(sha256->hex(), kHex);
  EXPECT_EQ(sha256->short_str(), "sha256:aaaaaaaaaaaa");
  const auto sha512 = Digest::parse("sha512:" + kHex + kHex);
  ASSERT_TRUE(sha512);
  EXPECT_EQ(sha512->algorithm(), HashAlgorithm::sha512);
}

TEST(Digest, RefusesEverythingElse) {
  const std::string cases[] = {"",
                               ":",
                               "sha256",
                               "sha256:",
                               kHex,
                               "sha256:" + kHex + "a",
                               "sha256:" + kHex.substr(1),
                               "sha256:" + std::string(64, 'A'),
                               "sha256:" + std::string(64, 'g'),
                               "sha256:" + std::string(63, 'a') + "/",
                               "sha256:../../etc/passwd",
                               "SHA256:" + kHex,
                               " sha256:" + kHex,
                               "sha512:" + kHex,
                               "sha256:" + kHex + kHex,
                               std::string("sha256:") + '\0' + kHex.substr(1)};
  for (const std::string& text : cases) EXPECT_FALSE(Digest::parse(text)) << text;
}

TEST(Digest, SaysThatAnAlgorithmIsNotSupported) {
  EXPECT_EQ(Digest::parse("md5:" + std::string(32, 'a')).error().code, Errc::unsupported);
  EXPECT_EQ(Digest::parse("sha384:" + std::string(96, 'a')).error().code, Errc::unsupported);
}

TEST(Digest, PutsNoControlCharacterIntoItsMessages) {
  const auto digest = Digest::parse("sha256:\x1b[31m\n");
  ASSERT_FALSE(digest);
  EXPECT_EQ(digest.error().message.find_first_of("\x1b\n"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof
