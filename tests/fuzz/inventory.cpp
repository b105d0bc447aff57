// A file of the scan cache, its checksum made right so that the lines are read.
#include <string>

#include "agent/inspect/inventory_text.hpp"
#include "common/crypto.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace nodeproof;
  std::string text(as_text(std::as_bytes(std::span(data, size))));
  static_cast<void>(inspect::parse_inventory(text));
  if (text.empty() || text.back() != '\n') text += '\n';
  const std::string sum(hash_of(as_bytes(text)).hex());
  static_cast<void>(inspect::parse_inventory(text + "end\t" + sum + "\n"));
  return 0;
}
