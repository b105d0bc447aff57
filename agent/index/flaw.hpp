// One thing that is wrong with a tag, or that could not be found out.
#pragma once

#include <string>
#include <vector>

#include "agent/index/validate.hpp"

namespace nodeproof::index {

struct Flaw {
  PlatformVerdict verdict = PlatformVerdict::unknown;
  std::string what;      // "layer 2 of 5", "the config", "the manifest"
  std::string digest;    // of what is flawed
  std::string cause;     // one clause: "is missing from the registry"
  std::string evidence;  // the registry's own words
  std::string remedy;
  std::string code;
  bool harmless = false;  // worth no more than a warning
  friend bool operator==(const Flaw&, const Flaw&) = default;
};

// From the port's words. `unknown` for every error that says nothing about the content.
[[nodiscard]] Flaw flaw_of(const Error& error, std::string what, std::string digest);
[[nodiscard]] Flaw flaw_of(BlobState state, std::string what, std::string digest);

// The same where image layouts were asked instead of a registry.
[[nodiscard]] Flaw layout_flaw_of(const Error& error, std::string what, std::string digest);
[[nodiscard]] Flaw layout_flaw_of(BlobState state, std::string what, std::string digest);

// The worse one in PlatformVerdict's order; `whole` is the best.
[[nodiscard]] PlatformVerdict worse(PlatformVerdict a, PlatformVerdict b);

// Where a flaw was found, for its finding.
struct Place {
  std::string image;          // "registry.example/app:1"
  std::string platform = {};  // "" = the index itself
  bool companion = false;
};

[[nodiscard]] Finding finding_of(const Flaw& flaw, const Place& place);

}  // namespace nodeproof::index
