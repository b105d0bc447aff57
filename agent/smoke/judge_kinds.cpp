#include "agent/smoke/judge_kinds.hpp"

#include "common/text.hpp"

namespace nodeproof::smoke {
namespace {

std::string command_text(const std::vector<std::string>& command) {
  std::string text;
  for (const std::string& word : command) text += text.empty() ? word : ' ' + word;
  return '"' + printable(text, 100) + '"';
}

// nullptr = the record names a command that the test has not.
const std::vector<std::string>* command_of(const std::vector<std::vector<std::string>>& commands,
                                           unsigned place) {
  return place < commands.size() ? &commands[place] : nullptr;
}

std::string count(unsigned number, std::string_view noun) {
  return std::to_string(number) + ' ' + std::string(noun) + (number == 1 ? "" : "s");
}

Judged too_few_cpus(const std::string& what, const SmokeTest& test, unsigned cpus) {
  return judge_mismatch(
      what, what,
      {.reason = "it asks for " + count(test.cpus, "processor") + ", and here " +
                 std::to_string(cpus) + " can be used",
       .text = {},
       .unknown = true,
       .remedy = "ask for fewer \"cpus\", or list this image with a \"when\" for such boards"});
}

Judged failed_before(const std::string& what, const SmokeTest& test, const CommandRecord& failed,
                     const JudgeContext& context) {
  const auto* command = command_of(test.before, failed.place);
  const std::string name =
      "the command before it, " + (command == nullptr ? "?" : command_text(*command)) + ",";
  SmokeTest alone;  // no more is asked of the command than to end with 0
  alone.timeout = test.timeout;
  Judged judged = judge_run(what + ": " + name, alone, failed.run, context);
  judged.reason = name + ' ' + judged.reason;
  return judged;
}

Judged judge_runs(const std::string& what, const SmokeTest& test, const TestRecord& record,
                  const JudgeContext& context) {
  if (test.repeat <= 1) {
    return test.service ? judge_service(what, test, record, context)
                        : judge_run(what, test, record, context);
  }
  const std::string which =
      "run " + std::to_string(record.runs) + " of " + std::to_string(test.repeat);
  const std::string named = what + ", " + which + ',';
  Judged judged = test.service ? judge_service(named, test, record, context)
                               : judge_run(named, test, record, context);
  if (!judged.passed) judged.reason = which + ": " + judged.reason;
  if (!judged.passed || record.runs >= test.repeat) return judged;
  return judge_mismatch(what, record.program,
                        {.reason = "only " + count(record.runs, "run") + " of " +
                                   std::to_string(test.repeat) + " were made",
                         .text = {},
                         .unknown = true});
}

// What clears away says nothing about the image (container-structure-test does not fail a test for
// its teardown either): a note, and only where the reason has room for it.
void note_after(const SmokeTest& test, const CommandRecord& failed, const JudgeContext& context,
                Judged& judged) {
  const auto* command = command_of(test.after, failed.place);
  if (!judged.passed || command == nullptr) return;
  SmokeTest alone;
  alone.timeout = test.timeout;
  const std::string reason = judge_run("", alone, failed.run, context).reason;
  if (!judged.reason.empty()) judged.reason += "; ";
  judged.reason += "the command after it, " + command_text(*command) + ", " + reason;
}

}  // namespace

Judged judge_kind(const SmokeTest& test, const TestRecord& record, const JudgeContext& context) {
  const std::string what = "test \"" + printable(test.name, 100) + "\"";
  if (test.file) return judge_file(what, *test.file, record.file.value_or(FileFacts{}));
  if (record.cpus) return too_few_cpus(what, test, *record.cpus);
  Judged judged = record.before ? failed_before(what, test, *record.before, context)
                                : judge_runs(what, test, record, context);
  if (record.after) note_after(test, *record.after, context, judged);
  return judged;
}

}  // namespace nodeproof::smoke
