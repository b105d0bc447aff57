#include <gtest/gtest.h>

#include "tests/unit/inspect/facts.hpp"

namespace nodeproof::inspect {
namespace {

using Lines = std::vector<std::string>;

elf::ExtensionUse use(const std::string& hwcap, std::uint32_t guarded, std::uint32_t unguarded) {
  return {hwcap, guarded, unguarded, 0x12340, 0xb8e00041};
}
FileFacts using_it(FileFacts facts, std::vector<elf::ExtensionUse> uses) {
  facts.code->extensions = std::move(uses);
  return facts;
}
Files with(FileFacts program) { return debian().add("app", std::move(program)); }

TEST(Isa, DebiansCLibraryIsGoodOnEveryProcessor) {
  EXPECT_EQ(verdict_of(with(program_facts()), pi4_host()), Lines{});
  EXPECT_EQ(verdict_of(with(using_it(program_facts(), {use("atomics", 22, 0)})), pi4_host()),
            Lines{});
}

TEST(Isa, AtomicsWithoutAnotherWayFailWhereTheProcessorLacksThem) {
  const Files files = with(using_it(program_facts(), {use("atomics", 0, 3)}));
  const Finding finding = only_finding(files, pi4_host());
  EXPECT_EQ(brief({finding}), Lines{"MissingIsaExtension fail /app"});
  EXPECT_EQ(finding.evidence,
            "3 instructions of atomics without a guard, the first 0xb8e00041 at 0x12340; this "
            "processor has fp asimd evtstrm crc32 cpuid");
  EXPECT_EQ(verdict_of(files, pi5_host()), Lines{});
}

TEST(Isa, AtomicsBesideGuardedOnesAreAWarning) {
  EXPECT_EQ(verdict_of(with(using_it(program_facts(), {use("atomics", 13, 1)})), pi4_host()),
            Lines{"MissingIsaExtension warn /app"});
  FileFacts chosen = using_it(program_facts(), {use("atomics", 0, 9)});
  chosen.code->ifunc = true;
  EXPECT_EQ(verdict_of(with(chosen), pi4_host()), Lines{"MissingIsaExtension warn /app"});
}

TEST(Isa, LibatomicChoosesByItself) {
  FileFacts libatomic = using_it(library_facts("libatomic.so.1"), {use("atomics", 26, 27)});
  libatomic.code->ifunc = true;
  Files files = with(program_facts({"libatomic.so.1", "libc.so.6"}));
  files.add("usr/lib/libatomic.so.1", libatomic);
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{});
}

TEST(Isa, AtomicsThatNoStartNeedsAreOneWarning) {
  Files files = with(program_facts());
  files.add("opt/a.node", using_it(library_facts(""), {use("atomics", 0, 3)}));
  files.add("opt/b.node", using_it(library_facts(""), {use("atomics", 0, 1)}));
  files.add("opt/with-another-way.node", using_it(library_facts(""), {use("atomics", 1, 3)}));
  const Finding finding = only_finding(files, pi4_host());
  EXPECT_EQ(brief({finding}), Lines{"MissingIsaExtension warn /opt/a.node"});
  EXPECT_TRUE(finding.message.starts_with("2 files")) << finding.message;
}

TEST(Isa, AProcessorThatIsNotKnownIsNoPass) {
  HostFacts host = pi4_host();
  host.hwcaps.clear();
  EXPECT_EQ(verdict_of(with(using_it(program_facts(), {use("atomics", 0, 3)})), host),
            Lines{"MissingIsaExtension unknown /app"});
  EXPECT_EQ(verdict_of(with(using_it(program_facts(), {use("atomics", 5, 3)})), host), Lines{});
  EXPECT_EQ(verdict_of(with(program_facts()), host), Lines{});
}

TEST(Isa, OtherExtensionsCountOnlyWhereNothingAsksForThem) {
  FileFacts app = using_it(program_facts(), {use("bf16", 0, 4), use("i8mm", 0, 2)});
  EXPECT_EQ(verdict_of(with(app), pi5_host()), Lines{"MissingIsaExtension warn /app"});
  app.code->asks_processor = true;
  EXPECT_EQ(verdict_of(with(app), pi5_host()), Lines{});
  app.code->asks_processor = false;
  app.code->marks = {elf::Mark::go};
  EXPECT_EQ(verdict_of(with(app), pi5_host()), Lines{});
}

TEST(Isa, OtherExtensionsOfFilesThatNoStartNeedsAreTold) {
  Files files = with(program_facts());
  files.add("opt/x.so", using_it(library_facts(""), {use("asimddp", 0, 4)}));
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{"MissingIsaExtension info /opt/x.so"});
  EXPECT_EQ(verdict_of(files, pi5_host()), Lines{});
}

