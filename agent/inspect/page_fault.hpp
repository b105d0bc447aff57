// Can a file's segments be mapped with pages of a size? The rules of the kernel
// (linux/fs/binfmt_elf.c, elf_map) and of the loaders (glibc elf/dl-load.c, musl ldso/dynlink.c).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/inspect/survey.hpp"

namespace nodeproof::inspect {

struct PageFault {
  bool certain = true;  // false = it may go well
  std::string why;      // the numbers that prove it
};

[[nodiscard]] std::optional<PageFault> page_fault(const elf::Facts& facts, Mapper mapper,
                                                  std::uint64_t page);

// "16 KiB"
[[nodiscard]] std::string pages_of(std::uint64_t bytes);

}  // namespace nodeproof::inspect
