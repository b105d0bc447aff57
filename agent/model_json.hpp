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
// The members only, so that a document may put its own beside them; findings belong to the
// document.
void write_host_members(json::Writer& out, const HostFacts& facts);

// Fields a newer program added are passed over; a missing one keeps its default; a wrong type is an
// error.
Result<std::vector<Finding>> read_findings(const json::Value& object, std::string_view key);
Result<std::vector<SmokeResult>> read_smoke_results(const json::Value& object,
                                                    std::string_view key);
Result<HostFacts> read_host_members(const json::Value& object);

}  // namespace nodeproof
