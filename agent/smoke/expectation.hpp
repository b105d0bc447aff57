// What a run had to do, beside what it did. Pure: the supervisor asks whether to go on with a test
// that is repeated, the host what to say.
#pragma once

#include <optional>
#include <string>

#include "agent/smoke/record.hpp"

namespace nodeproof::smoke {

struct Mismatch {
  std::string reason;    // "its output does not match ..."
  std::string text;      // where to look
  bool unknown = false;  // it cannot be told
  std::string remedy = {};
};

// nullopt = as expected.
[[nodiscard]] std::optional<Mismatch> output_mismatch(const SmokeExpectation& expect,
                                                      const RunRecord& record);
// body: a Pattern; "" = not looked at.
[[nodiscard]] std::optional<Mismatch> body_mismatch(const std::string& body,
                                                    const ServiceRecord& service);

// Whether one run of a repeated test did what it had to do.
[[nodiscard]] bool as_expected(const PlannedRun& test, const RunRecord& record);

// Of the standard output, see normalise_output(): "" = not known, because nothing ran or the output
// is longer than what is kept. What is no text (UTF-8) is taken as it is.
[[nodiscard]] std::string normalised_sha256(const RunRecord& record);

}  // namespace nodeproof::smoke
