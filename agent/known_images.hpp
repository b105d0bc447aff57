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

struct KnownImages {
  std::string server, node;  // who said so, and of which Node
  // By what was asked: "pods", "daemonsets". One that was never answered is not there.
  std::map<std::string, std::vector<FoundImage>> sources;
  friend bool operator==(const KnownImages&, const KnownImages&) = default;
};

// Nothing where another server said so, or of another Node.
[[nodiscard]] KnownImages known_of(KnownImages known, const std::string& server,
                                   const std::string& node);

// The server is away, or not well: what it said last stands. Every other error stays until somebody
// mends it, and what is needed is not known meanwhile.
[[nodiscard]] bool is_away(Errc code);

// One that is absent or cannot be read knows nothing.
[[nodiscard]] KnownImages load_known_images(const std::filesystem::path& state_dir);

// Written when it changed.
Result<> save_known_images(const std::filesystem::path& state_dir, const KnownImages& known);

}  // namespace nodeproof
