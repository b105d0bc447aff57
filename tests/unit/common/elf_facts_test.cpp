// What elf::read tells beyond names: versions, thread-local storage, notes, attributes.
#include <gtest/gtest.h>

#include <algorithm>

#include "common/byte_source.hpp"
#include "common/elf.hpp"
#include "tests/fakes/elf_writer.hpp"

namespace nodeproof {
namespace {

using elf::VersionsNeeded;
using fakes::elf_note;
using fakes::elf_number;
using fakes::ElfSpec;
using fakes::make_elf;
using Names = std::vector<std::string>;

Result<elf::Facts> read(const std::string& bytes) {
  return elf::read(MemorySource(as_bytes(bytes)));
}

elf::Facts compiled(const std::string& name) {
  const auto source = FileSource::open(std::string(NODEPROOF_OBJECTS) + "/" + name);
  EXPECT_TRUE(source) << name;
  if (!source) return {};
  auto facts = elf::read(*source);
  EXPECT_TRUE(facts) << name << ": " << facts.error().message;
  return facts ? *facts : elf::Facts{};
}

std::string words(const ElfSpec& spec, std::initializer_list<std::uint32_t> values) {
  std::string out;
  for (const std::uint32_t value : values) out += elf_number(spec, value, 4);
  return out;
}

// .ARM.attributes with one attribute of Tag_File.
std::string attributes(const ElfSpec& spec, const std::string& attribute) {
  const std::string file = "\1" + elf_number(spec, 5 + attribute.size(), 4) + attribute;
  const std::string vendor = std::string("aeabi\0", 6) + file;
  return "A" + elf_number(spec, 4 + vendor.size(), 4) + vendor;
}

struct Shape {
  unsigned bits;
  bool big_endian;
};

class ElfFacts : public testing::TestWithParam<Shape> {
 protected:
  [[nodiscard]] static ElfSpec full() {
    ElfSpec spec;
    spec.bits = GetParam().bits;
    spec.big_endian = GetParam().big_endian;
    spec.needed = {"libc.so.6"};
    spec.machine = spec.bits == 64 ? elf::kMachineX86_64 : elf::kMachineArm;
    spec.static_tls = true;
    spec.tls_size = 4711;
    spec.versions_needed = {{"libc.so.6", {"GLIBC_2.17", "?GLIBC_2.99", "GLIBC_2.34"}},
                            {"libm.so.6", {"GLIBC_2.29"}},
                            {"libweak.so", {"?NOBODY"}}};
    spec.versions_defined = {"libmine.so", "MINE_1", "MINE_2"};
    spec.notes = elf_note(spec, 1, words(spec, {0, 3, 7, 11}));
    // The property stands between others, one of them unknown.
    const std::uint32_t pad = 0;
    spec.notes +=
        spec.bits == 64
            ? elf_note(spec, 5, words(spec, {0xc0000002, 4, 3, pad, 0xc0008002, 4, 6, pad}))
            : elf_note(spec, 5, words(spec, {0xc0008002, 4, 6}));
    spec.sections = {
        {.type = 0x70000003,
         .flags = 0,
         .content = attributes(spec, std::string("\x05Z\x06\x05\0\x06\x09\x08\x01", 9))}};
    return spec;
  }
};

TEST_P(ElfFacts, AreReadWhole) {
  const auto facts = read(make_elf(full()));
  ASSERT_TRUE(facts) << facts.error().message;
  const std::vector<VersionsNeeded> needed = {{"libc.so.6", {"GLIBC_2.17", "GLIBC_2.34"}},
                                              {"libm.so.6", {"GLIBC_2.29"}}};
  EXPECT_EQ(facts->versions_needed, needed) << "what may be absent is not needed";
  EXPECT_EQ(facts->versions_defined, Names({"MINE_1", "MINE_2"}));
  EXPECT_EQ(facts->tls_size, 4711U);
  EXPECT_TRUE(facts->static_tls);
  EXPECT_EQ(facts->kernel, "3.7.11");
  EXPECT_EQ(facts->x86_needed, facts->header.bits == 64 ? elf::kX86V2 | elf::kX86V3 : 0U);
  if (facts->header.bits == 32) {
    EXPECT_EQ(facts->arm_architecture, elf::kArmV6K);
  } else {
    EXPECT_EQ(facts->arm_architecture, std::nullopt) << "Tag_CPU_arch is of 32-bit Arm";
  }
}

TEST_P(ElfFacts, CutOrAlteredAnywhereAreAnErrorOrLess) {
  const std::string whole = make_elf(full());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto file = read(std::string(whole.data(), length));
    if (!file) EXPECT_EQ(file.error().code, Errc::corrupt) << "cut at " << length;
  }
  for (std::size_t at = 4; at < whole.size(); ++at) {
    for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = value;
      const auto file = read(bytes);
      if (!file) EXPECT_EQ(file.error().code, Errc::corrupt) << "byte " << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllShapes, ElfFacts,
                         testing::Values(Shape{64, false}, Shape{64, true}, Shape{32, false},
                                         Shape{32, true}));

TEST(ElfVersions, AChainThatLeavesTheFileIsAnError) {
  ElfSpec spec;
  spec.versions_defined = {"lib.so", "V1", "V2"};
  std::string bytes = make_elf(spec);
  const std::string first = elf_number(spec, 28, 4);
  const std::size_t next = bytes.find(first + elf_number(spec, 1, 4));
  ASSERT_NE(next, std::string::npos);
  std::string looping = bytes;
  looping.replace(next, 4, elf_number(spec, 0xffffffff, 4));
  EXPECT_EQ(read(looping).error().code, Errc::corrupt);

  ElfSpec needing;
  needing.versions_needed = {{"lib.so", {"A", "B"}}};
  bytes = make_elf(needing);
  const std::size_t dynamic = bytes.find(elf_number(needing, 0x6ffffffe, 8));
  ASSERT_NE(dynamic, std::string::npos);
  bytes.replace(dynamic + 8, 8, elf_number(needing, 0xfffffffffffffff0, 8));
  EXPECT_EQ(read(bytes).error().message, "ELF: symbol versions beyond the segments");
}

TEST(ElfVersions, ALongChainIsCutOff) {
  ElfSpec spec;
  spec.versions_defined.assign(9000, "V");
  EXPECT_EQ(read(make_elf(spec)).error().message, "ELF: symbol versions without an end");
}

TEST(ElfVersions, NamesThatTakeTooMuchMemoryAreAnError) {
  ElfSpec spec;
  spec.versions_defined.assign(40, std::string(60000, 'V'));
  EXPECT_EQ(read(make_elf(spec)).error().message, "ELF: too long a list of symbol versions");
}

// Kernel and loaders go on without them, and so does the reader.
TEST(ElfNotes, BrokenOnesLeaveTheRest) {
  ElfSpec spec{.machine = elf::kMachineX86_64};
  const std::string good = elf_note(spec, 1, words(spec, {0, 4, 19, 0}));
  spec.notes = good + words(spec, {0xfffffff0, 0xffffffff, 5}) + "GNU";
  auto facts = read(make_elf(spec));
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->kernel, "4.19.0");
  spec.notes = elf_note(spec, 1, words(spec, {1, 4, 19, 0})) + elf_note(spec, 1, "short");
  facts = read(make_elf(spec));
  EXPECT_EQ(facts->kernel, "") << "another system's tag says nothing about Linux";
  spec.notes = elf_note(spec, 5, words(spec, {0xc0008002, 0xffffffff, 4}));
  facts = read(make_elf(spec));
  EXPECT_EQ(facts->x86_needed, 0U);
  spec.notes = elf_note(spec, 5, words(spec, {0xc0008002, 4}));
  facts = read(make_elf(spec));
  EXPECT_EQ(facts->x86_needed, 0U) << "a property without its value";
}

TEST(ElfNotes, ASegmentBeyondTheFileIsIgnored) {
  ElfSpec spec;
  spec.notes = elf_note(spec, 1, words(spec, {0, 4, 19, 0}));
  std::string bytes = make_elf(spec);
  const std::string size = elf_number(spec, spec.notes.size(), 8);
  const std::size_t at = bytes.find(size + size);  // p_filesz, p_memsz
  ASSERT_NE(at, std::string::npos);
  for (const std::uint64_t lie : {std::uint64_t{1} << 40, UINT64_MAX, bytes.size() + 1}) {
    bytes.replace(at, 8, elf_number(spec, lie, 8));
    const auto facts = read(bytes);
    ASSERT_TRUE(facts) << facts.error().message;
    EXPECT_EQ(facts->kernel, "");
  }
  bytes.replace(at, 8, size);
  bytes.replace(at - 24, 8, elf_number(spec, bytes.size(), 8));  // p_offset
  const auto facts = read(bytes);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->kernel, "");
}

