// What the parts of elf::scan_code share; private to common/elf_*.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/bytes.hpp"
#include "common/elf_code.hpp"
#include "common/elf_fields.hpp"

namespace nodeproof::elf {

// Instructions: a piece of the file, within it, with its virtual address.
struct CodeRange {
  Region region;
  std::uint64_t address = 0;
};

// A piece of the file with some context on both sides.
struct Window {
  std::uint64_t offset = 0;              // in the file, of the first byte
  std::span<const std::uint32_t> words;  // the whole words of bytes
  Bytes bytes;
  std::size_t first = 0, last = 0;  // the piece proper: bytes [first, last)
};

// Reads a region of the file in pieces of at most 1 MiB, each with up to `context` bytes (a
// multiple of 4) before and behind it that lie in the region too.
Result<> for_each_window(const ByteSource& source, Region region, std::size_t context,
                         const std::function<void(const Window&)>& take);

// Executable sections; executable segments where the file has none. They do not overlap.
Result<std::vector<CodeRange>> code_ranges(const ByteSource& source, const Start& start,
                                           const std::vector<Segment>& loads);

struct Signs {
  std::vector<Mark> marks;
  bool asks_processor = false;
  std::vector<std::uint64_t> jemalloc_messages;  // where in the file
};
Result<Signs> find_signs(const ByteSource& source);

struct Extensions {
  std::vector<ExtensionUse> uses;  // by name
  bool asks_processor = false;     // reads the identification registers
};
Result<Extensions> find_extensions(const ByteSource& source, const std::vector<CodeRange>& code);

// The page size that AArch64 code compares with before it refers to one of these messages.
Result<std::optional<std::uint64_t>> find_jemalloc_page(
    const ByteSource& source, const std::vector<CodeRange>& code,
    const std::vector<std::uint64_t>& message_addresses);

// IRELATIVE relocations or IFUNC symbols.
Result<bool> find_ifunc(const ByteSource& source, const Start& start, const Programs& programs);

}  // namespace nodeproof::elf
