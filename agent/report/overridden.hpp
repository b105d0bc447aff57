// An operator's override in a report: seen by everybody, and followed by what gates.
#pragma once

#include <optional>
#include <string>

#include "agent/model.hpp"
#include "common/json.hpp"

namespace nodeproof::report {

// Sets or takes away the report's override and its finding; verdict, reason and message stay.
void show_override(NodeReport& report, const std::optional<Override>& active);

// What the ready flag, exit codes and whatever else gates follow: the verdict, or ready while it is
// overridden.
[[nodiscard]] Verdict effective_verdict(const NodeReport& report);

// "uid 0 (login uid 1000, pid 4242)"
[[nodiscard]] std::string text_of_giver(const Override& given);

// "ready by override until 2026-11-22T10:00:00Z, given by uid 0 (pid 4242): the registry moves"
[[nodiscard]] std::string text_of(const Override& given);

// The member "override" of documents: until, since, reason, by.
void write_override(json::Writer& out, const Override& given);

}  // namespace nodeproof::report
