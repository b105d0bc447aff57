// How far the scrub has come, and what it found: <state>/scrub.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace nodeproof {

struct ScrubDamage {
  std::string digest;
  std::string evidence;
  std::vector<std::string> manifests;  // digests of the images that it belongs to
  friend bool operator==(const ScrubDamage&, const ScrubDamage&) = default;
};

struct ScrubState {
  std::int64_t round = 0;         // when it began; seconds since 1970
  std::int64_t due = 0;           // when there is something to read again
  std::vector<std::string> done;  // digests that were read in this round
  std::vector<ScrubDamage> damaged;
  friend bool operator==(const ScrubState&, const ScrubState&) = default;
};

// Nothing was read yet where there is no such file, or one that cannot be read.
[[nodiscard]] ScrubState load_scrub(const std::filesystem::path& state_dir);
Result<> save_scrub(const std::filesystem::path& state_dir, const ScrubState& state);
// These blobs are whole again.
Result<> forget_damage(const std::filesystem::path& state_dir,
                       const std::vector<std::string>& digests);

}  // namespace nodeproof