TEST(ElfAttributes, WhatCannotBeReadSaysNothing) {
  ElfSpec spec{.bits = 32, .machine = elf::kMachineArm};
  const auto architecture = [&](const std::string& section) {
    spec.sections = {{.type = 0x70000003, .flags = 0, .content = section}};
    const auto facts = read(make_elf(spec));
    EXPECT_TRUE(facts);
    return facts ? facts->arm_architecture : std::nullopt;
  };
  const std::string good = attributes(spec, "\x06\x0a");
  EXPECT_EQ(architecture(good), elf::kArmV7);
  EXPECT_EQ(architecture(attributes(spec, "\x41\x06\x0a")), std::nullopt)
      << "a name without an end";
  EXPECT_EQ(architecture(attributes(spec, std::string("\x20\x01\x06\x05\0\x06\x0a", 7))),
            elf::kArmV7)
      << "Tag_compatibility has two values";
  EXPECT_EQ(architecture(attributes(spec, "\x06\xff\xff\xff\xff\x7f")), std::nullopt);
  EXPECT_EQ(architecture(attributes(spec, "\x06" + std::string(20, '\xff'))), std::nullopt);
  EXPECT_EQ(architecture("B" + good.substr(1)), std::nullopt);
  EXPECT_EQ(architecture(""), std::nullopt);
  std::string other = good;
  other.replace(5, 5, "gnuxx");
  EXPECT_EQ(architecture(other), std::nullopt);
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_EQ(architecture(good.substr(0, length)), std::nullopt) << length;
  }
}

