// Tables of entries of one size: relocations, symbols.
#include <algorithm>
#include <array>

#include "common/elf_scan.hpp"

namespace nodeproof::elf {

namespace {

constexpr std::uint64_t kEntriesAtOnce = 16384;  // of at most 24 bytes: less than one window
constexpr std::size_t kRelaBytes = 24, kSymbolBytes = 24;
constexpr std::size_t kMaxAsked = 65536;  // far beyond any real file
constexpr std::uint64_t kTprel64 = 1030;  // R_AARCH64_TLS_TPREL64

// Whether a symbol is this file's own; one that cannot be read is not.
Result<bool> is_defined(const ByteSource& source, const Dynamic& dynamic, std::uint64_t index,
                        const Facts& facts) {
  const std::uint64_t address = dynamic.find(kDtSymtab).value_or(0) + index * kSymbolBytes;
  const auto place = file_region(facts.loads, address, kSymbolBytes);
  if (!place ||
      place->offset > source.size() - std::min<std::uint64_t>(source.size(), kSymbolBytes)) {
    return false;
  }
  std::array<std::byte, kSymbolBytes> symbol{};
  TRY(read_exactly(source, place->offset, symbol));
  return Fields(symbol, facts.header).half(6) != 0;  // st_shndx, SHN_UNDEF
}

bool holds_entry(Bytes entries, std::size_t size, const std::function<bool(Bytes)>& is) {
  for (; entries.size() >= size; entries = entries.subspan(size)) {
    if (is(entries.first(size))) return true;
  }
  return false;
}

}  // namespace

Result<bool> any_entry(const ByteSource& source, Region table, std::size_t size,
                       const std::function<bool(Bytes)>& is) {
  if (table.offset > source.size() || table.size > source.size() - table.offset) return false;
  bool found = false;
  const std::uint64_t step = kEntriesAtOnce * size;
  for (std::uint64_t at = 0; at < table.size && !found; at += step) {
    const Region part{.offset = table.offset + at, .size = std::min(step, table.size - at)};
    const auto look = [&](const Window& window) { found = holds_entry(window.bytes, size, is); };
    TRY(for_each_window(source, part, 0, look));
  }
  return found;
}

Result<> read_static_tls(const ByteSource& source, const Dynamic& dynamic, Facts& facts) {
  const Header& header = facts.header;
  const bool aarch64 = header.machine == kMachineAArch64 && header.bits == 64;
  const auto address = dynamic.find(kDtRela), size = dynamic.find(kDtRelaSz);
  if (facts.static_tls || facts.tls_size == 0 || !aarch64 || !address || !size) return {};
  const auto table = file_region(facts.loads, *address, *size);
  if (!table) return {};
  std::size_t asked = 0;
  std::uint64_t symbol = 0;  // the last one asked about: they come in groups
  Result<bool> own = false;
  const auto is_own = [&](Bytes entry) {
    const std::uint64_t info = Fields(entry, header).wide(4, 8);
    if ((info & 0xffffffff) != kTprel64) return false;
    if (info >> 32 == 0) return true;
    if (symbol == info >> 32) return false;
    symbol = info >> 32;
    own = ++asked <= kMaxAsked ? is_defined(source, dynamic, symbol, facts)
                               : corrupt("too many thread-local variables of others");
    return !own || *own;
  };
  const bool found = TRY(any_entry(source, *table, kRelaBytes, is_own));
  if (!own) return std::unexpected(std::move(own).error());
  facts.static_tls = found;
  return {};
}

}  // namespace nodeproof::elf
