// One run's record -> what it proves: passed or failed, and the finding that says why. Pure.
#pragma once

#include <optional>
#include <string>

#include "agent/model.hpp"
#include "agent/smoke/record.hpp"

namespace nodeproof::smoke {

struct Judged {
  bool passed = false;
  std::string reason;              // "" when passed
  std::optional<Finding> finding;  // also with a pass: emulation that is allowed
};

struct JudgeContext {
  const HostFacts& host;
  Emulation emulation = Emulation::refuse;
};

[[nodiscard]] Judged judge_test(const SmokeTest& test, const RunRecord& record,
                                const JudgeContext& context);

// program: the ELF file whose loading was tried. A failure that is not understood is unknown, not a
// fail.
[[nodiscard]] Judged judge_loader(const std::string& program, const RunRecord& record,
                                  const JudgeContext& context);

[[nodiscard]] std::string signal_name(int signal);  // "SIGILL"
[[nodiscard]] std::string errno_name(int error);    // "ENOEXEC"

}  // namespace nodeproof::smoke
