// Small ELF files made by hand: headers, one PT_LOAD over the whole file, PT_INTERP and PT_DYNAMIC
// as asked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nodeproof::fakes {

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
};

std::string make_elf(const ElfSpec& spec);

}  // namespace nodeproof::fakes
