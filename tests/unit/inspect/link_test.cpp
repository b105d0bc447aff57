#include <gtest/gtest.h>

#include "tests/unit/inspect/facts.hpp"

namespace nodeproof::inspect {
namespace {

using Lines = std::vector<std::string>;

FileFacts wanting(FileFacts facts, std::vector<elf::VersionsNeeded> needed) {
  facts.elf->versions_needed = std::move(needed);
  return facts;
}
FileFacts marked(FileFacts facts, elf::Mark mark) {
  facts.code->marks = {mark};
  return facts;
}
Files with(FileFacts program) { return debian().add("app", std::move(program)); }

TEST(SymbolVersions, ThatTheLibraryDefinesAreGood) {
  EXPECT_EQ(verdict_of(with(wanting(program_facts(), {{"libc.so.6", {"GLIBC_2.17", "GLIBC_2.34"}},
                                                      {"ld-linux-aarch64.so.1", {"GLIBC_2.17"}}})),
                       pi4_host()),
            Lines{});
}

TEST(SymbolVersions, ThatTheLibraryLacksFail) {
  const Finding finding = only_finding(
      with(wanting(program_facts(), {{"libc.so.6", {"GLIBC_2.17", "GLIBC_2.38"}}})), pi4_host());
  EXPECT_EQ(brief({finding}), Lines{"SymbolVersionMissing fail /lib/aarch64-linux-gnu/libc.so.6"});
  EXPECT_EQ(finding.message,
            "GLIBC_2.38 not found in /lib/aarch64-linux-gnu/libc.so.6, required by /app");
}

TEST(SymbolVersions, AllThatOneLibraryLacksIsOneFinding) {
  Files files =
      with(wanting(program_facts({"libx.so", "libc.so.6"}), {{"libc.so.6", {"GLIBC_2.38"}}}));
  files.add("usr/lib/libx.so", wanting(library_facts("libx.so", {"libc.so.6"}),
                                       {{"libc.so.6", {"GLIBC_2.38", "GLIBC_2.39"}}}));
  const Finding finding = only_finding(files, pi4_host());
  EXPECT_EQ(finding.message,
            "GLIBC_2.38, GLIBC_2.39 not found in /lib/aarch64-linux-gnu/libc.so.6, required by "
            "/app, /usr/lib/libx.so");
}

TEST(SymbolVersions, AreNotAskedOfALibraryThatHasNone) {
  Files files = with(wanting(program_facts({"libx.so", "libc.so.6"}), {{"libx.so", {"X_1"}}}));
  files.add("usr/lib/libx.so", library_facts("libx.so"));
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{});
}

TEST(SymbolVersions, AreNotAskedOfALibraryThatCouldNotBeRead) {
  FileFacts half = library_facts("libx.so");
  half.elf->versions_defined = {"X_0"};
  half.problem = "too large";
  Files files = with(wanting(program_facts({"libx.so", "libc.so.6"}), {{"libx.so", {"X_1"}}}));
  files.add("usr/lib/libx.so", half);
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{"InspectionIncomplete unknown /usr/lib/libx.so"});
}

TEST(SymbolVersions, OfALibraryUnderSeveralNamesAreLookedForInTheOneFile) {
  FileFacts library = library_facts("libx.so.1");
  library.elf->versions_defined = {"X_1"};
  Files files = with(wanting(program_facts({"libx.so", "libx.so.1", "libc.so.6"}),
                             {{"libx.so", {"X_1"}}, {"libx.so.1", {"X_1", "X_2"}}}));
  files.add("usr/lib/libx.so", library);
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{"SymbolVersionMissing fail /usr/lib/libx.so"});
}

TEST(SymbolVersions, OfALibraryBehindALinkAreLookedForToo) {
  FileFacts library = library_facts("libx.so.1");
  library.elf->versions_defined = {"X_1"};
  Files files = with(wanting(program_facts({"libx.so.1", "liby.so", "libc.so.6"}),
                             {{"libx.so.1", {"X_1"}}, {"liby.so", {"X_2"}}}));
  files.add("usr/lib/libx.so.1", library).link("usr/lib/liby.so", "libx.so.1");
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{"SymbolVersionMissing fail /usr/lib/libx.so.1"});
}

TEST(SymbolVersions, ThatAnotherFileOfThatNameHasAreAWarning) {
  FileFacts old = library_facts("libx.so.1"), newer = old;
  old.elf->versions_defined = {"X_1"};
  newer.elf->versions_defined = {"X_1", "X_2"};
  Files files = with(wanting(program_facts({"libx.so.1", "libc.so.6"}), {{"libx.so.1", {"X_2"}}}));
  files.add("usr/lib/libx.so.1", old).add("opt/lib/libx.so.1", newer);
  const Finding finding = only_finding(files, pi4_host());
  EXPECT_EQ(brief({finding}), Lines{"SymbolVersionMissing warn /usr/lib/libx.so.1"});
  EXPECT_NE(finding.evidence.find("/opt/lib/libx.so.1 does"), std::string::npos);
}

TEST(SymbolVersions, AreNotKnownWhereALayerIsNot) {
  Image image = with(wanting(program_facts(), {{"libc.so.6", {"GLIBC_2.38"}}})).image(pi4_host());
  image.layers.front().problem = Error{Errc::corrupt, "broken off", ""};
  const Lines lines = brief(image.inspect().findings);
  EXPECT_NE(
      std::ranges::find(lines, "SymbolVersionMissing unknown /lib/aarch64-linux-gnu/libc.so.6"),
      lines.end())
      << testing::PrintToString(lines);
}

