// Hosts that are known by name, to inspect an image for them from elsewhere: what is published of a
// board with its usual 64-bit system. What is not known of it, or differs from system to system,
// stays not known; the facts of the real host (nodeproof host -o json) say more.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agent/model.hpp"

namespace nodeproof::host {

struct Origin {
  std::string_view fact;    // a member of the facts' document
  std::string_view source;  // where its value is from
};

struct Profile {
  std::string_view name;  // pi5
  std::string_view summary;
  std::string_view architecture;
  std::string_view board;  // "" = many
  std::uint64_t page_size = 0;
  unsigned va_bits = 0;
  std::string_view features;   // separated by spaces, as HostFacts::hwcaps names them
  std::string_view isa_level;  // amd64
  std::span<const Origin> origins;
};

[[nodiscard]] std::span<const Profile> profiles();

// nullptr = there is none of this name.
[[nodiscard]] const Profile* find_profile(std::string_view name);

[[nodiscard]] HostFacts facts_of(const Profile& profile);

// A document that `--host` takes, with the origins beside the facts.
[[nodiscard]] std::string to_json(const Profile& profile);
[[nodiscard]] std::string to_table(const Profile& profile);

// All of them: a line each, or {"profiles": [...]}.
[[nodiscard]] std::string profiles_table();
[[nodiscard]] std::string profiles_json();

}  // namespace nodeproof::host
