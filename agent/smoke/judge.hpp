// One run's record -> what it proves: passed or failed, and the finding that says why. Pure.
#pragma once

#include <optional>
#include <string>

#include "agent/model.hpp"
#include "agent/smoke/expectation.hpp"
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

// Of any run; what: names it in messages, such as: test "it".
[[nodiscard]] Judged judge_run(const std::string& what, const SmokeTest& test,
                               const RunRecord& record, const JudgeContext& context);
// Of a run that failed because of `reason`, unless it says more itself: a fault, its loader's
// words.
[[nodiscard]] Judged judge_end(const std::string& what, const RunRecord& record,
                               const JudgeContext& context, std::string reason);
// Of a run whose end is as it should be.
[[nodiscard]] Judged judge_output(const std::string& what, const SmokeExpectation& expect,
                                  const RunRecord& record, const JudgeContext& context);
[[nodiscard]] Judged judge_mismatch(const std::string& what, const std::string& subject,
                                    const Mismatch& mismatch);

// program: the ELF file whose loading was tried. A failure that is not understood is unknown, not a
// fail.
[[nodiscard]] Judged judge_loader(const std::string& program, const RunRecord& record,
                                  const JudgeContext& context);

[[nodiscard]] std::string errno_name(int error);  // "ENOEXEC"

}  // namespace nodeproof::smoke
