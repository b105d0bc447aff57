#include <gtest/gtest.h>

#include "agent/inspect/page_fault.hpp"
#include "tests/unit/inspect/facts.hpp"

namespace nodeproof::inspect {
namespace {

using Lines = std::vector<std::string>;

HostFacts with_pages(std::uint64_t bytes) {
  HostFacts host = pi5_host();
  host.page_size = bytes;
  return host;
}

Files with(FileFacts program) { return debian().add("app", std::move(program)); }

FileFacts linked_for_4k(FileFacts facts) {
  facts.elf->loads = segments_for_4k();
  return facts;
}
// Congruent and apart with 16 KiB pages, but aligned to less.
FileFacts aligned_to_4k(FileFacts facts) {
  facts.elf->loads = {{kRX, 0, 0, 0x2000, 0x2000, 0x1000},
                      {kRW, 0x4000, 0x8000, 0x300, 0x500, 0x1000}};
  return facts;
}
FileFacts marked(FileFacts facts, elf::Mark mark) {
  facts.code->marks = {mark};
  return facts;
}
FileFacts with_jemalloc(FileFacts facts, std::uint64_t page) {
  facts = marked(std::move(facts), elf::Mark::jemalloc);
  if (page > 0) facts.code->jemalloc_page = page;
  return facts;
}

TEST(PageSize, DebiansFilesFitEveryPageSize) {
  for (const std::uint64_t page : {0UL, 4096UL, 16384UL, 65536UL}) {
    EXPECT_EQ(verdict_of(with(program_facts()), with_pages(page)), Lines{}) << page;
  }
}

TEST(PageSize, AProgramLinkedFor4KCannotBeStartedWith16K) {
  const Finding finding = only_finding(with(linked_for_4k(program_facts())), with_pages(16384));
  EXPECT_EQ(brief({finding}), Lines{"PageSizeIncompatible fail /app"});
  EXPECT_EQ(finding.message,
            "/app, needed by entrypoint, cannot be started with this host's pages of 16 KiB");
  EXPECT_EQ(finding.evidence,
            "PT_LOAD at 0x1000, offset 0x1000 ends in the page where the one at 0x2000 begins and "
            "loses its right to execute");
  EXPECT_NE(finding.remedy.find("max-page-size=65536"), std::string::npos);
}

TEST(PageSize, AddressAndOffsetMustAgreeModuloThePage) {
  FileFacts facts = program_facts();
  facts.elf->loads = {{kRX, 0, 0, 0x500, 0x500, 0x1000}, {kRW, 0x1000, 0x12000, 8, 8, 0x1000}};
  const auto fault = page_fault(*facts.elf, Mapper::kernel, 16384);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->why, "PT_LOAD at 0x12000, offset 0x1000: they differ modulo 16384");
  EXPECT_TRUE(fault->certain);
  EXPECT_FALSE(page_fault(*facts.elf, Mapper::kernel, 4096).has_value());
}

TEST(PageSize, ASegmentWithoutBytesInTheFileNeedNotAgree) {
  FileFacts facts = program_facts();
  facts.elf->loads = {{kRX, 0, 0, 0x500, 0x500, 0x1000}, {kRW, 0x500, 0x13000, 0, 0x100, 0x1000}};
  EXPECT_FALSE(page_fault(*facts.elf, Mapper::kernel, 16384).has_value());
}

TEST(PageSize, ACommonPageIsAskedForWhatTheEarlierSegmentLoses) {
  const auto fault = [](elf::Segment first, elf::Segment second) {
    FileFacts facts = program_facts();
    facts.elf->loads = {first, second};
    return page_fault(*facts.elf, Mapper::kernel, 16384);
  };
  const elf::Segment code{kRX, 0, 0, 0x800, 0x800, 0x1000};
  const elf::Segment constants{kR, 0x1000, 0x1000, 0x100, 0x100, 0x1000};
  const elf::Segment data{kRW, 0x1000, 0x1000, 0x100, 0x300, 0x1000};
  const elf::Segment more{kRW, 0x2000, 0x2000, 0x100, 0x100, 0x1000};
  EXPECT_TRUE(fault(code, constants)->certain);
  EXPECT_NE(fault(code, constants)->why.find("execute"), std::string::npos);
  EXPECT_NE(fault(data, more)->why.find("zero"), std::string::npos);
  EXPECT_FALSE(fault(constants, more)->certain);
  elf::Segment elsewhere = more;
  elsewhere.offset += 0x4000;
  EXPECT_NE(fault(constants, elsewhere)->why.find("overwritten"), std::string::npos);
  elf::Segment far = more;
  far.address += 0x4000;
  EXPECT_FALSE(fault(code, far).has_value());
}

TEST(PageSize, AlignmentCountsForGlibcBefore235Alone) {
  const elf::Facts facts = *aligned_to_4k(library_facts("libx.so")).elf;
  EXPECT_FALSE(page_fault(facts, Mapper::kernel, 16384).has_value());
  EXPECT_FALSE(page_fault(facts, Mapper::glibc, 16384).has_value());
  EXPECT_FALSE(page_fault(facts, Mapper::musl, 16384).has_value());
  const auto fault = page_fault(facts, Mapper::aligned_glibc, 16384);
  ASSERT_TRUE(fault.has_value());
  EXPECT_NE(fault->why.find("alignment 0x1000"), std::string::npos);
}

TEST(PageSize, AnOldLoaderRefusesALibraryThatANewOneTakes) {
  const auto image = [](FileFacts loader) {
    return Files()
        .add("lib/ld-linux-aarch64.so.1", std::move(loader))
        .add("usr/lib/libc.so.6", glibc())
        .add("usr/lib/libx.so", aligned_to_4k(library_facts("libx.so")))
        .add("app", program_facts({"libx.so", "libc.so.6"}));
  };
  EXPECT_EQ(verdict_of(image(glibc_loader()), with_pages(16384)), Lines{});
  const Finding finding =
      only_finding(image(marked(glibc_loader(), elf::Mark::aligned_loader)), with_pages(16384));
  EXPECT_EQ(brief({finding}), Lines{"PageSizeIncompatible fail /usr/lib/libx.so"});
  EXPECT_NE(finding.message.find("is refused by the image's loader"), std::string::npos);
}

TEST(PageSize, MuslMapsAWrongLibraryWithoutAWord) {
  FileFacts program = linked_for_4k(program_facts({"libx.so"}));
  program.elf->loads = segments_for_64k();
  program.elf->interpreter = "/lib/ld-musl-aarch64.so.1";
  const Files files = Files()
                          .add("lib/ld-musl-aarch64.so.1", library_facts("libc.musl-aarch64.so.1"))
                          .add("usr/lib/libx.so", linked_for_4k(library_facts("libx.so")))
                          .add("app", program);
  const Finding finding = only_finding(files, with_pages(65536));
  EXPECT_EQ(brief({finding}), Lines{"PageSizeIncompatible fail /usr/lib/libx.so"});
  EXPECT_NE(finding.message.find("wrongly, without a word"), std::string::npos);
}

TEST(PageSize, FilesThatNoStartNeedsAreOneWarning) {
  Files files = with(program_facts());
  for (int i = 0; i < 20; ++i) {
    files.add("opt/plugin" + std::to_string(i) + ".so", linked_for_4k(library_facts("p.so")));
  }
  const Finding finding = only_finding(files, with_pages(16384));
  EXPECT_EQ(brief({finding}), Lines{"PageSizeIncompatible warn /opt/plugin0.so"});
  EXPECT_TRUE(finding.message.starts_with("20 files that no known start needs")) << finding.message;
  EXPECT_TRUE(finding.evidence.ends_with("and 14 more")) << finding.evidence;
}

TEST(PageSize, DebugSymbolsAreNotLoaded) {
  Files files = with(program_facts());
  files.add("usr/lib/debug/.build-id/ab/cd.debug", linked_for_4k(library_facts("")));
  EXPECT_EQ(verdict_of(files, with_pages(16384)), Lines{});
}

TEST(PageSize, AFileThatCouldNotBeReadWhollyIsNoClaim) {
  FileFacts program = linked_for_4k(program_facts());
  program.problem = "too large";
  EXPECT_EQ(verdict_of(with(program), with_pages(16384)),
            Lines{"InspectionIncomplete unknown /app"});
}

TEST(PageSize, WhatIsSafeWith4KOnlyIsToldOnAHostOf4K) {
  Files files = with(linked_for_4k(program_facts()));
  files.add("opt/store", with_jemalloc(program_facts(), 16384));
  const Finding finding = only_finding(files, pi4_host());
  EXPECT_EQ(brief({finding}), Lines{"NeedsSmallPages info /app"});
  EXPECT_NE(finding.evidence.find("/app (not with 16 KiB: PT_LOAD"), std::string::npos);
  EXPECT_NE(finding.evidence.find("/opt/store (not with 64 KiB: its jemalloc"), std::string::npos)
      << finding.evidence;
}

TEST(PageSize, AnUnknownPageSizeIsSaidWhereItMatters) {
  EXPECT_EQ(verdict_of(with(linked_for_4k(program_facts())), with_pages(0)),
            Lines{"PageSizeIncompatible unknown /app"});
  Files files = with(program_facts());
  files.add("opt/plugin.so", linked_for_4k(library_facts("p.so")));
  EXPECT_EQ(verdict_of(files, with_pages(0)), Lines{});
}

TEST(PageSize, Amd64HasNoOtherPages) {
  HostFacts host;
  host.platform = linux_on("amd64");
  host.page_size = 4096;
  FileFacts program = linked_for_4k(static_facts());
  program.elf->header.machine = elf::kMachineX86_64;
  Image image = Files().add("app", program).image(host);
  image.resolved.config.platform = linux_on("amd64");
  image.resolved.manifest.platform = linux_on("amd64");
  EXPECT_EQ(brief(image.inspect().findings), Lines{});
  image.host.page_size = 0;
  EXPECT_EQ(brief(image.inspect().findings), Lines{});
}

TEST(Jemalloc, RefusesPagesLargerThanItsOwn) {
  const Finding finding =
      only_finding(with(with_jemalloc(program_facts(), 4096)), with_pages(16384));
  EXPECT_EQ(brief({finding}), Lines{"PageSizeIncompatible fail /app"});
  EXPECT_NE(finding.message.find("Unsupported system page size"), std::string::npos);
  EXPECT_EQ(verdict_of(with(with_jemalloc(program_facts(), 16384)), with_pages(65536)),
            Lines{"PageSizeIncompatible fail /app"});
}

TEST(Jemalloc, BuiltFor64KIsGoodEverywhere) {
  for (const std::uint64_t page : {4096UL, 16384UL, 65536UL}) {
    EXPECT_EQ(verdict_of(with(with_jemalloc(program_facts(), 65536)), with_pages(page)), Lines{});
  }
}

TEST(Jemalloc, ThatNoStartNeedsIsAWarning) {
  Files files = with(program_facts());
  files.add("opt/store", with_jemalloc(program_facts(), 4096));
  EXPECT_EQ(verdict_of(files, with_pages(16384)), Lines{"PageSizeIncompatible warn /opt/store"});
}

TEST(Jemalloc, OfAnUnknownPageSizeIsToldWherePagesAreLarge) {
  EXPECT_EQ(verdict_of(with(with_jemalloc(program_facts(), 0)), with_pages(16384)),
            Lines{"PageSizeIncompatible info /app"});
  EXPECT_EQ(verdict_of(with(with_jemalloc(program_facts(), 0)), with_pages(4096)), Lines{});
}

TEST(PageHabits, Box64AndPackedProgramsAreWarnedOfWherePagesAreLarge) {
  for (const elf::Mark mark : {elf::Mark::box64, elf::Mark::wine, elf::Mark::packed}) {
    const Files files = with(marked(program_facts(), mark));
    EXPECT_EQ(verdict_of(files, with_pages(16384)), Lines{"PageSizeIncompatible warn /app"});
    EXPECT_EQ(verdict_of(files, with_pages(4096)), Lines{});
  }
}

TEST(PageHabits, NodeAndGoAreNoFindings) {
  for (const elf::Mark mark : {elf::Mark::v8, elf::Mark::go}) {
    EXPECT_EQ(verdict_of(with(marked(program_facts(), mark)), with_pages(65536)), Lines{});
  }
  Files files = with(program_facts());
  files.add("opt/electron", marked(program_facts(), elf::Mark::v8));
  EXPECT_EQ(verdict_of(files, with_pages(16384)), Lines{"PageSizeIncompatible info /opt/electron"});
}

}  // namespace
}  // namespace nodeproof::inspect
