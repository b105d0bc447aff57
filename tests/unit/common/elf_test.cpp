#include "common/elf.hpp"

#include <gtest/gtest.h>

#include "common/byte_source.hpp"
#include "tests/fakes/elf_writer.hpp"

namespace nodeproof {
namespace {

using fakes::ElfSpec;
using fakes::make_elf;

Result<elf::Facts> read(const std::string& bytes) {
  return elf::read(MemorySource(as_bytes(bytes)));
}

ElfSpec program() {
  return {.interpreter = "/lib/ld-linux-aarch64.so.1",
          .needed = {"libssl.so.3", "libc.so.6"},
          .soname = "libx.so.1",
          .rpath = "/opt/lib",
          .runpath = "$ORIGIN/../lib",
          .pie = true};
}

struct Shape {
  unsigned bits;
  bool big_endian;
};

class ElfShape : public testing::TestWithParam<Shape> {};

TEST_P(ElfShape, IsReadWhole) {
  ElfSpec spec = program();
  spec.bits = GetParam().bits;
  spec.big_endian = GetParam().big_endian;
  spec.flags = 0x5000400;
  const auto file = read(make_elf(spec));
  ASSERT_TRUE(file) << file.error().message;
  const elf::Facts& facts = *file;
  EXPECT_EQ(facts.header.bits, spec.bits);
  EXPECT_EQ(facts.header.big_endian, spec.big_endian);
  EXPECT_EQ(facts.header.machine, elf::kMachineAArch64);
  EXPECT_EQ(facts.header.type, elf::kTypeShared);
  EXPECT_EQ(facts.header.flags, 0x5000400U);
  EXPECT_EQ(facts.interpreter, spec.interpreter);
  EXPECT_EQ(facts.needed, spec.needed);
  EXPECT_EQ(facts.soname, spec.soname);
  EXPECT_EQ(facts.rpath, spec.rpath);
  EXPECT_EQ(facts.runpath, spec.runpath);
  EXPECT_TRUE(facts.pie);
  EXPECT_TRUE(facts.dynamic);
  ASSERT_EQ(file->loads.size(), 1U);
  EXPECT_EQ(file->loads[0].address, 0x10000U);
  EXPECT_EQ(file->loads[0].alignment, 0x10000U);
}

INSTANTIATE_TEST_SUITE_P(AllShapes, ElfShape,
                         testing::Values(Shape{64, false}, Shape{64, true}, Shape{32, false},
                                         Shape{32, true}));

// Each cut is either an error of the right kind or, behind the last byte needed, a whole answer.
TEST_P(ElfShape, CutAnywhereIsAnErrorAndNeverMore) {
  ElfSpec spec = program();
  spec.bits = GetParam().bits;
  spec.big_endian = GetParam().big_endian;
  const std::string whole = make_elf(spec);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto file = read(std::string(whole.data(), length));
    ASSERT_FALSE(file) << "cut at " << length;
    EXPECT_EQ(file.error().code, Errc::corrupt);
  }
}

TEST_P(ElfShape, AnyByteMayLie) {
  ElfSpec spec = program();
  spec.bits = GetParam().bits;
  spec.big_endian = GetParam().big_endian;
  const std::string whole = make_elf(spec);
  for (std::size_t at = 4; at < whole.size(); ++at) {
    for (const char value : {'\x00', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = value;
      const auto file = read(bytes);
      if (!file) EXPECT_EQ(file.error().code, Errc::corrupt) << "byte " << at;
    }
  }
}

TEST(Elf, AStaticProgramHasNoInterpreterAndNoLibraries) {
  const auto file = read(make_elf({.type = elf::kTypeExecutable}));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->interpreter, "");
  EXPECT_FALSE(file->dynamic);
  EXPECT_TRUE(file->needed.empty());
}

TEST(Elf, SomethingElseHasNoMagic) {
  EXPECT_FALSE(elf::has_magic(as_bytes("#!/bin/sh\n")));
  EXPECT_FALSE(
      elf::has_magic(as_bytes("\x7f"
                              "EL")));
  const auto file = read("#!/bin/sh\necho a script is no ELF file, however long it may be ....\n");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message, "ELF: no magic");
}