TEST(ElfAttributes, ATableBeyondTheFileSaysNothing) {
  ElfSpec spec{.bits = 32, .machine = elf::kMachineArm};
  spec.sections = {{.type = 0x70000003, .flags = 0, .content = attributes(spec, "\x06\x0a")}};
  const std::string whole = make_elf(spec);
  ASSERT_EQ(read(whole)->arm_architecture, elf::kArmV7);
  const std::size_t section_offset = whole.size() - 40 + 16;
  for (const std::size_t field : {std::size_t{32}, section_offset, section_offset + 4}) {
    std::string bytes = whole;
    bytes.replace(field, 4, elf_number(spec, whole.size(), 4));
    const auto facts = read(bytes);
    ASSERT_TRUE(facts) << facts.error().message;
    EXPECT_EQ(facts->arm_architecture, std::nullopt) << field;
  }
}

TEST(ElfFactsOfCompiled, LibrariesTellTheirVersions) {
  for (const char* triple : {"aarch64-linux-gnu", "arm-linux-gnueabihf", "x86_64-linux-gnu"}) {
    const elf::Facts facts = compiled("libversions-" + std::string(triple) + ".so");
    const std::vector<VersionsNeeded> needed = {{"libother.so.1", {"OTHER_7"}}};
    EXPECT_EQ(facts.versions_needed, needed) << triple;
    EXPECT_EQ(facts.versions_defined, Names({"MINE_1", "MINE_2"})) << triple;
    EXPECT_TRUE(facts.static_tls) << triple;
    EXPECT_EQ(facts.tls_size, 4U) << triple;
    EXPECT_FALSE(compiled("libother-" + std::string(triple) + ".so").static_tls) << triple;
  }
}

// As GNU ld writes AArch64 files: without DT_FLAGS.
elf::Facts without_flags(const std::string& name) {
  const auto source = FileSource::open(std::string(NODEPROOF_OBJECTS) + "/" + name);
  EXPECT_TRUE(source) << name;
  std::string bytes(source ? source->size() : 0, '\0');
  if (source) EXPECT_TRUE(source->read_at(0, std::as_writable_bytes(std::span(bytes))));
  const std::size_t at = bytes.find(elf_number({}, 30, 8) + elf_number({}, 0x10, 8));
  EXPECT_NE(at, std::string::npos) << name;
  if (at != std::string::npos) bytes[at] = 21;  // DT_DEBUG
  const auto facts = read(bytes);
  EXPECT_TRUE(facts) << facts.error().message;
  return facts ? *facts : elf::Facts{};
}

TEST(ElfFactsOfCompiled, RelocationsTellOfStaticTlsWhereTheFlagIsMissing) {
  EXPECT_TRUE(without_flags("libversions-aarch64-linux-gnu.so").static_tls) << "a local variable";
  EXPECT_TRUE(without_flags("libtls-initial-exec.so").static_tls) << "an exported one";
  const elf::Facts other = without_flags("libtls-global-dynamic.so");
  EXPECT_EQ(other.tls_size, 4U);
  EXPECT_FALSE(other.static_tls) << "only somebody else's variable must";
}

TEST(ElfFactsOfCompiled, ProgramsTellWhatTheyNeedOfTheProcessor) {
  EXPECT_EQ(compiled("armv6").arm_architecture, elf::kArmV6);
  EXPECT_EQ(compiled("armv7").arm_architecture, elf::kArmV7);
  EXPECT_EQ(compiled("x86-64-v3").x86_needed, elf::kX86V3);
  EXPECT_EQ(compiled("pages-64k").x86_needed, 0U);
}

TEST(ElfFactsOfCompiled, SegmentsTellTheirPageSize) {
  const auto alignment = [](const std::string& name) {
    return std::ranges::max(compiled(name).loads, {}, &elf::Segment::alignment).alignment;
  };
  EXPECT_EQ(alignment("pages-4k"), 4096U);
  EXPECT_EQ(alignment("pages-64k"), 65536U);
}

}  // namespace
}  // namespace nodeproof
