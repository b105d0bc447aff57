#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "agent/inspect/inventory_cache.hpp"
#include "agent/inspect/inventory_text.hpp"
#include "agent/inspect/unpacked_size.hpp"
#include "common/content_hash.hpp"
#include "tests/fakes/temp_folder.hpp"
#include "tests/unit/inspect/layers.hpp"

namespace nodeproof::inspect {
namespace {

using fakes::TarWriter;

const InventoryEntry* find(const LayerInventory& inventory, std::string_view path) {
  for (const InventoryEntry& entry : inventory.entries) {
    if (entry.entry.path == path) return &entry;
  }
  return nullptr;
}

LayerInventory sample() {
  TarWriter tar;
  tar.directory("etc").file("etc/passwd", "root:x:0:0::/:/bin/sh\n").file("etc/shadow", "secret");
  tar.file("etc/ld.so.conf.d/a.conf", "/opt/lib\n")
      .file("run.sh", "#!/bin/sh\n" + std::string(500, '#'));
  tar.file("app", arm64_program({"libc.so.6", "libm.so.6"}), 0755);
  tar.file("tabs\tand\nlines%", "x").symlink("link", "to\tit").hard_link("hard", "app");
  tar.file("cut.so", arm64_library("libcut.so").substr(0, 100));
  tar.file(".wh.gone", "");
  return inventory_of(tar);
}

TEST(Inventory, HoldsWhatTheInspectionNeeds) {
  const LayerInventory inventory = sample();
  ASSERT_FALSE(inventory.problem) << inventory.problem->message;
  EXPECT_TRUE(inventory.diff_id);
  EXPECT_EQ(find(inventory, "etc/passwd")->facts->content, "root:x:0:0::/:/bin/sh\n");
  EXPECT_EQ(find(inventory, "etc/shadow")->facts, nullptr) << "no more is kept than is needed";
  EXPECT_EQ(find(inventory, "etc/shadow")->hash, content_hash(as_bytes("secret")));
  EXPECT_EQ(find(inventory, "etc/ld.so.conf.d/a.conf")->facts->content, "/opt/lib\n");
  EXPECT_EQ(find(inventory, "run.sh")->facts->script.size(), 256U);
  const FileFacts& app = *find(inventory, "app")->facts;
  EXPECT_EQ(app.elf->interpreter, kLoader);
  EXPECT_EQ(app.elf->needed.size(), 2U);
  EXPECT_EQ(app.problem, "");
  const FileFacts& cut = *find(inventory, "cut.so")->facts;
  EXPECT_EQ(cut.elf->header.machine, elf::kMachineAArch64) << "its header is known";
  EXPECT_NE(cut.problem, "");
}

TEST(Inventory, TellsWhatTheLayerTakesOnceItIsUnpacked) {
  const LayerInventory inventory = inventory_of(TarWriter()
                                                    .directory("d")
                                                    .file("d/empty", "")
                                                    .file("d/one", "x")
                                                    .file("d/two", std::string(4097, 'x'))
                                                    .hard_link("d/same", "d/two")
                                                    .symlink("d/link", "two")
                                                    .file(".wh.gone", ""));
  EXPECT_EQ(unpacked_size(inventory), (UnpackedSize{.bytes = 4 * 4096, .files = 6}));
  LayerInventory torn = inventory;
  torn.problem = Error{Errc::corrupt, "torn", {}};
  EXPECT_EQ(unpacked_size(torn), std::nullopt);
}

TEST(Inventory, LargeElfFilesAreSpooledAndTheLargestKnownByTheirHeader) {
  const std::string program = arm64_program({"libc.so.6"}) + std::string(300'000, 'x');
  AnalyserLimits limits;
  limits.held = 4096;
  const fakes::TempFolder folder;
  const auto& directory = folder.path();
  LayerInventory inventory =
      inventory_of(TarWriter().file("big", program).str(), limits, directory);
  ASSERT_FALSE(inventory.problem) << inventory.problem->message;
  EXPECT_EQ(inventory.entries[0].facts->elf->needed.size(), 1U);
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  limits.spooled = 100'000;
  inventory = inventory_of(TarWriter().file("big", program).str(), limits, "/nowhere");
  const FileFacts& facts = *inventory.entries[0].facts;
  EXPECT_EQ(facts.elf->header.machine, elf::kMachineAArch64);
  EXPECT_TRUE(facts.elf->needed.empty());
  EXPECT_NE(facts.problem.find("beyond the limit"), std::string::npos);
}

TEST(Inventory, AHostileLayerDoesNotTakeAllMemory) {
  TarWriter tar;
  for (int i = 0; i < 1000; ++i) tar.symlink("l" + std::to_string(i), std::string(90, 'x'));
  AnalyserLimits limits;
  limits.inventory = 100'000;
  const LayerInventory inventory = inventory_of(tar.str(), limits);
  ASSERT_TRUE(inventory.problem);
  EXPECT_EQ(inventory.problem->code, Errc::too_large);
  EXPECT_LT(inventory.entries.size(), 1000U);
}

TEST(Inventory, CodeIsKnownOfProgramsAndLibrariesOnly) {
  fakes::ElfSpec spec{.sections = {{.content = std::string("\x20\x00\x20\xb8", 4)}}};
  const std::string library = fakes::make_elf(spec);
  spec.type = elf::kTypeRelocatable;
  const std::string object = fakes::make_elf(spec);
  spec.type = elf::kTypeCore;
  const std::string core = fakes::make_elf(spec);
  const LayerInventory inventory =
      inventory_of(TarWriter().file("lib.so", library).file("mod.ko", object).file("core", core));
  const FileFacts& facts = *find(inventory, "lib.so")->facts;
  ASSERT_TRUE(facts.code);
  EXPECT_EQ(facts.code->extensions.size(), 1U);
  EXPECT_EQ(facts.problem, "");
  EXPECT_FALSE(find(inventory, "mod.ko")->facts->code);
  EXPECT_FALSE(find(inventory, "core")->facts->code);
}

TEST(Inventory, WhatElfFilesTellCountsToo) {
  fakes::ElfSpec spec;
  spec.versions_defined.assign(1000, "V");
  spec.versions_needed = {{"libc.so.6", std::vector<std::string>(1000, "V")}};
  TarWriter tar;
  for (int i = 0; i < 10; ++i) tar.file("lib" + std::to_string(i), fakes::make_elf(spec));
  AnalyserLimits limits;
  limits.inventory = 11'000 * sizeof(std::string);
  const LayerInventory inventory = inventory_of(tar.str(), limits);
  ASSERT_TRUE(inventory.problem);
  EXPECT_EQ(inventory.problem->code, Errc::too_large);
}

TEST(Inventory, ATextRoundTripChangesNothing) {
  LayerInventory inventory = sample();
  inventory.refused = 3;
  inventory.first_refused = "../x: no";
  inventory.problem = Error{Errc::corrupt, "tar, at\tsome entry", ""};
  const auto parsed = parse_inventory(to_text(inventory));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, inventory);
}

// Every field differs from its default: one that is forgotten shows.
FileFacts full_facts() {
  FileFacts facts;
  facts.elf = elf::Facts{
      .header = {.bits = 64, .big_endian = true, .os_abi = 3, .type = 3, .machine = 62, .flags = 7},
      .interpreter = "/lib/ld.so",
      .dynamic = true,
      .pie = true,
      .soname = "lib\tx",
      .rpath = "/r",
      .runpath = "/u",
      .needed = {"a", "b"},
      .loads = {{5, 1, 2, 3, 4, UINT64_MAX}, {6, 7, 8, 9, 10, 11}},
      .versions_needed = {{"libc.so.6", {"GLIBC_2.17", "GLIBC_2.34"}},
                          {"libm.so.6", {"GLIBC_2.29"}}},
      .versions_defined = {"V1", "V%2"},
      .tls_size = 4096,
      .static_tls = true,
      .kernel = "3.7.0",
      .x86_needed = elf::kX86V3,
      .arm_architecture = 0};
  facts.code =
      elf::CodeFacts{.extensions = {{"aes", 1, 2, 3, 4}, {"atomics", 5, 6, UINT64_MAX, 0xb8200020}},
                     .asks_processor = true,
                     .ifunc = true,
                     .marks = {elf::Mark::jemalloc, elf::Mark::wine},
                     .jemalloc_page = 65536};
  facts.problem = "half of it";
  return facts;
}

TEST(Inventory, AllFactsOfAnElfFileSurviveTheText) {
  LayerInventory inventory = sample();
  inventory.entries[1].facts = std::make_shared<const FileFacts>(full_facts());
  FileFacts bare;
  bare.elf.emplace();
  bare.code.emplace();
  inventory.entries[2].facts = std::make_shared<const FileFacts>(bare);
  const auto parsed = parse_inventory(to_text(inventory));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, inventory);
}

TEST(Inventory, ATornOrAlteredTextIsRefused) {
  const std::string text = to_text(sample());
  for (std::size_t length = 0; length < text.size(); length += 7) {
    EXPECT_FALSE(parse_inventory(std::string_view(text).substr(0, length))) << length;
  }
  for (std::size_t at = 0; at < text.size(); at += 5) {
    std::string altered = text;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    EXPECT_FALSE(parse_inventory(altered)) << at;
  }
}

// Behind a right checksum, too: another version of ours may write other lines.
TEST(Inventory, StrangeLinesUnderARightChecksumAreErrors) {
  const std::string text = to_text(sample());
  const std::string body = text.substr(0, text.size() - 69);
  const auto sealed = [](const std::string& lines) {
    return lines + "end\t" + std::string(hash_of(as_bytes(lines)).hex()) + "\n";
  };
  ASSERT_TRUE(parse_inventory(sealed(body)));
  for (const char* line :
       {"x\n", "f\t1\n", "f\t1\t2\t3\t4\t\tp\t%4\n", "f\t1\t2\t3\t-4\t\tp\t\n", "\n", "N\tlib\n",
        "L\t1\t2\t3\t4\t5\t6\n", "U\taes\t1\t2\t3\t4\n", "X\t1\t1\t0\nM\t99\n", "X\t1\t1\n",
        "E\t64\t0\t0\t3\t62\t0\t0\t0\t\t\t\t\t0\t0\t\t0\t0\nv\tV1\n",
        "d\t1\t2\t3\t4\t\tp\t\textra\n", "f\t1\t2\t3\t4\t0123\tp\t\n"}) {
    EXPECT_FALSE(parse_inventory(sealed(body + line))) << line;
  }
  EXPECT_FALSE(parse_inventory(sealed("nodeproof-inventory\t999\n")));
  EXPECT_FALSE(parse_inventory(sealed("")));
}

TEST(InventoryCache, KeepsAcrossRuns) {
  const fakes::TempFolder folder;
  const auto& directory = folder.path();
  const LayerInventory inventory = sample();
  InventoryCache cache(directory);
  EXPECT_FALSE(cache.contains(inventory.layer));
  EXPECT_EQ(cache.load(inventory.layer).error().code, Errc::not_found);
  cache.store(inventory);
  const InventoryCache later(directory);
  EXPECT_TRUE(later.contains(inventory.layer));
  EXPECT_EQ(*later.load(inventory.layer), inventory);
}

TEST(InventoryCache, ATornFileIsAbsent) {
  const fakes::TempFolder folder;
  const auto& directory = folder.path();
  const LayerInventory inventory = sample();
  InventoryCache(directory).store(inventory);
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    std::filesystem::resize_file(file.path(), file.file_size() / 2);
  }
  const InventoryCache cache(directory);
  EXPECT_FALSE(cache.contains(inventory.layer));
  EXPECT_EQ(cache.load(inventory.layer).error().code, Errc::not_found);
}

