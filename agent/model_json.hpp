// Facts and findings as JSON members: shared by every document that carries them (host, report).
#pragma once

#include "agent/model.hpp"
#include "common/json.hpp"

namespace nodeproof {

[[nodiscard]] std::string_view to_string(Severity severity);
[[nodiscard]] std::string_view to_string(Verdict verdict);      // "ready", "not-ready", "unknown"
[[nodiscard]] std::string_view to_string(Freshness freshness);  // "current", "stale", "unreachable"
[[nodiscard]] std::string_view to_string(SmokeOutcome outcome);
[[nodiscard]] std::string_view to_string(Phase phase);

// The key is the caller's; each writes one whole value.
void write_findings(json::Writer& out, const std::vector<Finding>& findings);
void write_smoke_results(json::Writer& out, const std::vector<SmokeResult>& results);
void write_rate_limit(json::Writer& out, const RateLimit& limit);
// The members only, so that a document may put its own beside them; findings belong to the
// document.
void write_host_members(json::Writer& out, const HostFacts& facts);

// Fields a newer program added are passed over; a missing one keeps its default; a wrong type is an
// error.
Result<std::vector<Finding>> read_findings(const json::Value& object, std::string_view key);
Result<std::vector<SmokeResult>> read_smoke_results(const json::Value& object,
                                                    std::string_view key);
Result<HostFacts> read_host_members(const json::Value& object);
Result<std::optional<RateLimit>> read_rate_limit(const json::Value& object, std::string_view key);

// "12 of 100 requests left in 6h00m"
[[nodiscard]] std::string text_of(const RateLimit& limit);
// Nothing, or less than a fifth, is left: what need not be asked is not.
[[nodiscard]] bool is_low(const RateLimit& limit);

}  // namespace nodeproof
