// A whole test's record -> what it proves, whatever kind of test it is. Pure.
#pragma once

#include <string>

#include "agent/smoke/judge.hpp"

namespace nodeproof::smoke {

[[nodiscard]] Judged judge_kind(const SmokeTest& test, const TestRecord& record,
                                const JudgeContext& context);

// what: names the test in messages, such as: test "it".
[[nodiscard]] Judged judge_service(const std::string& what, const SmokeTest& test,
                                   const RunRecord& record, const JudgeContext& context);
[[nodiscard]] Judged judge_file(const std::string& what, const FileCheck& check,
                                const FileFacts& facts);

}  // namespace nodeproof::smoke
