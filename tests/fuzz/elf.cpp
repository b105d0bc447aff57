// Programs and libraries as an image's layer brings them.
#include "common/elf.hpp"

#include "common/byte_source.hpp"
#include "common/elf_code.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace nodeproof;
  const MemorySource file(std::as_bytes(std::span(data, size)));
  if (const auto facts = elf::read(file)) static_cast<void>(elf::scan_code(file, *facts));
  static_cast<void>(elf::read_header(file));
  return 0;
}
