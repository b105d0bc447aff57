#include "common/aarch64_isa.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "tests/unit/common/compiled.hpp"

namespace nodeproof {
namespace {

TEST(Aarch64Isa, NamesWhatTheAssemblerMade) {
  std::map<std::string, std::uint32_t> found;
  for (const auto& use : scan_compiled("extensions").extensions) {
    found[use.hwcap] = use.guarded + use.unguarded;
  }
  const std::map<std::string, std::uint32_t> expected = {
      // as extensions.S counts them
      {"aes", 4},   {"asimddp", 4}, {"asimdhp", 2}, {"asimdrdm", 2}, {"atomics", 8}, {"bf16", 3},
      {"cpuid", 1}, {"crc32", 2},   {"fcma", 2},    {"fphp", 3},     {"i8mm", 4},    {"ilrcpc", 2},
      {"jscvt", 1}, {"lrcpc", 2},   {"paca", 5},    {"pmull", 2},    {"sha1", 6},    {"sha2", 4},
      {"sha3", 3},  {"sha512", 4},  {"sve", 3}};
  EXPECT_EQ(found, expected);
}

TEST(Aarch64Isa, SomeRowsAreForOneInstructionOnly) {
  constexpr std::uint32_t kSveAdd = 0x04200000;  // add z0.b, z0.b, z0.b
  ASSERT_NE(aarch64::decode(kSveAdd), nullptr);
  EXPECT_EQ(aarch64::decode(kSveAdd)->extension, "sve");
  const std::vector<std::uint32_t> words = {kSveAdd, 0, 0x80800000, 0xd503201f};
  EXPECT_EQ(aarch64::next_extension(words, 0).encoding, nullptr);
  EXPECT_EQ(aarch64::next_extension(words, 0).at, words.size());
}

}  // namespace
}  // namespace nodeproof