TEST(InventoryCache, ABrokenLayerIsKnownForGoodAPassingFailureForThisRun) {
  const fakes::TempFolder folder;
  const auto& directory = folder.path();
  LayerInventory broken = inventory_of("this is no tar");
  ASSERT_TRUE(broken.problem);
  LayerInventory passing = inventory_of(TarWriter().str());
  passing.problem = Error{Errc::no_space, "the spool is full", ""};
  InventoryCache cache(directory);
  cache.store(broken);
  cache.store(passing);
  EXPECT_TRUE(cache.contains(broken.layer));
  EXPECT_FALSE(cache.contains(passing.layer)) << "reading it again may go well";
  EXPECT_EQ(cache.load(passing.layer)->problem->code, Errc::no_space);
  const InventoryCache later(directory);
  EXPECT_TRUE(later.contains(broken.layer));
  EXPECT_FALSE(later.load(passing.layer));
}

TEST(InventoryCache, WithoutADiskItKeepsInMemory) {
  InventoryCache cache("/proc/nodeproof-cannot-write-here");
  const LayerInventory inventory = sample();
  cache.store(inventory);
  EXPECT_TRUE(cache.contains(inventory.layer));
  EXPECT_EQ(*cache.load(inventory.layer), inventory);
}

TEST(InventoryCache, LoadsOneInventoryPerLayerAndSaysWhichIsMissing) {
  const fakes::TempFolder folder;
  InventoryCache cache(folder.path());
  const LayerInventory inventory = sample();
  cache.store(inventory);
  const auto layer = [](const Digest& digest) {
    return Descriptor{
        .media_type = {}, .digest = digest, .size = 1, .platform = {}, .annotations = {}};
  };
  const Digest absent = hash_of(as_bytes("absent"));
  const Manifest manifest{
      .media_type = {}, .config = layer(absent), .layers = {layer(inventory.layer), layer(absent)}};
  const auto inventories = load_inventories(cache, manifest);
  ASSERT_EQ(inventories.size(), 2U);
  EXPECT_EQ(inventories[0], inventory);
  EXPECT_EQ(inventories[1].layer, absent);
  EXPECT_EQ(inventories[1].problem->code, Errc::not_found);
}

}  // namespace
}  // namespace nodeproof::inspect
