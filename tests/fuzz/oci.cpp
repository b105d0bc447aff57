// Indexes, manifests and image configs, and the names and digests in them.
#include "common/oci.hpp"

#include "common/bytes.hpp"
#include "common/reference.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace nodeproof;
  const std::string_view text = as_text(std::as_bytes(std::span(data, size)));
  static_cast<void>(parse_image_document(text, ""));
  static_cast<void>(parse_image_document(text, "application/vnd.oci.image.index.v1+json"));
  static_cast<void>(parse_image_config(text));
  static_cast<void>(Reference::parse(text));
  static_cast<void>(Digest::parse(text));
  return 0;
}