TEST(Isa, TheUnwinderOfGccIsNoSve) {
  Files files = with(program_facts({"libgcc_s.so.1", "libc.so.6"}));
  files.add("usr/lib/libgcc_s.so.1",
            using_it(library_facts("libgcc_s.so.1"), {{"sve", 0, 6, 0xc5d8, 0x04e0e3e0}}));
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{});
  EXPECT_EQ(
      verdict_of(with(using_it(program_facts(), {{"sve", 0, 6, 0xc5d8, 0x2518e3e0}})), pi4_host()),
      Lines{"MissingIsaExtension warn /app"});
  EXPECT_EQ(
      verdict_of(with(using_it(program_facts(), {{"sve", 0, 60, 0xc5d8, 0x04e0e3e0}})), pi4_host()),
      Lines{"MissingIsaExtension warn /app"});
}

TEST(Isa, TheVectorFunctionsOfGlibcAreCalledByCodeForSveAlone) {
  Files files = with(program_facts({"libmvec.so.1", "libc.so.6"}));
  files.add("usr/lib/libmvec.so.1", using_it(library_facts("libmvec.so.1"), {use("sve", 0, 900)}));
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{});
  files.add("usr/lib/libmvec.so.1", using_it(library_facts("libother.so.1"), {use("sve", 0, 900)}));
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{"MissingIsaExtension warn /usr/lib/libmvec.so.1"});
}

TEST(Isa, AStaticProgramShowsNoSignsEitherWay) {
  FileFacts app = using_it(program_facts(), {use("bf16", 0, 4)});
  app.elf->dynamic = false;
  EXPECT_EQ(verdict_of(with(app), pi5_host()), Lines{"MissingIsaExtension info /app"});
}

TEST(Isa, AtomicsOfVariantsThatAreChosenByNameAreNoFindingUntilAStartNeedsThem) {
  Files files = with(program_facts());
  files.add("usr/lib/atomics/libx.so.1", using_it(library_facts(""), {use("atomics", 0, 4)}));
  files.add("opt/libggml-cpu-armv8.2_1.so", using_it(library_facts(""), {use("atomics", 0, 4)}));
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{});
}

// ---- amd64

FileFacts on_amd64(FileFacts facts, std::uint32_t needed) {
  facts.elf->header.machine = elf::kMachineX86_64;
  if (!facts.elf->interpreter.empty()) facts.elf->interpreter = "/lib64/ld-linux-x86-64.so.2";
  facts.elf->x86_needed = needed;
  return facts;
}
Files debian_amd64() {
  return Files()
      .add("lib64/ld-linux-x86-64.so.2",
           on_amd64(library_facts("ld-linux-x86-64.so.2"), elf::kX86Baseline))
      .add("lib/x86_64-linux-gnu/libc.so.6",
           on_amd64(library_facts("libc.so.6"), elf::kX86Baseline));
}
Image on_level(const Files& files, const std::string& level) {
  HostFacts host;
  host.platform = linux_on("amd64");
  host.page_size = 4096;
  host.isa_level = level;
  Image image = files.image(host);
  image.resolved.config.platform = linux_on("amd64");
  image.resolved.manifest.platform = linux_on("amd64");
  return image;
}
Lines at_level(const Files& files, const std::string& level) {
  return brief(on_level(files, level).inspect().findings);
}