TEST(SymbolVersions, AreNothingThatMuslLooksAt) {
  FileFacts program = wanting(program_facts({"libx.so"}), {{"libx.so", {"X_2"}}});
  program.elf->interpreter = "/lib/ld-musl-aarch64.so.1";
  FileFacts library = library_facts("libx.so");
  library.elf->versions_defined = {"X_1"};
  EXPECT_EQ(verdict_of(Files()
                           .add("lib/ld-musl-aarch64.so.1", library_facts("ld-musl"))
                           .add("usr/lib/libx.so", library)
                           .add("app", program),
                       pi4_host()),
            Lines{});
}

TEST(KernelTag, IsComparedWhereTheCLibraryDoesSo) {
  HostFacts old = pi4_host();
  old.kernel_release = "3.6.11+";
  const auto image = [](FileFacts loader) {
    return Files()
        .add("lib/ld-linux-aarch64.so.1", std::move(loader))
        .add("lib/aarch64-linux-gnu/libc.so.6", glibc())
        .add("app", program_facts());
  };
  const Files checks = image(marked(glibc_loader(), elf::Mark::kernel_check));
  const Finding finding = only_finding(checks, old);
  EXPECT_EQ(finding.code, "KernelTooOld");
  EXPECT_EQ(finding.severity, Severity::warn);
  EXPECT_NE(finding.evidence.find("this host runs 3.6.11+"), std::string::npos);
  EXPECT_EQ(verdict_of(image(glibc_loader()), old), Lines{});
  for (const std::string release : {"3.7.0", "3.10.108-tegra", "6.6.31", "", "rpi"}) {
    HostFacts host = pi4_host();
    host.kernel_release = release;
    EXPECT_EQ(verdict_of(checks, host), Lines{}) << release;
  }
}

TEST(KernelTag, OfAStaticProgramIsComparedByItself) {
  HostFacts old = pi4_host();
  old.kernel_release = "3.2.0-4-generic";
  EXPECT_EQ(verdict_of(Files().add("app", marked(static_facts(), elf::Mark::kernel_check)), old),
            Lines{"KernelTooOld warn /app"});
  EXPECT_EQ(verdict_of(Files().add("app", static_facts()), old), Lines{});
}

FileFacts with_tls(const std::string& soname, std::uint64_t size) {
  FileFacts facts = library_facts(soname);
  facts.elf->tls_size = size;
  facts.elf->static_tls = true;
  return facts;
}

TEST(StaticTls, BeyondWhatGlibcKeepsIsAWarning) {
  Files files = with(program_facts());
  files.add("opt/libbig.so", with_tls("libbig.so", 4096));
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{"StaticTlsRisk warn /opt/libbig.so"});
}

TEST(StaticTls, OfManySmallLibrariesIsOnlyTold) {
  Files files = with(program_facts());
  for (int i = 0; i < 10; ++i) {
    files.add("opt/lib" + std::to_string(i) + ".so", with_tls("lib" + std::to_string(i), 200));
  }
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{"StaticTlsRisk info /opt/lib0.so"});
}

// With what Debian 12 has for arm64.
TEST(StaticTls, OfOrdinaryLibrariesIsNoFinding) {
  Files files = with(program_facts());
  files.add("usr/lib/libgomp.so.1", with_tls("libgomp.so.1", 136));
  files.add("usr/lib/libjemalloc.so.2", with_tls("libjemalloc.so.2", 2696));
  files.add("usr/lib/libtcmalloc.so.4", with_tls("libtcmalloc.so.4", 88));
  files.add("usr/lib/libtsan.so.2", with_tls("libtsan.so.2", 0x60000));
  files.add("usr/lib/liblinked.so", with_tls("liblinked.so", 8192));
  files.add("usr/bin/tool", program_facts({"liblinked.so"}));
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{});
}

TEST(StaticTls, OfWhatIsLoadedAtTheStartIsNoFinding) {
  Files files = with(program_facts({"libbig.so", "libc.so.6"}));
  files.add("usr/lib/libbig.so", with_tls("libbig.so", 4096));
  EXPECT_EQ(verdict_of(files, pi4_host()), Lines{});
  Files indirect = with(program_facts({"libx.so", "libc.so.6"}));
  indirect.add("usr/lib/libx.so", library_facts("libx.so", {"libbig.so"}));
  indirect.add("usr/lib/libbig.so", with_tls("libbig.so", 4096));
  EXPECT_EQ(verdict_of(indirect, pi4_host()), Lines{});
  Image image = with(program_facts()).add("opt/libbig.so", with_tls("", 4096)).image(pi4_host());
  image.resolved.config.env = {"LD_PRELOAD=/opt/libbig.so"};
  EXPECT_EQ(brief(image.inspect().findings), Lines{});
}

TEST(AddressSpace, TcmallocIsWarnedOfWhereAddressesAreNarrow) {
  const Files files = with(marked(program_facts(), elf::Mark::fixed_space_alloc));
  for (const unsigned bits : {39U, 42U}) {
    HostFacts host = pi4_host();
    host.va_bits = bits;
    EXPECT_EQ(verdict_of(files, host), Lines{"AddressSpaceMismatch warn /app"}) << bits;
  }
  for (const unsigned bits : {0U, 47U, 48U}) {
    HostFacts host = pi4_host();
    host.va_bits = bits;
    EXPECT_EQ(verdict_of(files, host), Lines{}) << bits;
  }
}

TEST(AddressSpace, LuajitIsToldWhereAddressesAreWide) {
  const Files files = with(marked(program_facts(), elf::Mark::luajit));
  HostFacts host = pi4_host();
  EXPECT_EQ(verdict_of(files, host), Lines{"AddressSpaceMismatch info /app"});
  host.va_bits = 47;
  EXPECT_EQ(verdict_of(files, host), Lines{});
}

}  // namespace
}  // namespace nodeproof::inspect
