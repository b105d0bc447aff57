// When a finding counts for less than its rule says: the operator has accepted it, or the rule is
// too new to turn a fleet red. What is not known is never accepted.
#pragma once

#include <chrono>
#include <compare>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"
#include "common/error.hpp"

namespace nodeproof::report {

struct Release {
  unsigned major = 0, minor = 0;
  friend auto operator<=>(const Release&, const Release&) = default;
};

// "0.2" or "0.2.1"
Result<Release> parse_release(std::string_view text);

struct NewRule {
  std::string_view code;
  Release since;
};

// Codes that no earlier release has told; the first release's own are not among them.
[[nodiscard]] std::span<const NewRule> new_rules();

struct Leniency {
  std::vector<Acceptance> accepted;
  Release rule_set;  // a rule that is new in it, or newer, warns at most
  std::span<const NewRule> rules = new_rules();
};

// Errc::invalid_config: a code that does not exist or cannot be accepted, a rule set that this
// program does not have. rule_set "" = this program's own.
Result<Leniency> make_leniency(std::vector<Acceptance> accepted, const std::string& rule_set);

// Sets each severity anew, from what the rule said and what holds now. `image` as it is written in
// the configuration; "" = the findings are about the host.
void ease(std::vector<Finding>& findings, const std::string& image, const Leniency& leniency,
          std::chrono::system_clock::time_point now);

// Of acceptances whose day is over.
[[nodiscard]] std::vector<Finding> ended_acceptances(const Leniency& leniency,
                                                     std::chrono::system_clock::time_point now);

}  // namespace nodeproof::report
