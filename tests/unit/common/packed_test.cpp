#include "common/packed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/byte_source.hpp"
#include "tests/fakes/elf_writer.hpp"
#include "tests/fakes/zip_writer.hpp"

namespace nodeproof {
namespace {

using fakes::ZipWriter;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kArm = fakes::make_elf({.machine = elf::kMachineAArch64});
const std::string kX86 = fakes::make_elf({.machine = elf::kMachineX86_64});

Result<PackedPrograms> read(const std::string& bytes, std::string_view name = "a.jar") {
  return read_packed(name, MemorySource(as_bytes(bytes)));
}

std::vector<std::string> paths(const Result<PackedPrograms>& packed) {
  std::vector<std::string> paths;
  if (!packed) return {packed.error().message};
  for (const PackedProgram& program : packed->found) {
    paths.push_back(program.path + " " + elf::machine_name(program.header.machine));
  }
  return paths;
}

ZipWriter two_machines(std::string before = {}) {
  ZipWriter zip(std::move(before));
  zip.deflated("org/Main.class", std::string(300, 'x'));
  zip.deflated("linux/aarch64/libx.so", kArm).stored("linux/x86_64/libx.so", kX86);
  return zip;
}

constexpr const char* kFirst = "linux/aarch64/libx.so AArch64";
constexpr const char* kSecond = "linux/x86_64/libx.so x86-64";

TEST(Packed, FindsStoredAndDeflatedProgramsWithTheirMachine) {
  EXPECT_THAT(paths(read(two_machines().str())), ElementsAre(kFirst, kSecond));
}

TEST(Packed, ReadsAnArchiveBehindALauncherWithACommentOrInZip64) {
  EXPECT_THAT(paths(read(two_machines("#!/bin/sh\nexec java -jar $0\n").str("a comment"))),
              ElementsAre(kFirst, kSecond));
  EXPECT_THAT(paths(read(two_machines().str64())), ElementsAre(kFirst, kSecond));
}

TEST(Packed, ReadsZip64BehindALauncher) {
  EXPECT_THAT(paths(read(two_machines("#!/bin/sh\n").str64())), ElementsAre(kFirst, kSecond));
}

TEST(Packed, ManyNamesForOnePieceOfDataAreRefused) {
  std::string bytes = ZipWriter().stored("a.so", kArm).stored("b.so", kArm).str();
  const std::size_t second = bytes.rfind("PK\1\2");
  for (std::size_t i = 0; i < 4; ++i)
    bytes[second + 42 + i] = 0;  // its header's offset: the first's
  EXPECT_THAT(paths(read(bytes)), ElementsAre("zip: two members in one place"));
}

TEST(Packed, LooksIntoArchivesInsideStoredOrDeflated) {
  const std::string inner = two_machines().str();
  ZipWriter outer;
  outer.stored("BOOT-INF/lib/a.jar", inner).deflated("WEB-INF/lib/b.jar", inner);
  EXPECT_THAT(paths(read(outer.str(), "app.war")),
              ElementsAre(std::string("BOOT-INF/lib/a.jar!/") + kFirst,
                          std::string("BOOT-INF/lib/a.jar!/") + kSecond,
                          std::string("WEB-INF/lib/b.jar!/") + kFirst,
                          std::string("WEB-INF/lib/b.jar!/") + kSecond));
}

TEST(Packed, GoesThreeArchivesDeepAndSaysNothingOfTheFourth) {
  std::string bytes = two_machines().str();
  for (int i = 0; i < 3; ++i) bytes = ZipWriter().stored("in.jar", bytes).str();
  EXPECT_THAT(paths(read(bytes)), IsEmpty());
}

TEST(Packed, AMemberThatCannotBeReadIsAProblemAndHidesNoOther) {
  ZipWriter zip;
  zip.encrypted("secret.so", kArm).stored("broken.jar", "no archive").stored("good.so", kArm);
  const auto packed = read(zip.str());
  EXPECT_THAT(paths(packed), ElementsAre("good.so AArch64"));
  EXPECT_THAT(packed->problem, HasSubstr("encrypted"));
}

TEST(Packed, AMemberThatDoesNotHashToItsEntryIsAProblem) {
  std::string bytes = ZipWriter().deflated("x.jar", two_machines().str()).str();
  bytes[100] = static_cast<char>(~static_cast<unsigned char>(bytes[100]));
  const auto packed = read(bytes);
  ASSERT_TRUE(packed) << packed.error().message;
  EXPECT_NE(packed->problem, "");
}

TEST(Packed, EveryPieceOfAnArchiveIsAnErrorOrAResultAndNothingElse) {
  const std::string whole = two_machines().str64();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(read(whole.substr(0, length))) << length;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(~static_cast<unsigned char>(changed[at]));
    static_cast<void>(read(changed));
  }
}

TEST(Packed, ReadsAsarArchivesAndLeavesOutWhatLiesBesideThem) {
  const std::string asar = fakes::make_asar(kX86);
  EXPECT_THAT(paths(read(asar, "resources/app.asar")), ElementsAre("native/addon.node x86-64"));
  for (std::size_t length = 0; length < asar.size(); ++length) {
    EXPECT_FALSE(read(asar.substr(0, length), "app.asar")) << length;
  }
}

TEST(Packed, KnowsArchivesByTheirNames) {
  for (const char* name : {"a.jar", "x/b.whl", "c.zip", "app.asar"}) {
    EXPECT_TRUE(is_archive_name(name)) << name;
  }
  for (const char* name : {"jar", "a.jar.txt", "b.so", "c.tar"}) {
    EXPECT_FALSE(is_archive_name(name)) << name;
  }
}

}  // namespace
}  // namespace nodeproof
