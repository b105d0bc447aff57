// The configuration as somebody wrote it.
#include <string>

#include "agent/config/sections.hpp"
#include "common/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace nodeproof;
  const std::string_view text = as_text(std::as_bytes(std::span(data, size)));
  const auto root = json::parse(text, {.comments = true});
  if (!root) return 0;
  const std::string file = "nodeproof.json";
  config::Config config;
  if (config::read_document(config::Entry(file, *root), config)) {
    static_cast<void>(config::config_digest(config));
  }
  return 0;
}
