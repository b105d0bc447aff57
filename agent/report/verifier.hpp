// containerd's image verifier (its plugin "bindir"): may this image be pulled? Only what was proven
// wrong is refused; whatever is not known is let through.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/model.hpp"
#include "agent/report/counters.hpp"
#include "common/error.hpp"

namespace nodeproof::report {

struct PullQuestion {
  std::string name;    // as containerd's client wrote the reference
  std::string digest;  // what that resolved to: an index or a manifest
};

// Why this pull is to be refused: a required image of this name failed with these very bytes, for
// what they are on this host. Nothing: no such thing is known, this node's copy is damaged (the
// pull would mend it), or an override counts for the node.
[[nodiscard]] std::optional<std::string> refusal(const NodeReport& report,
                                                 const PullQuestion& pull);

enum class Decision { allowed, denied, would_deny, undecided };

// <run>/verifier.json; one that is absent or cannot be read counts from zero.
[[nodiscard]] VerifierCounters load_verifier_counters(const std::filesystem::path& run_dir);

// Several verifiers may run at once: Errc::busy where the others do not get ready within
// `patience`.
Result<> count_decision(const std::filesystem::path& run_dir, Decision decision,
                        std::chrono::milliseconds patience);

}  // namespace nodeproof::report
