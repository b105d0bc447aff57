// What the API server said last that this node needs, for the time when it cannot be asked:
// <state>/required.json. Names only, no logins.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agent/required_set.hpp"
#include "common/error.hpp"

namespace nodeproof {

// By what was asked: "pods", "daemonsets". One that was never answered is not there.
using KnownImages = std::map<std::string, std::vector<FoundImage>>;

// One that is absent or cannot be read knows nothing.
[[nodiscard]] KnownImages load_known_images(const std::filesystem::path& state_dir);

// Written when it changed.
Result<> save_known_images(const std::filesystem::path& state_dir, const KnownImages& known);

}  // namespace nodeproof
