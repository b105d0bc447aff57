// What is in an ELF file's bytes beyond its headers: instructions of processor extensions
// (AArch64), and the signs of run-time libraries that depend on page size, address space or kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/elf.hpp"

namespace nodeproof::elf {

// Instructions that only processors with an extension have (Arm ARM, C4).
struct ExtensionUse {
  std::string hwcap;            // as HostFacts::hwcaps names it: "atomics"
  std::uint32_t guarded = 0;    // in a helper that asks first, or beside code that does without
  std::uint32_t unguarded = 0;  // no such sign: a processor without the extension stops there
  std::uint64_t address = 0;    // of the first unguarded one, else of the first (virtual address)
  std::uint32_t word = 0;       // the instruction there
  friend bool operator==(const ExtensionUse&, const ExtensionUse&) = default;
};

// Signs of code that a host's page size, address space or kernel may stop.
enum class Mark {
  jemalloc,           // its own message about a page size it was not built for
  aligned_loader,     // a loader that compares p_align with the page size (glibc before 2.35)
  kernel_check,       // a libc that refuses kernels older than its own tag (glibc before 2.36)
  fixed_space_alloc,  // tcmalloc that places its memory by address: "MmapAligned() failed"
  luajit,             // "bad light userdata pointer"
  go,                 // .go.buildinfo
  v8,                 // V8, in Node.js, Electron and Chromium
  packed,             // UPX
  box64,              // box64 or box86
  wine,
};

struct CodeFacts {
  std::vector<ExtensionUse> extensions;  // AArch64 only, by name
  bool asks_processor = false;           // getauxval, /proc/cpuinfo, OPENSSL_armcap, an ifunc ...
  bool ifunc = false;                    // IRELATIVE relocations or IFUNC symbols
  std::vector<Mark> marks;               // in their order, each once
  // jemalloc's compiled-in page size in bytes; nothing where its code does not tell.
  std::optional<std::uint64_t> jemalloc_page;
  friend bool operator==(const CodeFacts&, const CodeFacts&) = default;
};

// Reads the file once for its texts and its code once more, in pieces. `facts` are of the same
// file.
Result<CodeFacts> scan_code(const ByteSource& source, const Facts& facts);

}  // namespace nodeproof::elf
