#include "agent/smoke/structure_tests.hpp"

#include <algorithm>

#include "agent/codes.hpp"
#include "common/text.hpp"

namespace nodeproof::smoke {
namespace {

using Texts = std::vector<std::string>;

// The tool itself has no time-out.
constexpr std::chrono::minutes kTimeout{1};

bool is_name(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// A shell's own one-letter variables, which an image's environment never has.
bool is_special(char c) {
  return std::string_view("*#$@!?-0123456789").find(c) != std::string_view::npos;
}

struct Name {
  std::string_view name;
  std::size_t width = 0;  // that it takes behind the dollar
  bool broken = false;    // eaten, as Go does
};

Name name_at(std::string_view rest) {
  if (rest.empty()) return {};
  if (rest[0] == '{') {
    if (rest.size() > 2 && is_special(rest[1]) && rest[2] == '}') return {rest.substr(1, 1), 3};
    const std::size_t end = rest.find('}');
    if (end == std::string_view::npos) return {{}, 1, true};
    return {rest.substr(1, end - 1), end + 1, end == 1};
  }
  if (is_special(rest[0])) return {rest.substr(0, 1), 1};
  std::size_t end = 0;
  while (end < rest.size() && is_name(rest[end])) ++end;
  return {rest.substr(0, end), end};
}

std::string_view value_of(const Texts& env, std::string_view name) {
  for (auto variable = env.rbegin(); variable != env.rend(); ++variable) {
    const std::string_view text = *variable;
    if (text.starts_with(name) && text.substr(name.size()).starts_with('=')) {
      return text.substr(name.size() + 1);
    }
  }
  return {};
}

// Each may use those before it.
void add_variables(const std::vector<StructureVariable>& variables, Texts& env, Texts& added) {
  for (const StructureVariable& variable : variables) {
    added.push_back(variable.key + '=' + expand_variables(variable.value, env));
    env.push_back(added.back());
  }
}

// Of the words that the tool expands, only the image's variables and the global ones count.
SmokeTest command_test(const StructureDocument& document, const StructureCommand& command,
                       const ImageConfig& image) {
  SmokeTest test;
  Texts env = image.env;
  add_variables(document.global_env, env, test.env);
  test.args.push_back(expand_variables(command.command, env));
  for (const std::string& word : command.args) test.args.push_back(expand_variables(word, env));
  add_variables(command.env, env, test.env);
  test.name = command.name;
  test.user = document.user;
  test.before = command.setup;
  test.after = command.teardown;
  test.expect = command.expect;
  test.timeout = kTimeout;
  return test;
}

SmokeTest file_test(const StructureFile& file, const Texts& env) {
  SmokeTest test;
  test.name = file.name;
  test.file = file.check;
  test.file->path = expand_variables(file.check.path, env);
  if (!test.file->path.starts_with('/')) test.file->path.insert(0, 1, '/');
  return test;
}

std::string joined(const Texts& parts) {
  std::string all;
  for (const std::string& part : parts) all += (all.empty() ? "" : "; ") + part;
  return all;
}

void add_metadata(const StructureMetadata& wanted, const ImageConfig& image,
                  const std::string& file, StructureTests& into) {
  SmokeResult& result = into.results.emplace_back();
  result.name = "metadata";
  result.source = file;
  result.runs = 0;
  const Texts problems = metadata_problems(wanted, image);
  result.result = problems.empty() ? SmokeOutcome::passed : SmokeOutcome::failed;
  if (problems.empty()) return;
  result.reason = "the image's configuration is not as the test wants it";
  into.findings.push_back({.code = std::string(code::kSmokeFailed),
                           .severity = Severity::fail,
                           .subject = "metadata",
                           .layer = {},
                           .message = "the image's configuration is not as " + printable(file) +
                                      " wants it: " + printable(problems.front()),
                           .evidence = printable(joined(problems), 2000),
                           .remedy = "correct the image, or the test"});
}

Finding not_done(const std::string& what, const std::string& file) {
  return {.code = std::string(code::kSmokeNotRun),
          .severity = Severity::unknown,
          .subject = what,
          .layer = {},
          .message = printable(file) + " asks for " + printable(what) +
                     ", which nodeproof does not do: what it would have shown is not known",
          .evidence = {},
          .remedy =
              "take it out of the file that this host reads; what a container may have "
              "stands in the image's \"sandbox\""};
}

}  // namespace

std::string expand_variables(std::string_view text, const Texts& env) {
  std::string expanded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Name name = text[i] == '$' ? name_at(text.substr(i + 1)) : Name{};
    if (text[i] != '$' || (name.width == 0 && !name.broken)) {
      expanded += text[i];
      continue;
    }
    if (!name.broken) expanded += value_of(env, name.name);
    i += name.width;
  }
  return expanded;
}

StructureTests structure_tests(const StructureDocument& document, const ImageConfig& image,
                               const std::string& file) {
  StructureTests found;
  for (const StructureCommand& command : document.commands) {
    found.tests.push_back(command_test(document, command, image));
  }
  Texts env = image.env, global;
  add_variables(document.global_env, env, global);
  for (const StructureFile& one : document.files) found.tests.push_back(file_test(one, env));
  for (SmokeTest& test : found.tests) test.source = file;
  if (document.metadata) add_metadata(*document.metadata, image, file, found);
  for (const std::string& what : document.unsupported) {
    found.findings.push_back(not_done(what, file));
  }
  return found;
}

}  // namespace nodeproof::smoke
