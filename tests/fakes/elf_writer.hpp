// Small ELF files made by hand: headers, one PT_LOAD over the whole file, the rest as asked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/elf.hpp"

namespace nodeproof::fakes {

struct ElfSection {
  std::uint32_t type = 1;   // SHT_PROGBITS
  std::uint64_t flags = 6;  // SHF_ALLOC, SHF_EXECINSTR
  std::string content;
};

struct ElfSpec {
  unsigned bits = 64;
  bool big_endian = false;
  std::uint16_t type = 3;  // ET_DYN
  std::uint16_t machine = 183;
  std::uint32_t flags = 0;
  std::string interpreter = {};
  std::vector<std::string> needed = {};
  std::string soname = {}, rpath = {}, runpath = {};
  bool pie = false;
  bool static_tls = false;
  std::uint64_t tls_size = 0;
  std::vector<elf::VersionsNeeded> versions_needed = {};  // "?V1" is a weak one
  std::vector<std::string> versions_defined = {};         // the first is the file's own name
  std::string notes = {};                                 // PT_NOTE, see elf_note()
  std::vector<ElfSection> sections = {};                  // their content lies behind all else
  bool section_headers = true;
};

// The virtual address of the file's first byte.
inline constexpr std::uint64_t kElfBase = 0x10000;

std::string make_elf(const ElfSpec& spec);

// `length` bytes in the byte order of spec.
std::string elf_number(const ElfSpec& spec, std::uint64_t value, std::size_t length);
// A note of owner "GNU", aligned to 4.
std::string elf_note(const ElfSpec& spec, std::uint32_t type, const std::string& description);

}  // namespace nodeproof::fakes
