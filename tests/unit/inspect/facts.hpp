// Images of files whose facts are given and not read: as a scan would have them of real ones.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/inspect/layers.hpp"

namespace nodeproof::inspect {

inline constexpr std::uint32_t kR = 4, kRX = 5, kRW = 6;

// As GNU ld lays out an AArch64 file by default: aligned to 64 KiB.
inline std::vector<elf::Segment> segments_for_64k() {
  return {{kRX, 0, 0, 0x2000, 0x2000, 0x10000}, {kRW, 0xfe10, 0x1fe10, 0x300, 0x500, 0x10000}};
}
// -z max-page-size=4096 -z separate-code
inline std::vector<elf::Segment> segments_for_4k() {
  return {{kR, 0, 0, 0x700, 0x700, 0x1000},
          {kRX, 0x1000, 0x1000, 0x400, 0x400, 0x1000},
          {kR, 0x2000, 0x2000, 0x100, 0x100, 0x1000},
          {kRW, 0x2de0, 0x3de0, 0x240, 0x250, 0x1000}};
}

inline FileFacts program_facts(std::vector<std::string> needed = {"libc.so.6"}) {
  FileFacts facts;
  facts.elf.emplace();
  facts.elf->header = {.bits = 64, .type = elf::kTypeShared, .machine = elf::kMachineAArch64};
  facts.elf->interpreter = kLoader;
  facts.elf->dynamic = facts.elf->pie = true;
  facts.elf->needed = std::move(needed);
  facts.elf->loads = segments_for_64k();
  facts.elf->kernel = "3.7.0";
  facts.code.emplace();
  return facts;
}
inline FileFacts library_facts(const std::string& soname, std::vector<std::string> needed = {}) {
  FileFacts facts = program_facts(std::move(needed));
  facts.elf->interpreter.clear();
  facts.elf->pie = false;
  facts.elf->kernel.clear();
  facts.elf->soname = soname;
  return facts;
}
inline FileFacts static_facts() {
  FileFacts facts = program_facts({});
  facts.elf->interpreter.clear();
  facts.elf->dynamic = facts.elf->pie = false;
  facts.elf->header.type = elf::kTypeExecutable;
  return facts;
}

class Files {
 public:
  Files& add(std::string_view path, FileFacts facts, std::uint32_t mode = 0755) {
    InventoryEntry entry;
    entry.entry.path = path;
    entry.entry.mode = mode;
    entry.entry.size = 4096;
    entry.hash = ContentHash{0xaa};
    entry.facts = std::make_shared<const FileFacts>(std::move(facts));
    layer_.entries.push_back(std::move(entry));
    return *this;
  }
  Files& link(std::string_view path, std::string_view target) {
    InventoryEntry entry;
    entry.entry.path = path;
    entry.entry.type = EntryType::symlink;
    entry.entry.link_target = target;
    layer_.entries.push_back(std::move(entry));
    return *this;
  }
  [[nodiscard]] Image image(HostFacts host) const {
    Image image({layer_});
    image.host = std::move(host);
    return image;
  }

 private:
  LayerInventory layer_{.layer = hash_of(as_bytes("facts")),
                        .diff_id = hash_of(as_bytes("facts")),
                        .entries = {},
                        .first_refused = {},
                        .problem = {}};
};

inline FileFacts glibc() {
  FileFacts facts = library_facts("libc.so.6");
  facts.elf->versions_defined = {"GLIBC_2.17", "GLIBC_2.33", "GLIBC_2.34", "GLIBC_2.36",
                                 "GLIBC_PRIVATE"};
  facts.elf->versions_needed = {{"ld-linux-aarch64.so.1", {"GLIBC_2.17", "GLIBC_PRIVATE"}}};
  facts.elf->tls_size = 0x90;
  facts.elf->static_tls = true;
  facts.elf->kernel = "3.7.0";
  facts.code->extensions = {{"atomics", 22, 0, 0x1000, 0xb8e00041}, {"sve", 0, 40, 0x2000, 1}};
  facts.code->asks_processor = facts.code->ifunc = true;
  return facts;
}
inline FileFacts glibc_loader() {
  FileFacts facts = library_facts("ld-linux-aarch64.so.1");
  facts.elf->versions_defined = {"GLIBC_2.17", "GLIBC_2.35", "GLIBC_PRIVATE"};
  facts.code->asks_processor = true;
  return facts;
}

// Debian's loader and C library, without a program.
inline Files debian() {
  return Files()
      .add("lib/ld-linux-aarch64.so.1", glibc_loader())
      .add("lib/aarch64-linux-gnu/libc.so.6", glibc());
}

// A 64-bit Raspberry Pi OS on a Raspberry Pi 4: no LSE, 4 KiB pages, 48-bit addresses.
inline HostFacts pi4_host() {
  HostFacts host = arm64_host();
  host.machine = "aarch64";
  host.page_size = 4096;
  host.hwcaps = {"fp", "asimd", "evtstrm", "crc32", "cpuid"};
  host.kernel_release = "6.6.31+rpt-rpi-v8";
  host.va_bits = 48;
  host.aarch32 = true;
  return host;
}
inline HostFacts pi5_host() {
  HostFacts host = pi4_host();
  host.page_size = 16384;
  host.hwcaps.insert(host.hwcaps.end(), {"aes", "pmull", "sha1", "sha2", "atomics", "fphp",
                                         "asimdhp", "asimdrdm", "lrcpc", "dcpop", "asimddp"});
  host.va_bits = 47;
  return host;
}

inline std::vector<std::string> verdict_of(const Files& files, const HostFacts& host) {
  return brief(files.image(host).inspect().findings);
}
inline Finding only_finding(const Files& files, const HostFacts& host) {
  const std::vector<Finding> findings = files.image(host).inspect().findings;
  if (findings.size() == 1) return findings.front();
  Finding none;
  none.code = testing::PrintToString(brief(findings));
  return none;
}

}  // namespace nodeproof::inspect
