#include "agent/smoke/file_findings.hpp"

#include "agent/codes.hpp"
#include "agent/smoke/judge.hpp"
#include "common/text.hpp"

namespace nodeproof::smoke {
namespace {

std::string problem_text(const FileRecord& record, std::uint64_t expected) {
  const std::string sizes = human_bytes(record.size) + " instead of " + human_bytes(expected);
  switch (record.problem) {
    case FileProblem::missing:
      return "is missing";
    case FileProblem::not_regular:
      return "is no regular file any more";
    case FileProblem::unreadable:
      return "cannot be read: " + errno_name(record.error);
    case FileProblem::empty:
      return "is empty, " + human_bytes(expected) + " were unpacked";
    case FileProblem::truncated:
      return "is cut short: " + sizes;
    case FileProblem::longer:
      return "is longer than what was unpacked: " + sizes;
    case FileProblem::zeroed:
      return "has the right size and holds only zero bytes";
    case FileProblem::changed:
      return "has the right size and other bytes";
  }
  return {};
}

}  // namespace

Finding file_finding(const FileRecord& record, const FileExpectation& wanted,
                     const std::string& image) {
  Finding finding{.code = std::string(code::kFileCorrupt),
                  .severity = Severity::fail,
                  .subject = printable(wanted.path),
                  .layer = {},
                  .message = {},
                  .evidence = std::to_string(record.size) + " bytes, the layer has " +
                              std::to_string(wanted.size),
                  .remedy = "unpack it again: nodeproof repair " +
                            (image.empty() ? std::string("IMAGE") : image) +
                            "; pulling it again alone mends nothing; look at the disk's health"};
  finding.message = "the unpacked " + finding.subject + " " + problem_text(record, wanted.size);
  if (!record.hash.empty()) {
    finding.evidence = "xxh128 " + printable(record.hash) + ", the layer has " + wanted.hash;
  }
  return finding;
}

void note_more(Finding& last, std::uint64_t wrong, std::uint64_t told) {
  if (wrong <= told) return;
  last.message += " (and " + std::to_string(wrong - told) + " more files are wrong)";
}

}  // namespace nodeproof::smoke