TEST(Elf, DescribesTheMachineForPeople) {
  const auto file = read(make_elf({.machine = elf::kMachineX86_64}));
  ASSERT_TRUE(file);
  EXPECT_EQ(elf::describe(file->header), "e_machine 62 (x86-64), 64-bit little-endian");
  EXPECT_EQ(elf::machine_name(4711), "machine 4711");
}

TEST(Elf, ArchitectureNeedsMachineClassAndByteOrder) {
  const auto name = [](const ElfSpec& spec) {
    return elf::oci_architecture(read(make_elf(spec))->header);
  };
  EXPECT_EQ(name({.machine = elf::kMachineX86_64}), "amd64");
  EXPECT_EQ(name({.machine = elf::kMachineAArch64}), "arm64");
  EXPECT_EQ(name({.bits = 32, .machine = elf::kMachineArm}), "arm");
  EXPECT_EQ(name({.bits = 32, .machine = elf::kMachine386}), "386");
  EXPECT_EQ(name({.machine = 21}), "ppc64le");
  EXPECT_EQ(name({.big_endian = true, .machine = 21}), "ppc64");
  EXPECT_EQ(name({.big_endian = true, .machine = 22}), "s390x");
  EXPECT_EQ(name({.bits = 32, .machine = elf::kMachineX86_64}), "") << "x32 is not amd64";
  EXPECT_EQ(name({.big_endian = true, .machine = elf::kMachineAArch64}), "");
  EXPECT_EQ(name({.machine = elf::kMachineBpf}), "");
}

TEST(Elf, EveryArchitectureMapsBack) {
  for (const char* architecture :
       {"amd64", "arm64", "arm", "386", "riscv64", "ppc64le", "s390x", "loong64", "mips64le"}) {
    const auto header = elf::header_of(architecture);
    ASSERT_TRUE(header) << architecture;
    EXPECT_EQ(elf::oci_architecture(*header), architecture);
  }
  EXPECT_FALSE(elf::header_of("pdp11"));
}

TEST(ByteSource, ASpoolFileGivesBackWhatWasAppended) {
  auto spool = SpoolFile::create(testing::TempDir());
  ASSERT_TRUE(spool) << spool.error().message;
  ASSERT_TRUE(spool->append(as_bytes("hello ")));
  ASSERT_TRUE(spool->append(as_bytes("world")));
  EXPECT_EQ(spool->size(), 11U);
  std::string text(5, '\0');
  ASSERT_TRUE(spool->read_at(6, std::as_writable_bytes(std::span(text))));
  EXPECT_EQ(text, "world");
  const auto beyond = spool->read_at(7, std::as_writable_bytes(std::span(text)));
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::truncated);
  EXPECT_FALSE(spool->read_at(UINT64_MAX, std::as_writable_bytes(std::span(text))));
}

TEST(ByteSource, AClearedSpoolFileHoldsOnlyWhatCameAfter) {
  auto spool = SpoolFile::create(testing::TempDir());
  ASSERT_TRUE(spool) << spool.error().message;
  const std::string large(20 << 20, 'x');  // more than what is kept
  for (const std::string& before : {std::string("hello world"), large}) {
    ASSERT_TRUE(spool->append(as_bytes(before)));
    ASSERT_TRUE(spool->clear());
    EXPECT_EQ(spool->size(), 0U);
    ASSERT_TRUE(spool->append(as_bytes("abc")));
    std::string text(4, '\0');
    EXPECT_FALSE(spool->read_at(0, std::as_writable_bytes(std::span(text)))) << "it is longer";
    text.resize(3);
    ASSERT_TRUE(spool->read_at(0, std::as_writable_bytes(std::span(text))));
    EXPECT_EQ(text, "abc");
  }
}

TEST(ByteSource, OwnProgramIsAnElfFile) {
  const auto source = FileSource::open("/proc/self/exe");
  ASSERT_TRUE(source) << source.error().message;
  const auto file = elf::read(*source);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_FALSE(file->loads.empty());
}

}  // namespace
}  // namespace nodeproof
