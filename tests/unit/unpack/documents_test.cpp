// What the processes tell each other.
#include "agent/unpack/documents.hpp"

#include <gtest/gtest.h>

namespace nodeproof::unpack {
namespace {

const UnpackedLayer& sample() {
  static const UnpackedLayer layer{
      1, 1ULL << 60U, {"usr", "usr/a b%\x01\xff\n\"/", "\xe2\x82\xac"}, {".", "x/%41"}};
  return layer;
}

TEST(Documents, CarryNamesInAnyBytes) {
  const auto read = decode_outcome(encode(Result<UnpackedLayer>(sample())));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(sample(), *read);
}

TEST(Documents, CarryAnAdoption) {
  const Adoption adoption{"/a\xff", "/b c", {"/l1", "/l2\n"}, sample()};
  const auto text = encode(adoption);
  ASSERT_TRUE(text);
  const auto read = decode_adoption(*text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(adoption.staged, read->staged);
  EXPECT_EQ(adoption.place, read->place);
  EXPECT_EQ(adoption.lower, read->lower);
  EXPECT_EQ(adoption.layer, read->layer);
}

TEST(Documents, CarryErrorsWithTheirCategory) {
  for (int code = 0; code <= static_cast<int>(Errc::internal); ++code) {
    const Error error{static_cast<Errc>(code), "what \xc3\xa4", "do"};
    const auto read = decode_outcome(encode(Result<UnpackedLayer>(std::unexpected(error))));
    ASSERT_FALSE(read);
    EXPECT_EQ(error, read.error());
  }
}

TEST(Documents, KeepMessagesOnOneShortLine) {
  const Error error{Errc::corrupt, "a\n\x1b[31m" + std::string(1 << 20, 'x'), ""};
  const auto read = decode_outcome(encode(Result<UnpackedLayer>(std::unexpected(error))));
  ASSERT_FALSE(read);
  EXPECT_EQ("a??[31m", read.error().message.substr(0, 7));
  EXPECT_EQ(4096U, read.error().message.size());
}

TEST(Documents, LeaveLayersOfTooManyDirectoriesToContainerd) {
  for (const std::size_t length : {std::size_t{1}, std::size_t{100}}) {
    Adoption adoption;
    adoption.layer.implied.assign(length == 1 ? 200'000 : 100'000, std::string(length, 'x'));
    const auto layer = decode_outcome(encode(Result<UnpackedLayer>(adoption.layer)));
    ASSERT_FALSE(layer);
    EXPECT_EQ(Errc::unsupported, layer.error().code) << layer.error().message;
    const auto text = encode(adoption);
    ASSERT_FALSE(text);
    EXPECT_EQ(Errc::unsupported, text.error().code);
  }
}

TEST(Documents, OfMostSizeAreRead) {
  UnpackedLayer layer;
  layer.implied.assign(150'000, "some/directory");
  const auto read = decode_outcome(encode(Result<UnpackedLayer>(layer)));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(layer, *read);
}

TEST(Documents, ThatAreBrokenAreRefused) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"entries":1,"bytes":1,"implied":["%"],"opaque":[]})",
        R"({"entries":1,"bytes":1,"implied":["%4"],"opaque":[]})",
        R"({"entries":1,"bytes":1,"implied":["%GG"],"opaque":[]})",
        R"({"entries":-1,"bytes":1,"implied":[],"opaque":[]})"}) {
    EXPECT_FALSE(decode_outcome(text)) << text;
    EXPECT_FALSE(decode_adoption(text)) << text;
  }
}

}  // namespace
}  // namespace nodeproof::unpack
