#include <gtest/gtest.h>

#include "tests/unit/common/compiled.hpp"

namespace nodeproof {
namespace {

TEST(JemallocPage, IsReadWhateverTheCompilerMadeOfIt) {
  for (const unsigned lg : {12U, 14U, 16U}) {
    for (const char* kind : {"1", "2", "3", "s", "1-adrp", "2-adrp", "3-adrp", "s-adrp"}) {
      const std::string name = "jemalloc-" + std::to_string(lg) + "-O" + kind;
      const elf::CodeFacts code = scan_compiled(name);
      EXPECT_EQ(code.jemalloc_page, std::uint64_t{1} << lg) << name;
      EXPECT_EQ(code.marks, std::vector{elf::Mark::jemalloc}) << name;
    }
  }
}

TEST(JemallocPage, TwoAnswersAreNone) {
  const elf::CodeFacts code = scan_compiled("jemalloc-12-and-16");
  EXPECT_EQ(code.jemalloc_page, std::nullopt);
  EXPECT_EQ(code.marks, std::vector{elf::Mark::jemalloc});
}

}  // namespace
}  // namespace nodeproof
