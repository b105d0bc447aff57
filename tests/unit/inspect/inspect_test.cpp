#include "agent/inspect/inspect.hpp"

#include <gtest/gtest.h>

#include "common/content_hash.hpp"
#include "tests/unit/inspect/layers.hpp"

namespace nodeproof::inspect {
namespace {

using fakes::make_elf;
using fakes::TarWriter;
using Lines = std::vector<std::string>;

const std::string kManifest = hash_of(as_bytes("manifest")).str();

TarWriter base() {
  TarWriter tar;
  tar.file("lib/ld-linux-aarch64.so.1", arm64_library("ld-linux-aarch64.so.1"), 0755);
  tar.file("lib/aarch64-linux-gnu/libc.so.6", arm64_library("libc.so.6"), 0755);
  return tar;
}
TarWriter good() { return base().file("app", arm64_program({"libc.so.6"}), 0755); }

Finding only(const InspectResult& result) {
  EXPECT_EQ(result.findings.size(), 1U) << testing::PrintToString(brief(result.findings));
  return result.findings.empty() ? Finding{} : result.findings.front();
}

TEST(Inspect, AGoodImageHasNoFindings) {
  const InspectResult result = Image({inventory_of(good())}).inspect();
  EXPECT_EQ(brief(result.findings), Lines{});
  ASSERT_EQ(result.files.size(), 3U);
  EXPECT_EQ(result.files[0].path, "/app");
  EXPECT_EQ(result.files[0].hash, to_hex(content_hash(as_bytes(arm64_program({"libc.so.6"})))));
  EXPECT_EQ(result.files[2].path, "/lib/aarch64-linux-gnu/libc.so.6");
  EXPECT_EQ(result.program, "/app");
  EXPECT_EQ(result.loader, kLoader);
  EXPECT_FALSE(result.entrypoint_static);
}

TEST(Inspect, AStaticEntrypointSaysSo) {
  const InspectResult result =
      Image({inventory_of(TarWriter().file("app", static_program(183), 0755))}).inspect();
  EXPECT_EQ(brief(result.findings), Lines{});
  EXPECT_TRUE(result.entrypoint_static);
  EXPECT_EQ(result.loader, "");
}

TEST(Inspect, AForeignEntrypointFailsWithTheBytesAsEvidence) {
  const LayerInventory layer = inventory_of(TarWriter().file("app", static_program(62), 0755));
  const InspectResult result = Image({layer}).inspect();
  EXPECT_EQ(brief(result.findings),
            (Lines{"ArchMismatch fail /app", "PlatformMismatch info " + kManifest}));
  const Finding& finding = result.findings[1];
  EXPECT_EQ(finding.layer, layer.layer.str());
  EXPECT_EQ(finding.evidence,
            "e_machine 62 (x86-64), 64-bit little-endian; the host, arm64, takes e_machine 183 "
            "(AArch64)");
  EXPECT_NE(finding.remedy.find("linux/arm64"), std::string::npos);
  EXPECT_TRUE(finding.message.ends_with("\"exec format error\" on linux/arm64")) << finding.message;
}

TEST(Inspect, AForeignEntrypointsLoaderAndLibrariesAreNoFindingsOfTheirOwn) {
  const std::string program = make_elf(
      {.machine = 62, .interpreter = "/lib64/ld-linux-x86-64.so.2", .needed = {"libm.so.6"}});
  const InspectResult result = Image({inventory_of(base().file("app", program, 0755))}).inspect();
  const Lines lines = brief(result.findings);
  EXPECT_EQ(lines.front(), "ArchMismatch fail /app");
  for (const std::string& line : lines) {
    EXPECT_FALSE(line.starts_with("LoaderMissing") || line.starts_with("LibraryMissing")) << line;
  }
}

TEST(Inspect, AForeignInterpreterOfAnEntrypointScriptFails) {
  TarWriter tar;
  tar.file("app", "#!/bin/sh\n", 0755).file("bin/sh", static_program(62), 0755);
  EXPECT_EQ(brief(Image({inventory_of(tar)}).inspect().findings),
            (Lines{"ArchMismatch fail /bin/sh", "PlatformMismatch info " + kManifest}));
}

TEST(Inspect, AForeignLibraryOfTheEntrypointFails) {
  TarWriter tar = base();
  tar.file("app", arm64_program({"libx.so"}), 0755)
      .file("usr/lib/libx.so", make_elf({.machine = 62}));
  const Finding finding = only(Image({inventory_of(tar)}).inspect());
  EXPECT_EQ(brief({finding}), Lines{"ArchMismatch fail /usr/lib/libx.so"});
}

TEST(Inspect, AForeignHelperThatNoKnownStartNeedsIsAWarning) {
  TarWriter tar = good();
  tar.file("usr/bin/tini", static_program(62), 0755);
  const Finding finding = only(Image({inventory_of(tar)}).inspect());
  EXPECT_EQ(brief({finding}), Lines{"ArchMismatch warn /usr/bin/tini"});
  EXPECT_NE(finding.evidence.find("e_machine 62 (x86-64)"), std::string::npos);
}

TEST(Inspect, TheSameHelperFailsWhenASmokeTestRunsIt) {
  TarWriter tar = good();
  tar.file("usr/bin/tini", static_program(62), 0755);
  Image image({inventory_of(tar)});
  image.tests = {
      {.name = "tini", .args = {"tini", "--version"}, .env = {}, .user = {}, .expect = {}}};
  const Finding finding = only(image.inspect());
  EXPECT_EQ(brief({finding}), Lines{"ArchMismatch fail /usr/bin/tini"});
  EXPECT_NE(finding.message.find("smoke test \"tini\""), std::string::npos);
}

TEST(Inspect, ManyForeignFilesAreOneFindingPerPackage) {
  TarWriter tar = good();
  for (int i = 0; i < 300; ++i) {
    tar.file("srv/node_modules/@scope/pkg/build/deep/" + std::to_string(i) + ".node",
             static_program(62));
    tar.file("opt/venv/site-packages/numpy/core/" + std::to_string(i) + ".so", static_program(62));
  }
  const InspectResult result = Image({inventory_of(tar)}).inspect();
  const Lines lines = brief(result.findings);
  EXPECT_EQ(lines, (Lines{"ArchMismatch warn /opt/venv/site-packages/numpy",
                          "ArchMismatch warn /srv/node_modules/@scope/pkg",
                          "PlatformMismatch warn " + kManifest}));
}

TEST(Inspect, AWholeForeignUserlandStaysAShortList) {
  TarWriter tar = good();
  for (int i = 0; i < 100; ++i)
    tar.file("d" + std::to_string(i) + "/tool", static_program(62), 0755);
  const InspectResult result = Image({inventory_of(tar)}).inspect();
  EXPECT_LT(result.findings.size(), 12U);
  EXPECT_EQ(result.findings[0].code, "PlatformMismatch") << "most of its files are for amd64";
  EXPECT_EQ(result.findings.back().subject, "several directories");
}

struct Place {
  const char* foreign;  // an x86-64 file
  const char* native;   // an AArch64 file beside it, "" = none
  const char* grade;
};

class ForeignPlace : public testing::TestWithParam<Place> {};

TEST_P(ForeignPlace, IsGraded) {
  const Place& place = GetParam();
  TarWriter tar = good();
  tar.file(place.foreign, static_program(62));
  if (*place.native != '\0') tar.file(place.native, static_program(183));
  const InspectResult result = Image({inventory_of(tar)}).inspect();
  const std::string grade =
      *place.grade == '\0' ? "" : "ArchMismatch " + std::string(place.grade) + " /" + place.foreign;
  EXPECT_EQ(brief(result.findings), grade.empty() ? Lines{} : Lines{grade});
}

INSTANTIATE_TEST_SUITE_P(
    Places, ForeignPlace,
    testing::Values(
        Place{"m/prebuilds/linux-x64/n.node", "m/prebuilds/linux-arm64/n.node", "info"},
        Place{"m/prebuilds/linux-x64/n.node", "", "warn"},
        Place{"usr/lib/x86_64-linux-gnu/l.so", "usr/lib/aarch64-linux-gnu/l.so", "info"},
        Place{"opt/l/x86_64-linux-gnu/l.so", "", "warn"},
        Place{"d/runtimes/linux-x64/native/l.so", "d/runtimes/linux-arm64/native/l.so", "info"},
        Place{"n/@esbuild/linux-x64/bin/e", "n/@esbuild/linux-arm64/bin/e", "info"},
        Place{"n/sharp-linux-x64.node", "n/sharp-linux-arm64.node", "info"},
        Place{"n/sharp-linux-x64.node", "n/sharp-linux-arm64x.node", "warn"},
        Place{"go/pkg/tool/linux_amd64/asm", "go/pkg/tool/linux_arm64/asm", "info"},
        Place{"usr/x86_64-linux-gnu/lib/libc.so.6", "", "info"},
        Place{"usr/lib/gcc-cross/x86_64-linux-gnu/12/cc1", "", "info"},
        Place{"src/debug/elf/testdata/hello", "", "info"}, Place{"usr/lib/debug/x", "", "info"},
        Place{"lib/firmware/x.elf", "", ""}, Place{"usr/share/qemu/x.img", "", ""}),
    [](const auto& info) { return "Case" + std::to_string(info.index); });

TEST(Inspect, CodeForNoLinuxProcessorIsNotAFinding) {
  TarWriter tar = good();
  tar.file("usr/lib/prog.o", make_elf({.type = 1, .machine = elf::kMachineBpf}));
  tar.file("usr/lib/kernel.co", make_elf({.machine = 224}))
      .file("usr/lib/k.cubin", make_elf({.machine = 190}));
  tar.file("usr/lib/fw.elf", make_elf({.bits = 32, .type = 2, .machine = 94}));
  tar.file("usr/lib/foreign.o", make_elf({.type = elf::kTypeRelocatable, .machine = 62}));
  EXPECT_EQ(brief(Image({inventory_of(tar)}).inspect().findings), Lines{});
}

TEST(Inspect, ThirtyTwoBitOfTheSameFamilyIsNoFailure) {
  const std::string program = static_program(elf::kMachineArm, 32);
  Image image({inventory_of(TarWriter().file("app", program, 0755))});
  EXPECT_EQ(brief(image.inspect().findings),
            (Lines{"ArchMismatch warn /app", "PlatformMismatch warn " + kManifest}));
  image.resolved.config.platform = linux_on("arm");
  image.resolved.config.platform.variant = "v7";
  image.resolved.manifest.platform = image.resolved.config.platform;
  EXPECT_EQ(brief(image.inspect().findings), Lines{"ArchMismatch info /app"});
}

TEST(Inspect, EmulationFollowsThePolicy) {
  Image image({inventory_of(TarWriter().file("app", static_program(62), 0755))});
  image.host.binfmt = {{.name = "qemu-x86_64",
                        .interpreter = "/usr/bin/qemu-x86_64-static",
                        .flags = "OCF",
                        .elf_machine = 62,
                        .enabled = true}};
  EXPECT_EQ(brief(image.inspect().findings),
            (Lines{"PlatformMismatch info " + kManifest, "WouldRunEmulated fail /app"}));
  image.emulation = Emulation::warn;
  EXPECT_EQ(brief(image.inspect().findings),
            (Lines{"PlatformMismatch info " + kManifest, "WouldRunEmulated warn /app"}));
  image.emulation = Emulation::allow;
  EXPECT_EQ(brief(image.inspect().findings),
            (Lines{"PlatformMismatch info " + kManifest, "WouldRunEmulated info /app"}));
  image.host.binfmt[0].flags = "OC";
  EXPECT_EQ(brief(image.inspect().findings),
            (Lines{"ArchMismatch fail /app", "PlatformMismatch info " + kManifest}))
      << "without F the emulator would have to be in the image";
  image.host.binfmt[0] = {.name = "qemu-riscv64",
                          .interpreter = "/q",
                          .flags = "F",
                          .elf_machine = 243,
                          .enabled = true};
  EXPECT_EQ(brief(image.inspect().findings)[0], "ArchMismatch fail /app");
}

TEST(Inspect, ALabelThatTheProgramContradictsFails) {
  Image image({inventory_of(good())});
  image.resolved.config.platform = linux_on("amd64");
  const Finding finding = only(image.inspect());
  EXPECT_EQ(finding.code, "PlatformMismatch");
  EXPECT_EQ(finding.severity, Severity::fail);
  EXPECT_NE(finding.evidence.find("index entry: linux/arm64; config: linux/amd64; program /app: "
                                  "e_machine 183 (AArch64)"),
            std::string::npos)
      << finding.evidence;
}

TEST(Inspect, LabelsThatDisagreeAloneAreAWarning) {
  Image image({inventory_of(TarWriter().file("data", "no program"))}, {});
  image.tests = {{.name = "t", .args = {"/bin/true"}, .env = {}, .user = {}, .expect = {}}};
  image.resolved.config.platform = linux_on("amd64");
  EXPECT_EQ(brief(image.inspect().findings)[2], "PlatformMismatch warn " + kManifest);
}

TEST(Inspect, AForeignHelperAsEntrypointDoesNotBlameTheLabels) {
  TarWriter tar = good();
  for (int i = 0; i < 5; ++i) tar.file("bin/" + std::to_string(i), static_program(183), 0755);
  tar.file("tini", static_program(62), 0755);
  EXPECT_EQ(brief(Image({inventory_of(tar)}, {"/tini"}).inspect().findings),
            Lines{"ArchMismatch fail /tini"});
}

TEST(Inspect, AnImageForAnotherMachineIsOneFailureAndOneListOfTheRest) {
  TarWriter tar;
  tar.file("app", static_program(62), 0755);
  for (int i = 0; i < 50; ++i) tar.file("d" + std::to_string(i) + "/x", static_program(62), 0755);
  const Lines lines = brief(Image({inventory_of(tar)}).inspect().findings);
  EXPECT_EQ(lines, (Lines{"ArchMismatch fail /app", "ArchMismatch info several directories",
                          "PlatformMismatch info " + kManifest}));
}

TEST(Inspect, VariantsThatMeanTheSameAgree) {
  Image image({inventory_of(good())});
  image.resolved.config.platform.variant = "v8";
  EXPECT_EQ(brief(image.inspect().findings), Lines{});
}

TEST(Inspect, AnHonestForeignImageIsOnlyAnArchMismatch) {
  Image image({inventory_of(TarWriter().file("app", static_program(62), 0755))});
  image.resolved.config.platform = linux_on("amd64");
  image.resolved.manifest.platform = std::nullopt;
  EXPECT_EQ(brief(image.inspect().findings), Lines{"ArchMismatch fail /app"});
}

TEST(Inspect, MissingPiecesAreNamed) {
  EXPECT_EQ(brief(Image({inventory_of(base())}).inspect().findings),
            Lines{"EntrypointMissing fail /app"});
  EXPECT_EQ(
      brief(
          Image({inventory_of(TarWriter().file("app", arm64_program(), 0755))}).inspect().findings),
      Lines{"LoaderMissing fail /lib/ld-linux-aarch64.so.1"});
  EXPECT_EQ(brief(Image({inventory_of(base().file("app", arm64_program({"liby.so.1"}), 0755))})
                      .inspect()
                      .findings),
            Lines{"LibraryMissing fail liby.so.1"});
  EXPECT_EQ(brief(Image({inventory_of(base().file("app", "", 0755))}).inspect().findings),
            Lines{"FileCorrupt fail /app"});
  EXPECT_EQ(brief(Image({inventory_of(base())}, {}).inspect().findings),
            Lines{"EntrypointMissing warn entrypoint"});
}

TEST(Inspect, WithALayerUnreadAbsenceIsUnknown) {
  LayerInventory unread = inventory_of(TarWriter());
  unread.problem = Error{Errc::too_large, "layer: more than 64 GB when unpacked", ""};
  EXPECT_EQ(brief(Image({inventory_of(base()), unread}).inspect().findings),
            (Lines{"EntrypointMissing unknown /app",
                   "InspectionIncomplete unknown " + unread.layer.str()}));
}

TEST(Inspect, WithDirectoriesBeyondTheLimitAbsenceIsUnknown) {
  EXPECT_EQ(brief(Image({inventory_of(base()), inventory_of(deep_paths())}).inspect().findings),
            (Lines{"EntrypointMissing unknown /app", "InspectionIncomplete unknown " + kManifest}));
}

TEST(Inspect, ACorruptLayerOfTheRightDigestFails) {
  const LayerInventory broken = inventory_of("this is no tar");
  const Lines lines = brief(Image({inventory_of(good()), broken}).inspect().findings);
  EXPECT_EQ(lines, Lines{"LayerCorrupt fail " + broken.layer.str()});
}

TEST(Inspect, AnotherDiffIdThanTheConfigsFails) {
  Image image({inventory_of(good())});
  image.resolved.config.diff_ids[0] = hash_of(as_bytes("another"));
  EXPECT_EQ(brief(image.inspect().findings),
            Lines{"ContentCorrupt fail " + image.layers[0].layer.str()});
  image.resolved.config.diff_ids.clear();
  EXPECT_EQ(brief(image.inspect().findings), Lines{"ContentCorrupt fail " + kManifest});
}

TEST(Inspect, RefusedEntriesLeaveTheImageUnknown) {
  const LayerInventory odd = inventory_of(good().file("../../etc/cron.d/x", "x"));
  EXPECT_EQ(brief(Image({odd}).inspect().findings),
            Lines{"InspectionIncomplete unknown " + odd.layer.str()});
}

TEST(Inspect, AWhiteoutCanTakeTheLoaderAway) {
  const InspectResult result =
      Image({inventory_of(good()),
             inventory_of(TarWriter().file("lib/.wh.ld-linux-aarch64.so.1", ""))})
          .inspect();
  EXPECT_EQ(brief(result.findings), Lines{"LoaderMissing fail /lib/ld-linux-aarch64.so.1"});
}

}  // namespace
}  // namespace nodeproof::inspect
