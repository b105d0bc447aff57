// WWW-Authenticate (RFC 9110, section 11): what a server wants to see before it answers.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nodeproof::registry {

struct Challenge {
  std::string scheme;  // lower case: "basic", "bearer"
  std::string token68;
  std::map<std::string, std::string> parameters;  // names in lower case, values unescaped
  friend bool operator==(const Challenge&, const Challenge&) = default;
};

// One header may hold several challenges. Lenient as clients have to be: what makes no sense is
// skipped.
[[nodiscard]] std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace nodeproof::registry
