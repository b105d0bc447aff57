#include "agent/smoke/comparison.hpp"

#include <algorithm>
#include <utility>

#include "agent/smoke/container.hpp"
#include "agent/smoke/decode.hpp"
#include "agent/smoke/file_findings.hpp"
#include "agent/smoke/file_list.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::chrono::seconds kAllowance{15};

Comparison not_compared(const Error& error) {
  Comparison result;
  result.findings = decode_not_run({}, error).findings;
  return result;
}

std::string end_of(const Answer& answer) {
  if (!answer.records.problem.empty()) return answer.records.problem;
  if (answer.records.deadline || answer.exit.timed_out) return "it took too long";
  return "the supervisor ended early, status " + std::to_string(answer.exit.status);
}

// The list is read once more: the supervisor names files by their place in it.
Result<> tell(const CompareInput& input, const Records& records, Comparison& result) {
  std::uint64_t place = 0;
  const FileSink take = [&](const FileExpectation& file) -> Result<> {
    const auto found = std::ranges::find_if(
        records.files, [&](const FileRecord& record) { return record.place == place; });
    ++place;
    if (found == records.files.end()) return {};
    result.lowest = std::min(result.lowest.value_or(file.layer), file.layer);
    if (result.findings.size() < kMaxFileFindings) {
      result.findings.push_back(file_finding(*found, file, input.image));
    }
    return {};
  };
  TRY(read_list(input.list, take));
  if (result.findings.empty()) {
    return fail(Errc::invalid_document, "a result for a file that was not asked for");
  }
  note_more(result.findings.back(), result.wrong, result.findings.size());
  return {};
}

}  // namespace

Result<Comparison> compare(const CompareInput& input, ContainerRuntime& runtime,
                           std::stop_token stop) {
  Plan plan;
  plan.listed = true;
  plan.deadline = kAllowance + time_to_read(input.bytes, input.files);
  const auto answer = ask_supervisor({.id = TRY(random_id("nodeproof-smoke-")),
                                      .rootfs = input.rootfs,
                                      .working_dir = "/",
                                      .host = input.host,
                                      .binary = input.binary,
                                      .work_dir = input.work_dir,
                                      .lease = input.lease,
                                      .limits = {},
                                      .scratch = {},
                                      .list = input.list},
                                     plan, runtime, std::move(stop));
  if (!answer && ends_all(answer.error().code)) {
    return std::unexpected(Error(answer.error()).with_context("comparing " + input.image));
  }
  if (!answer) return not_compared(answer.error());
  const Records& records = answer->records;
  if (!records.ended || records.files_compared != input.files) {
    return not_compared({Errc::io, "the files could not all be compared: " + end_of(*answer), {}});
  }
  Comparison result{records.files_compared, records.files_wrong, records.lowest_wrong, {}};
  if (!result.damaged()) return result;
  if (auto told = tell(input, records, result); !told) return not_compared(told.error());
  return result;
}

}  // namespace nodeproof::smoke
