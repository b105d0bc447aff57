// Inventories, images and hosts in a few words, for the tests of this folder.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/inspect/inspect.hpp"
#include "agent/inspect/inventory_builder.hpp"
#include "common/crypto.hpp"
#include "tests/fakes/elf_writer.hpp"
#include "tests/fakes/tar_writer.hpp"

namespace nodeproof::inspect {

class TextReader final : public ByteReader {
 public:
  explicit TextReader(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), text_.size() - at_);
    std::ranges::copy(as_bytes(std::string_view(text_).substr(at_, count)), buffer.begin());
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

// The inventory of a layer blob; its digest is the blob's own.
inline LayerInventory inventory_of(const std::string& blob, const AnalyserLimits& limits = {},
                                   const std::string& spool = "/tmp") {
  TextReader reader(blob);
  return take_inventory(hash_of(as_bytes(blob)), reader,
                        {.spool_directory = spool, .limits = limits});
}
inline LayerInventory inventory_of(const fakes::TarWriter& tar) { return inventory_of(tar.str()); }

// 100 KB that name 15'000 directories, without an entry for one of them.
inline fakes::TarWriter deep_paths() {
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += "dddddd/";
  fakes::TarWriter tar;
  for (int i = 0; i < 30; ++i) {
    tar.pax({{"path", std::to_string(i) + "/" + deep + "f"}}).file("short", "1");
  }
  return tar;
}

inline constexpr std::string_view kLoader = "/lib/ld-linux-aarch64.so.1";

inline std::string arm64_program(std::vector<std::string> needed = {}) {
  return fakes::make_elf({.interpreter = std::string(kLoader), .needed = std::move(needed)});
}
inline std::string arm64_library(const std::string& soname, std::vector<std::string> needed = {}) {
  return fakes::make_elf({.needed = std::move(needed), .soname = soname});
}
inline std::string static_program(std::uint16_t machine, unsigned bits = 64) {
  return fakes::make_elf({.bits = bits, .type = elf::kTypeExecutable, .machine = machine});
}

inline HostFacts arm64_host() {
  HostFacts host;
  host.platform.os = "linux";
  host.platform.architecture = "arm64";
  host.platform.variant = "v8";
  host.kernel_bits = 64;
  return host;
}

inline Platform linux_on(const std::string& architecture) {
  Platform platform;
  platform.os = "linux";
  platform.architecture = architecture;
  return platform;
}

// An image of the layers, labelled arm64 in index and config.
struct Image {
  std::vector<LayerInventory> layers;
  ResolvedImage resolved;
  std::vector<SmokeTest> tests;
  HostFacts host = arm64_host();
  Emulation emulation = Emulation::refuse;

  explicit Image(std::vector<LayerInventory> from, std::vector<std::string> entrypoint = {"/app"})
      : layers(std::move(from)), resolved(blank(layers)) {
    resolved.config.entrypoint = std::move(entrypoint);
  }
  [[nodiscard]] InspectResult inspect() const {
    return inspect::inspect({resolved, layers, host, emulation, tests});
  }

 private:
  static ResolvedImage blank(const std::vector<LayerInventory>& layers) {
    const Digest any = hash_of(as_bytes("manifest"));
    Descriptor manifest{.media_type = std::string(media_type::kOciManifest),
                        .digest = any,
                        .size = 1,
                        .platform = linux_on("arm64"),
                        .annotations = {}};
    Descriptor config = manifest;
    ResolvedImage image{.reference = *Reference::parse("example.com/app:v1"),
                        .index = std::nullopt,
                        .index_bytes = {},
                        .manifest = manifest,
                        .manifest_bytes = {},
                        .document = {.media_type = {}, .config = config, .layers = {}},
                        .config_bytes = {},
                        .config = {},
                        .available = {},
                        .choice = {},
                        .findings = {}};
    image.config.platform = linux_on("arm64");
    for (const LayerInventory& layer : layers) {
      image.config.diff_ids.push_back(layer.diff_id.value_or(any));
    }
    return image;
  }
};

// "ArchMismatch fail /app", one per finding, sorted.
inline std::vector<std::string> brief(const std::vector<Finding>& findings) {
  static constexpr const char* kWords[] = {"info", "warn", "unknown", "fail"};
  std::vector<std::string> lines;
  for (const Finding& finding : findings) {
    lines.push_back(finding.code + " " + kWords[static_cast<int>(finding.severity)] + " " +
                    finding.subject);
  }
  std::ranges::sort(lines);
  return lines;
}

}  // namespace nodeproof::inspect