FileFacts libc_of(const std::string& version) {
  FileFacts facts = on_amd64(library_facts("libc.so.6"), elf::kX86Baseline);
  facts.elf->versions_defined = {"GLIBC_2.2.5", version};
  return facts;
}

TEST(X86Level, ALibraryForANewerProcessorFailsWhereGlibcRefusesIt) {
  Files files = debian_amd64();
  files.add("lib/x86_64-linux-gnu/libc.so.6", libc_of("GLIBC_2.33"));
  files.add("usr/lib/libx.so", on_amd64(library_facts("libx.so"), elf::kX86V3));
  files.add("app", on_amd64(program_facts({"libx.so", "libc.so.6"}), elf::kX86Baseline));
  EXPECT_EQ(at_level(files, "x86-64-v2"), Lines{"MissingIsaExtension fail /usr/lib/libx.so"});
  EXPECT_EQ(at_level(files, "x86-64-v3"), Lines{});
  EXPECT_EQ(at_level(files, "x86-64-v4"), Lines{});
}

TEST(X86Level, AnOlderCLibraryDoesNotLook) {
  Files files = debian_amd64();
  files.add("lib/x86_64-linux-gnu/libc.so.6", libc_of("GLIBC_2.31"));
  files.add("app", on_amd64(program_facts(), elf::kX86V3));
  EXPECT_EQ(at_level(files, "x86-64-v2"), Lines{"MissingIsaExtension warn /app"});
}

TEST(X86Level, ALevelThatIsNotKnownIsNoPass) {
  Files files = debian_amd64();
  files.add("app", on_amd64(program_facts(), elf::kX86V2));
  EXPECT_EQ(at_level(files, ""), Lines{"MissingIsaExtension unknown /app"});
}

TEST(X86Level, TheBaselineIsGoodEverywhere) {
  Files files = debian_amd64();
  files.add("app", on_amd64(program_facts(), elf::kX86Baseline));
  EXPECT_EQ(at_level(files, ""), Lines{});
  EXPECT_EQ(at_level(files, "x86-64-v1"), Lines{});
}

TEST(X86Level, VariantsInGlibcHwcapsAreForALoaderThatChooses) {
  Files files = debian_amd64();
  files.add("usr/lib/x86_64-linux-gnu/libx.so",
            on_amd64(library_facts("libx.so"), elf::kX86Baseline));
  files.add("usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libx.so",
            on_amd64(library_facts("libx.so"), elf::kX86V3));
  files.add("app", on_amd64(program_facts({"libx.so", "libc.so.6"}), elf::kX86Baseline));
  for (const std::string level : {"", "x86-64-v2", "x86-64-v3"}) {
    const InspectResult result = on_level(files, level).inspect();
    EXPECT_EQ(brief(result.findings), Lines{}) << level;
    const auto taken = std::ranges::find_if(
        result.files, [](const NeededFile& file) { return file.path.ends_with("/libx.so"); });
    ASSERT_NE(taken, result.files.end());
    EXPECT_EQ(taken->path.contains("glibc-hwcaps"), level == "x86-64-v3") << level;
  }
}

TEST(X86Level, FilesThatNoStartNeedsAreOneWarning) {
  Files files = debian_amd64();
  files.add("app", on_amd64(program_facts(), elf::kX86Baseline));
  files.add("opt/plugin.so", on_amd64(library_facts(""), elf::kX86V3));
  EXPECT_EQ(at_level(files, "x86-64-v2"), Lines{"MissingIsaExtension warn /opt/plugin.so"});
  EXPECT_EQ(at_level(files, ""), Lines{});
}

}  // namespace
}  // namespace nodeproof::inspect
