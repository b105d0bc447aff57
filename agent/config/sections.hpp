// The configuration's keys, section by section; private to this folder and its tests.
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.hpp"
#include "agent/config/entry.hpp"

namespace nodeproof::config {

// Reads one file's document onto what earlier files said: sections and registries merge by key,
// images append.
Result<> read_document(const Entry& root, Config& into);

// Reads a document that holds "images" and nothing else.
Result<std::vector<RequiredImage>> read_image_list(const Entry& root);

// Reads one element of "images".
Result<RequiredImage> read_image(const Entry& entry);

// Reads "report".
Result<> read_report(const Entry& entry, Config& into);

// Parts of an image.
Result<> read_smoke(const Entry& entry, RequiredImage& into);
Result<> read_sandbox(const Entry& entry, RequiredImage& into);
Result<> read_golden(const Entry& entry, RequiredImage& into);

// Every key this version takes: "mode", "registries.*.ca", "images[].when.board" ...
[[nodiscard]] std::vector<std::string> supported_keys();
[[nodiscard]] std::vector<std::string> supported_image_keys();
[[nodiscard]] std::vector<std::string> supported_smoke_keys();
[[nodiscard]] std::vector<std::string> supported_sandbox_keys();
[[nodiscard]] std::vector<std::string> supported_report_keys();

}  // namespace nodeproof::config
