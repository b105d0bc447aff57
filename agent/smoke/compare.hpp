// The unpacked files beside what the layers said: containerd never looks again at a snapshot it has
// committed, and a power cut leaves files empty, short or full of NULs (containerd issues 5854,
// 9115).
#pragma once

#include <optional>

#include "agent/smoke/record.hpp"
#include "agent/smoke/root.hpp"

namespace nodeproof::smoke {

// nullopt = as expected. Size first; the bytes only when a digest is given.
[[nodiscard]] std::optional<FileRecord> compare_file(const Root& root, const FileExpectation& file);

}  // namespace nodeproof::smoke
