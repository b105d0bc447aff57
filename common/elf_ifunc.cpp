// Functions chosen when the program starts: IRELATIVE relocations and symbols of type IFUNC.
#include <algorithm>

#include "common/elf_scan.hpp"

namespace nodeproof::elf {

namespace {

constexpr std::uint32_t kShtSymtab = 2, kShtRela = 4, kShtRel = 9, kShtDynsym = 11;
constexpr unsigned kSttGnuIfunc = 10;

struct Table {
  Region region;
  std::size_t entry = 0;
  bool symbols = false;
};

// R_*_IRELATIVE; 0 = not known here.
std::uint32_t irelative(std::uint16_t machine) {
  switch (machine) {
    case kMachineAArch64:
      return 1032;
    case kMachineX86_64:
      return 37;
    case kMachine386:
      return 42;
    case kMachineArm:
      return 160;
    case kMachineRiscV:
      return 58;
    default:
      return 0;
  }
}

std::size_t relocation_bytes(const Header& header, bool addend) {
  return (addend ? 3 : 2) * header.bits / 8;
}

void add_sections(const std::vector<Section>& sections, const Header& header,
                  std::vector<Table>& tables) {
  for (const Section& section : sections) {
    const bool symbols = section.type == kShtSymtab || section.type == kShtDynsym;
    if (symbols) {
      tables.push_back(
          {.region = section.region, .entry = header.bits == 64 ? 24U : 16U, .symbols = true});
    }
    if (section.type == kShtRela || section.type == kShtRel) {
      const std::size_t entry = relocation_bytes(header, section.type == kShtRela);
      tables.push_back({.region = section.region, .entry = entry, .symbols = false});
    }
  }
}

void add_dynamic(const Dynamic& dynamic, const Programs& programs, const Header& header,
                 std::vector<Table>& tables) {
  const auto add = [&](std::uint64_t address_tag, std::uint64_t size_tag, bool addend) {
    const auto address = dynamic.find(address_tag), size = dynamic.find(size_tag);
    if (!address || !size) return;
    const auto region = file_region(programs.loads, *address, *size);
    if (!region) return;
    tables.push_back(
        {.region = *region, .entry = relocation_bytes(header, addend), .symbols = false});
  };
  add(kDtRela, kDtRelaSz, true);
  add(kDtRel, kDtRelSz, false);
  add(kDtJmpRel, kDtPltRelSz, dynamic.find(kDtPltRel) == kDtRela);
}

bool is_ifunc(const Fields& fields, const Header& header, bool symbol) {
  if (symbol) {  // st_info, one byte
    const unsigned byte = fields.half(header.bits == 64 ? 4 : 12) >> (header.big_endian ? 8 : 0);
    return (byte & 15) == kSttGnuIfunc;
  }
  const std::uint64_t info = fields.wide(4, 8);
  return (header.bits == 64 ? info & 0xffffffff : info & 0xff) == irelative(header.machine);
}

}  // namespace

Result<bool> find_ifunc(const ByteSource& source, const Start& start, const Programs& programs) {
  if (irelative(start.header.machine) == 0) return false;
  std::vector<Table> tables;
  if (programs.dynamic) {
    add_dynamic(TRY(read_dynamic(source, start.header, *programs.dynamic)), programs, start.header,
                tables);
  }
  add_sections(TRY(read_sections(source, start)), start.header, tables);
  // Sections may name the same bytes as the dynamic table, hostile ones any bytes any often.
  std::uint64_t budget = 2 * source.size();
  for (const Table& table : tables) {
    if (table.region.size > budget) break;
    budget -= table.region.size;
    const auto is = [&](Bytes entry) {
      return is_ifunc(Fields(entry, start.header), start.header, table.symbols);
    };
    if (TRY(any_entry(source, table.region, table.entry, is))) return true;
  }
  return false;
}

}  // namespace nodeproof::elf
