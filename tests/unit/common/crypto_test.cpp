#include "common/crypto.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace nodeproof {
namespace {

struct HashCase {
  std::string name, input, sha256, sha512;
};

// NIST's example values for FIPS 180-4 (one block, two blocks) and the digests of the empty string.
const HashCase kHashes[] = {
    {"Empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
    {"Abc", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {"TwoBlocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
     "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
     "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445"},
};

class PublishedVectors : public testing::TestWithParam<HashCase> {};

TEST_P(PublishedVectors, Agree) {
  EXPECT_EQ(hash_of(as_bytes(GetParam().input)).str(), "sha256:" + GetParam().sha256);
  EXPECT_EQ(hash_of(as_bytes(GetParam().input), HashAlgorithm::sha512).str(),
            "sha512:" + GetParam().sha512);
}

INSTANTIATE_TEST_SUITE_P(Hashes, PublishedVectors, testing::ValuesIn(kHashes),
                         [](const auto& info) { return info.param.name; });

TEST(Hasher, TakesAMillionLettersInUnevenPieces) {
  const std::string letters(1000000, 'a');
  Hasher hasher;
  std::size_t piece = 1;
  for (std::size_t at = 0; at < letters.size(); at += piece, piece = piece * 3 % 9973 + 1) {
    piece = std::min(piece, letters.size() - at);
    hasher.update(as_bytes(std::string_view(letters).substr(at, piece)));
  }
  EXPECT_EQ(hasher.finish().hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hasher, MovesWithItsState) {
  Hasher first;
  first.update(as_bytes("a"));
  Hasher second = std::move(first);
  second.update(as_bytes("bc"));
  EXPECT_EQ(second.finish(), hash_of(as_bytes("abc")));
}

TEST(HasherDeathTest, MayBeFinishedOnlyOnce) {
  Hasher hasher;
  (void)hasher.finish();
  EXPECT_DEATH((void)hasher.finish(), "");
}

// RFC 4648, section 10.
TEST(Base64, EncodesTheVectorsOfItsRfc) {
  EXPECT_EQ(base64_encode(as_bytes("")), "");
  EXPECT_EQ(base64_encode(as_bytes("f")), "Zg==");
  EXPECT_EQ(base64_encode(as_bytes("fo")), "Zm8=");
  EXPECT_EQ(base64_encode(as_bytes("foo")), "Zm9v");
  EXPECT_EQ(base64_encode(as_bytes("foob")), "Zm9vYg==");
  EXPECT_EQ(base64_encode(as_bytes("fooba")), "Zm9vYmE=");
  EXPECT_EQ(base64_encode(as_bytes("foobar")), "Zm9vYmFy");
  EXPECT_EQ(base64_encode(as_bytes("\xff\xfe:\x80")), "//46gA==");
}

TEST(Base64, DecodesWhatItEncodes) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "user:pa\xff\0ss"}) {
    EXPECT_EQ(base64_decode(base64_encode(as_bytes(text))).value(), text);
  }
}

TEST(Base64, ToleratesLineEndsAndMissingPaddingOnly) {
  EXPECT_EQ(base64_decode("Zm9v\r\nYg\n").value(), "foob");
  for (const char* text : {"Z", "Zm9 v", "Zm9v-A==", "Zg==Zg==", "====", "Zm9v\tYg==", "Zm=v"}) {
    const auto decoded = base64_decode(text);
    ASSERT_FALSE(decoded) << text << " became " << *decoded;
    EXPECT_EQ(decoded.error().message, "this is not base64");
  }
}

TEST(CryptoLibrary, NamesItselfWithItsVersion) {
  EXPECT_TRUE(crypto_library().starts_with("Mbed TLS 3."));
}

}  // namespace
}  // namespace nodeproof
