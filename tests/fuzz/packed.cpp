// Zip and asar archives; the first byte chooses.
#include "common/packed.hpp"

#include "common/byte_source.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace nodeproof;
  if (size == 0) return 0;
  const MemorySource file(std::as_bytes(std::span(data + 1, size - 1)));
  static_cast<void>(read_packed(data[0] == 'a' ? "x.asar" : "x.jar", file));
  return 0;
}
