#include "common/elf_code.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/elf_writer.hpp"
#include "tests/unit/common/compiled.hpp"

namespace nodeproof {
namespace {

using elf::CodeFacts;
using elf::ExtensionUse;
using fakes::elf_number;
using fakes::ElfSection;
using fakes::ElfSpec;
using fakes::make_elf;

constexpr std::uint32_t kNop = 0xd503201f, kRet = 0xd65f03c0, kLdadd = 0xb8200020,
                        kCbz16 = 0x34000050, kLdxr = 0x885f7c00, kCbnz = 0x35ffffc4;

std::string code_of(const std::vector<std::uint32_t>& words) {
  std::string bytes;
  for (const std::uint32_t word : words) bytes += elf_number({}, word, 4);
  return bytes;
}

// Many harmless instructions with some others among them.
std::vector<std::uint32_t> nops(std::size_t count) {
  return std::vector<std::uint32_t>(count, kNop);
}

std::string program(const std::vector<std::uint32_t>& words) {
  return make_elf({.sections = {ElfSection{.content = code_of(words)}}});
}

ExtensionUse atomics_of(const CodeFacts& code) {
  const auto found = std::ranges::find(code.extensions, "atomics", &ExtensionUse::hwcap);
  return found == code.extensions.end() ? ExtensionUse{} : *found;
}

ExtensionUse atomics_of(const std::string& bytes) {
  const auto code = scan(bytes);
  EXPECT_TRUE(code) << code.error().message;
  return code ? atomics_of(*code) : ExtensionUse{};
}

TEST(CodeScan, CompiledAtomicsAreUnguarded) {
  const ExtensionUse use = atomics_of(scan_compiled("lse"));
  EXPECT_EQ(use.hwcap, "atomics");
  EXPECT_EQ(use.guarded, 0U);
  EXPECT_GT(use.unguarded, 0U);
  EXPECT_EQ(use.word & 0x3f208c00, 0x38200000U);
  EXPECT_NE(use.address, 0U);
}

TEST(CodeScan, HelpersThatAskFirstAreGuarded) {
  const ExtensionUse use = atomics_of(scan_compiled("outline"));
  EXPECT_EQ(use.guarded, 1U);
  EXPECT_EQ(use.unguarded, 0U);
}

TEST(CodeScan, CodeWithBothWaysInLineIsGuarded) {
  const ExtensionUse use = atomics_of(scan_compiled("choosing"));
  EXPECT_EQ(use.guarded, 1U);
  EXPECT_EQ(use.unguarded, 0U);
}

TEST(CodeScan, ExclusivesAreNoExtension) {
  EXPECT_EQ(scan_compiled("exclusives").extensions, std::vector<ExtensionUse>{});
}

TEST(CodeScan, ACheckOrALoopAloneGuardsNothing) {
  auto words = nops(100);
  words[50] = kLdadd;
  words[40] = kLdxr;
  EXPECT_EQ(atomics_of(program(words)).unguarded, 1U);
  words[60] = kCbnz;
  EXPECT_EQ(atomics_of(program(words)).unguarded, 0U);
  words[40] = kNop;
  EXPECT_EQ(atomics_of(program(words)).unguarded, 1U);
  words[49] = kCbz16;
  EXPECT_EQ(atomics_of(program(words)).unguarded, 1U) << "no ret behind it";
  words[51] = kRet;
  EXPECT_EQ(atomics_of(program(words)).guarded, 1U);
}

TEST(CodeScan, AtomicsAreNoLoopOfExclusives) {
  constexpr std::uint32_t kCasp = 0x48207c82;  // looks like a load-exclusive pair
  auto words = nops(100);
  words[50] = kLdadd;
  words[40] = kCasp;
  words[60] = kCbnz;
  EXPECT_EQ(atomics_of(program(words)).unguarded, 2U);
}

TEST(CodeScan, ASectionThatLeavesTheFileIsReadToTheFilesEnd) {
  auto words = nops(64);
  words[32] = kLdadd;
  std::string bytes = program(words);
  bytes.replace(bytes.size() - 64 + 32, 8, elf_number({}, UINT64_MAX, 8));  // sh_size
  EXPECT_EQ(atomics_of(bytes).unguarded, 1U);
}

TEST(CodeScan, GuardsReachAsFarAsCompilersPutThem) {
  for (const std::size_t distance : {24U, 25U}) {
    auto words = nops(100);
    words[50] = kLdadd;
    words[50 - distance] = kLdxr;
    words[50 + distance] = kCbnz;
    EXPECT_EQ(atomics_of(program(words)).guarded, distance == 24 ? 1U : 0U) << distance;
  }
}

TEST(CodeScan, TheFirstUnguardedOneIsNamed) {
  auto words = nops(200);
  words[10] = kLdadd;
  words[9] = kCbz16;
  words[11] = kRet;
  words[100] = kLdadd + 1;
  words[150] = kLdadd + 2;
  const std::string bytes = program(words);
  const ExtensionUse use = atomics_of(bytes);
  EXPECT_EQ(use.guarded, 1U);
  EXPECT_EQ(use.unguarded, 2U);
  EXPECT_EQ(use.word, kLdadd + 1);
  const std::size_t offset = bytes.find(elf_number({}, kLdadd + 1, 4));
  EXPECT_EQ(use.address, fakes::kElfBase + offset);
}

TEST(CodeScan, WhatStandsInDataIsDropped) {
  for (const std::size_t distance : {16U, 17U}) {
    auto words = nops(100);
    words[50] = kLdadd;
    words[50 + distance] = 0x03000007;  // no instruction
    EXPECT_EQ(atomics_of(program(words)).unguarded, distance == 16 ? 0U : 1U) << distance;
  }
}

TEST(CodeScan, GapsBetweenFunctionsAndMatrixInstructionsAreNoData) {
  for (const std::uint32_t neighbour : {0x00000000U, 0x0000c11fU, 0x80800000U}) {
    auto words = nops(100);
    words[50] = kLdadd;
    words[55] = neighbour;
    EXPECT_EQ(atomics_of(program(words)).unguarded, 1U) << neighbour;
  }
}

TEST(CodeScan, OnlyExecutableSectionsAreCode) {
  auto words = nops(64);
  words[32] = kLdadd;
  const std::string text = code_of(words);
  const ElfSection other{.content = code_of(nops(4))};
  for (const ElfSection& section :
       {ElfSection{.flags = 2, .content = text}, ElfSection{.type = 8, .content = text}}) {
    EXPECT_EQ(atomics_of(make_elf({.sections = {other, section}})).unguarded, 0U);
  }
  EXPECT_EQ(atomics_of(make_elf({.sections = {other, {.content = text}}})).unguarded, 1U);
}

TEST(CodeScan, WithoutSectionsTheSegmentsAreScanned) {
  auto words = nops(64);
  words[32] = kLdadd;
  ElfSpec spec{.sections = {{.content = code_of(words)}}, .section_headers = false};
  const ExtensionUse use = atomics_of(make_elf(spec));
  EXPECT_EQ(use.unguarded, 1U);
  EXPECT_EQ(use.word, kLdadd);
}

TEST(CodeScan, OverlappingSectionsCountOnce) {
  auto words = nops(64);
  words[32] = kLdadd;
  std::string bytes =
      make_elf({.sections = {{.content = code_of(words)}, {.content = "12345678"}}});
  // The second section header becomes a copy of the first.
  bytes.replace(bytes.size() - 64, 64, bytes.substr(bytes.size() - 128, 64));
  EXPECT_EQ(atomics_of(bytes).unguarded, 1U);
}

TEST(CodeScan, OtherProcessorsHaveNoSuchExtensions) {
  auto words = nops(64);
  words[32] = kLdadd;
  for (const std::uint16_t machine : {elf::kMachineX86_64, elf::kMachineRiscV}) {
    const auto code =
        scan(make_elf({.machine = machine, .sections = {{.content = code_of(words)}}}));
    EXPECT_EQ(code->extensions, std::vector<ExtensionUse>{});
  }
  const auto big = scan(make_elf({.big_endian = true, .sections = {{.content = code_of(words)}}}));
  EXPECT_EQ(big->extensions, std::vector<ExtensionUse>{});
}

// The file is read in pieces of 1 MiB: a guard may stand in the piece before or behind.
TEST(CodeScan, PiecesKnowTheirNeighbours) {
  constexpr std::size_t kPiece = (std::size_t{1} << 20) / 4;
  for (const std::size_t at : {kPiece - 1, kPiece, kPiece + 1}) {
    auto words = nops(2 * kPiece + 100);
    words[at] = kLdadd;
    EXPECT_EQ(atomics_of(program(words)).unguarded, 1U) << at;
    words[at - 20] = kLdxr;
    words[at + 20] = kCbnz;
    EXPECT_EQ(atomics_of(program(words)).guarded, 1U) << at;
    words[at - 20] = kNop;
    words[at + 20] = kNop;
    words[at - 1] = kCbz16;
    words[at + 1] = kRet;
    EXPECT_EQ(atomics_of(program(words)).guarded, 1U) << at;
    EXPECT_EQ(atomics_of(program(words)).address,
              fakes::kElfBase + program(words).find(elf_number({}, kLdadd, 4)));
  }
}

TEST(CodeScan, AnyByteMayLie) {
  auto words = nops(40);
  words[20] = kLdadd;
  const std::string whole =
      make_elf({.needed = {"libc.so.6"},
                .sections = {{.content = code_of(words)},
                             {.type = 4, .flags = 2, .content = "12345678"},
                             {.type = 11, .flags = 2, .content = "12345678"}}});
  for (std::size_t at = 4; at < whole.size(); ++at) {
    for (const char value : {'\x00', '\x01', '\x04', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = value;
      const auto code = scan(bytes);
      if (!code) EXPECT_EQ(code.error().code, Errc::corrupt) << "byte " << at;
    }
  }
}

TEST(CodeScan, ADiskThatFailsIsAnErrorOfTheDisk) {
  class Failing final : public ByteSource {
   public:
    explicit Failing(std::string bytes) : bytes_(std::move(bytes)) {}
    [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
    Result<> read_at(std::uint64_t offset, std::span<std::byte> buffer) const override {
      if (buffer.size() > 1000) return fail(Errc::io, "the disk is broken");
      return MemorySource(as_bytes(bytes_)).read_at(offset, buffer);
    }

   private:
    std::string bytes_;
  };
  const auto code = scan(Failing(program(nops(1000))));
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code, Errc::io);
}

TEST(Ifunc, IsFoundInSymbolsAndRelocations) {
  for (const std::string triple : {"aarch64-linux-gnu", "x86_64-linux-gnu"}) {
    EXPECT_TRUE(scan_compiled("ifunc-static-" + triple).ifunc) << triple;
    EXPECT_TRUE(scan_compiled("ifunc-pie-" + triple).ifunc) << triple;
    EXPECT_TRUE(scan_compiled("libifunc-" + triple + ".so").ifunc) << triple;
    EXPECT_TRUE(scan_compiled("libifunc-" + triple + ".so").asks_processor) << triple;
  }
  EXPECT_FALSE(scan_compiled("lse").ifunc);
}

// A table longer than what is read at once; its entries do not divide a piece.
TEST(Ifunc, TheLastOfManyRelocationsCounts) {
  std::string table;
  for (int i = 0; i < 60000; ++i) {
    table +=
        elf_number({}, 0, 8) + elf_number({}, i == 59999 ? 1032 : 1027, 8) + elf_number({}, 0, 8);
  }
  EXPECT_TRUE(scan(make_elf({.sections = {{.type = 4, .flags = 2, .content = table}}}))->ifunc);
}

}  // namespace
}  // namespace nodeproof
