#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/inspect/inventory_text.hpp"
#include "tests/fakes/zip_writer.hpp"
#include "tests/unit/inspect/layers.hpp"

namespace nodeproof::inspect {
namespace {

using fakes::TarWriter;
using fakes::ZipWriter;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kArm = static_program(elf::kMachineAArch64);
const std::string kX86 = static_program(elf::kMachineX86_64);

std::vector<std::string> findings_of(TarWriter& tar) {
  tar.file("app", kArm, 0755);
  return brief(Image({inventory_of(tar)}).inspect().findings);
}

std::vector<std::string> findings_of(const std::string& name, const std::string& archive) {
  return findings_of(TarWriter().file(name, archive));
}

TEST(Archives, ALibraryThatAJarBringsForOtherMachinesOnlyIsAWarning) {
  const auto jar = ZipWriter().stored("native/linux-x86_64/librocksdbjni.so", kX86).str();
  EXPECT_THAT(findings_of("opt/rocks.jar", jar), ElementsAre("ArchMismatch warn /opt/rocks.jar"));
}

TEST(Archives, TheFindingNamesTheLibraryItsMachineAndTheLayer) {
  TarWriter tar;
  tar.file("opt/x.whl", ZipWriter().deflated("pkg/_x.abi3.so", kX86).str()).file("app", kArm, 0755);
  const auto findings = Image({inventory_of(tar)}).inspect().findings;
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].evidence, "pkg/_x.abi3.so (x86-64)");
  EXPECT_THAT(findings[0].message, HasSubstr("1 native program or library in it is built for"));
  EXPECT_THAT(findings[0].layer, HasSubstr("sha256:"));
}

TEST(Archives, ALibraryForEachMachineIsAsItShouldBeHoweverTheMachineIsWritten) {
  ZipWriter jar;
  jar.stored("librocksdbjni-linux64.so", kX86).stored("librocksdbjni-linux-aarch64.so", kArm);
  jar.stored("META-INF/native/libnetty_epoll_x86_64.so", kX86);
  jar.stored("META-INF/native/libnetty_epoll_aarch_64.so", kArm);
  jar.stored("com/sun/jna/linux-x86-64/libjnidispatch.so", kX86);
  jar.stored("com/sun/jna/linux-aarch64/libjnidispatch.so", kArm);
  EXPECT_THAT(findings_of("app.jar", jar.str()), IsEmpty());
}

TEST(Archives, TheHostsOwnMayLieInAnotherArchiveOrBesideIt) {
  TarWriter tar;
  tar.file("a.jar", ZipWriter().stored("libx-amd64.so", kX86).stored("liby.so", kX86).str());
  tar.file("b.jar", ZipWriter().stored("libx-arm64.so", kArm).str());
  tar.file("usr/lib/liby.so", kArm);
  EXPECT_THAT(findings_of(tar), IsEmpty());
}

TEST(Archives, AnArchiveForAnotherMachineBesideTheHostsIsExpected) {
  TarWriter tar;
  tar.file("dist/linux-x64/app.zip", ZipWriter().stored("tool", kX86).str());
  tar.file("dist/linux-arm64/app.zip", ZipWriter().stored("other", kArm).str());
  EXPECT_THAT(findings_of(tar), IsEmpty());
}

TEST(Archives, WhatIsNoArchiveButBearsItsNameIsInformativeOnly) {
  EXPECT_THAT(findings_of("test/broken.zip", "not a zip"),
              ElementsAre("InspectionIncomplete info /test/broken.zip"));
}

TEST(Archives, AnImageForAnotherMachineHasItsFindingAlready) {
  TarWriter tar;
  tar.file("app", kX86, 0755).file("a.jar", ZipWriter().stored("libx.so", kX86).str());
  EXPECT_THAT(brief(Image({inventory_of(tar)}).inspect().findings),
              testing::Not(testing::Contains(HasSubstr("a.jar"))));
}

TEST(Archives, ALargeOneIsSpooledAndOneBeyondTheLimitIsNotLookedInto) {
  ZipWriter zip;
  zip.stored("fill.txt", std::string(20'000, 'x')).stored("libx.so", kX86);
  const std::string tar = TarWriter().file("a.jar", zip.str()).str();
  AnalyserLimits limits;
  limits.held = 4096;
  const auto spooled = inventory_of(tar, limits);
  ASSERT_TRUE(spooled.entries.at(0).facts);
  EXPECT_EQ(spooled.entries[0].facts->packed.size(), 1U);
  limits.spooled = 10'000;
  const auto beyond = inventory_of(tar, limits);
  ASSERT_TRUE(beyond.entries.at(0).facts);
  EXPECT_THAT(beyond.entries[0].facts->packed, IsEmpty());
  EXPECT_THAT(beyond.entries[0].facts->problem, HasSubstr("beyond the limit"));
}

TEST(Archives, ALauncherBeforeAnArchiveStaysAScript) {
  const std::string pex = ZipWriter("#!/usr/bin/python3\n").stored("a.so", kArm).str();
  const auto inventory = inventory_of(TarWriter().file("app.pex", pex, 0755));
  ASSERT_TRUE(inventory.entries.at(0).facts);
  EXPECT_THAT(inventory.entries[0].facts->script, HasSubstr("#!/usr/bin/python3"));
  EXPECT_EQ(inventory.entries[0].facts->packed.size(), 1U);
  const auto again = parse_inventory(to_text(inventory));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, inventory);
}

}  // namespace
}  // namespace nodeproof::inspect
