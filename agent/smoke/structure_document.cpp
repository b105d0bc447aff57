#include "agent/smoke/structure_document.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "agent/smoke/plan.hpp"
#include "common/pattern.hpp"
#include "common/words.hpp"
#include "common/yaml.hpp"

namespace nodeproof::smoke {
namespace {

using json::Value;
using Texts = std::vector<std::string>;

constexpr json::ParseOptions kLimits{.max_bytes = 1 << 20, .max_depth = 12, .max_values = 50'000};

std::unexpected<Error> at(const Value& value, const std::string& what) {
  return fail(Errc::invalid_document,
              "line " + std::to_string(value.line()) + ": " + value.path() + ": " + what);
}

std::unexpected<Error> wrong(const Value& value, std::string_view expected) {
  return fail(Errc::invalid_document,
              "line " + std::to_string(value.line()) + ": " + value.wrong(expected).message);
}

template <class T>
struct Key {
  std::string_view name;
  Result<> (*read)(const Value& value, T& into);
};

// A key without a value is one that is not there.
template <class T>
Result<> read_object(const Value& object, std::span<const Key<T>> keys, T& into) {
  if (object.kind() != Value::Kind::object) return wrong(object, "a mapping");
  for (const auto& [name, value] : object.members()) {
    const auto key = std::ranges::find(keys, name, &Key<T>::name);
    if (key == keys.end()) {
      std::vector<std::string_view> names;
      for (const Key<T>& known : keys) names.push_back(known.name);
      const std::string_view meant = nearest(name, names);
      return at(value, "unknown key" +
                           (meant.empty() ? "" : "; is \"" + std::string(meant) + "\" meant?"));
    }
    if (value.kind() != Value::Kind::null) TRY(key->read(value, into));
  }
  return {};
}

template <class T>
Result<> read_list(const Value& list, std::span<const Key<T>> keys, std::vector<T>& into) {
  if (list.kind() != Value::Kind::array) return wrong(list, "a list");
  for (const Value& item : list.items()) TRY(read_object<T>(item, keys, into.emplace_back()));
  return {};
}

// As Go's YAML reads a scalar into a string.
Result<std::string> text_of(const Value& value) {
  if (value.kind() == Value::Kind::boolean) return *value.boolean() ? "true" : "false";
  auto text = value.word();
  if (!text) return wrong(value, "a text");
  return text;
}

Result<Texts> texts_of(const Value& value) {
  if (value.kind() != Value::Kind::array) return wrong(value, "a list of texts");
  Texts texts;
  for (const Value& item : value.items()) texts.push_back(TRY(text_of(item)));
  return texts;
}

// Go's regexp knows lines only where it is told to, ours does by default.
std::string as_ours(const std::string& expression) {
  const bool anchored = expression.find_first_of("^$") != std::string::npos;
  return anchored ? "(?-m)" + expression : expression;
}

Result<std::string> pattern_of(const Value& value) {
  std::string expression = TRY(text_of(value));
  if (const auto compiled = Pattern::compile(expression); !compiled) {
    return at(value, compiled.error().message);
  }
  return as_ours(expression);
}

template <auto Member, class T>
Result<> text(const Value& value, T& into) {
  into.*Member = TRY(text_of(value));
  return {};
}

template <auto Member, class T>
Result<> texts(const Value& value, T& into) {
  into.*Member = TRY(texts_of(value));
  return {};
}

template <auto Member, class T>
Result<> patterns_into(const Value& list, T& into) {
  if (list.kind() != Value::Kind::array) return wrong(list, "a list of regular expressions");
  for (const Value& item : list.items()) (into.*Member).push_back(TRY(pattern_of(item)));
  return {};
}

template <auto Member>
Result<> expected(const Value& list, StructureCommand& into) {
  return patterns_into<Member>(list, into.expect);
}

template <auto Member>
Result<> checked(const Value& list, StructureFile& into) {
  return patterns_into<Member>(list, into.check);
}

// ---- variables and labels ----
Result<> read_is_regex(const Value& value, StructureVariable& into) {
  const auto given = value.boolean();
  if (!given) return wrong(value, "true or false");
  into.is_regex = *given;
  return {};
}

constexpr std::array kVariable = {
    Key<StructureVariable>{"key", text<&StructureVariable::key, StructureVariable>},
    Key<StructureVariable>{"value", text<&StructureVariable::value, StructureVariable>},
    Key<StructureVariable>{"isRegex", read_is_regex}};

template <auto Member, class T>
Result<> variables(const Value& list, T& into) {
  std::vector<StructureVariable> read;
  TRY(read_list<StructureVariable>(list, kVariable, read));
  for (std::size_t i = 0; i < read.size(); ++i) {
    const Value& item = list.items()[i];
    if (read[i].key.empty()) return at(item, "it needs a \"key\"");
    if (!read[i].is_regex) continue;
    if (const auto compiled = Pattern::compile(read[i].value); !compiled) {
      return at(item, compiled.error().message);
    }
    read[i].value = as_ours(read[i].value);
  }
  (into.*Member).insert((into.*Member).end(), read.begin(), read.end());
  return {};
}

// ---- commandTests ----
template <auto Member>
Result<> commands(const Value& list, StructureCommand& into) {
  if (list.kind() != Value::Kind::array) return wrong(list, "a list of commands");
  if (list.items().size() > kMaxCommands) return at(list, "at most 64 commands");
  for (const Value& item : list.items()) {
    Texts& command = (into.*Member).emplace_back(TRY(texts_of(item)));
    if (command.empty() || command[0].empty()) return at(item, "a command without a program");
  }
  return {};
}

Result<> read_exit_code(const Value& value, StructureCommand& into) {
  constexpr std::uint64_t kHighest = 255;
  const auto code = value.unsigned_integer();
  if (!code || *code > kHighest) return wrong(value, "an exit code from 0 to 255");
  into.expect.exit = static_cast<int>(*code);
  return {};
}

constexpr std::array kCommand = {
    Key<StructureCommand>{"name", text<&StructureCommand::name, StructureCommand>},
    Key<StructureCommand>{"setup", commands<&StructureCommand::setup>},
    Key<StructureCommand>{"teardown", commands<&StructureCommand::teardown>},
    Key<StructureCommand>{"command", text<&StructureCommand::command, StructureCommand>},
    Key<StructureCommand>{"args", texts<&StructureCommand::args, StructureCommand>},
    Key<StructureCommand>{"envVars", variables<&StructureCommand::env, StructureCommand>},
    Key<StructureCommand>{"expectedOutput", expected<&SmokeExpectation::stdout_matches>},
    Key<StructureCommand>{"excludedOutput", expected<&SmokeExpectation::stdout_excludes>},
    Key<StructureCommand>{"expectedError", expected<&SmokeExpectation::stderr_matches>},
    Key<StructureCommand>{"excludedError", expected<&SmokeExpectation::stderr_excludes>},
    Key<StructureCommand>{"exitCode", read_exit_code}};

Result<> read_commands(const Value& list, StructureDocument& into) {
  TRY(read_list<StructureCommand>(list, kCommand, into.commands));
  for (std::size_t i = 0; i < into.commands.size(); ++i) {
    if (into.commands[i].name.empty()) return at(list.items()[i], "a test needs a \"name\"");
    if (into.commands[i].command.empty()) return at(list.items()[i], "it needs a \"command\"");
  }
  return {};
}

// ---- fileExistenceTests, fileContentTests ----
Result<> read_path(const Value& value, StructureFile& into) {
  into.check.path = TRY(text_of(value));
  return {};
}

Result<> read_should_exist(const Value& value, StructureFile& into) {
  const auto given = value.boolean();
  if (!given) return wrong(value, "true or false");
  into.check.exists = *given;
  return {};
}

// What Go calls a mode's string ("dtrwxrwxrwx", "urwxr-xr-x") as ls writes it ("drwxrwxrwt",
// "-rwsr-xr-x").
std::string as_ls(const std::string& mode) {
  constexpr std::size_t kBits = 9;
  if (mode.size() < kBits) return mode;
  const std::string before = mode.substr(0, mode.size() - kBits);
  std::string bits = mode.substr(before.size());
  char type = '-';
  const auto mark = [&](std::size_t place, char set, char bare) {
    bits[place] = bits[place] == 'x' ? set : bare;
  };
  for (const char letter : before) {
    if (letter == 'u') mark(2, 's', 'S');
    if (letter == 'g') mark(5, 's', 'S');
    if (letter == 't') mark(8, 't', 'T');
    if (letter == 'L') type = 'l';
    if (letter == 'S') type = 's';
    if (letter == 'D' && type != 'c') type = 'b';
    if (letter == 'c') type = 'c';
    if (letter == 'd' || letter == 'p' || letter == 'l' || letter == 'b') type = letter;
  }
  return type + bits;
}

Result<> read_permissions(const Value& value, StructureFile& into) {
  const std::string given = TRY(text_of(value));
  if (given.empty()) return {};
  static constexpr std::string_view kMode =
      "\\A[-dlbpsugctDLS]+([r-][w-][xsS-]){2}[r-][w-][xtT-]\\z";
  if (const auto mode = Pattern::compile(kMode); !mode || !mode->found_in(given)) {
    return at(value, "\"" + excerpt(given, 64) + "\" is no mode such as \"-rw-r--r--\"");
  }
  into.check.mode = as_ls(given);
  return {};
}

template <auto Member>
Result<> read_owner(const Value& value, StructureFile& into) {
  const auto id = value.integer();
  if (!id || *id < -1 || *id > 0xffff'fffe) return wrong(value, "a user's or group's number");
  if (*id >= 0) into.check.*Member = static_cast<unsigned>(*id);  // -1: any
  return {};
}

Result<> read_executable_by(const Value& value, StructureFile& into) {
  into.check.executable_by = TRY(text_of(value));
  constexpr auto kWords = std::to_array<std::string_view>({"", "owner", "group", "other", "any"});
  if (std::ranges::find(kWords, into.check.executable_by) != kWords.end()) return {};
  return at(value, "one of owner, group, other, any");
}

constexpr std::array kExistence = {
    Key<StructureFile>{"name", text<&StructureFile::name, StructureFile>},
    Key<StructureFile>{"path", read_path},
    Key<StructureFile>{"shouldExist", read_should_exist},
    Key<StructureFile>{"permissions", read_permissions},
    Key<StructureFile>{"uid", read_owner<&FileCheck::uid>},
    Key<StructureFile>{"gid", read_owner<&FileCheck::gid>},
    Key<StructureFile>{"isExecutableBy", read_executable_by}};

constexpr std::array kContent = {
    Key<StructureFile>{"name", text<&StructureFile::name, StructureFile>},
    Key<StructureFile>{"path", read_path},
    Key<StructureFile>{"expectedContents", checked<&FileCheck::contains>},
    Key<StructureFile>{"excludedContents", checked<&FileCheck::excludes>}};

Result<> read_files(const Value& list, std::span<const Key<StructureFile>> keys,
                    StructureDocument& into) {
  const std::size_t before = into.files.size();
  TRY(read_list<StructureFile>(list, keys, into.files));
  for (std::size_t i = before; i < into.files.size(); ++i) {
    const StructureFile& file = into.files[i];
    const Value& here = list.items()[i - before];
    if (file.name.empty()) return at(here, "a test needs a \"name\"");
    if (file.check.path.empty()) return at(here, "it needs a \"path\"");
    FileCheck absent;
    absent.path = file.check.path;
    absent.exists = false;
    if (!file.check.exists && file.check != absent) {
      return at(here, "of a file that must not exist nothing else can be asked");
    }
  }
  return {};
}

// ---- metadataTest ----
template <auto Member>
Result<> argv(const Value& value, StructureMetadata& into) {
  into.*Member = TRY(texts_of(value));
  return {};
}

using Metadata = StructureMetadata;
constexpr std::array kMetadata = {
    Key<Metadata>{"env", variables<&Metadata::env, Metadata>},  // its name in older files
    Key<Metadata>{"envVars", variables<&Metadata::env, Metadata>},
    Key<Metadata>{"unboundEnvVars", variables<&Metadata::unbound_env, Metadata>},
    Key<Metadata>{"labels", variables<&Metadata::labels, Metadata>},
    Key<Metadata>{"entrypoint", argv<&Metadata::entrypoint>},
    Key<Metadata>{"cmd", argv<&Metadata::cmd>},
    Key<Metadata>{"exposedPorts", texts<&Metadata::exposed_ports, Metadata>},
    Key<Metadata>{"unexposedPorts", texts<&Metadata::unexposed_ports, Metadata>},
    Key<Metadata>{"volumes", texts<&Metadata::volumes, Metadata>},
    Key<Metadata>{"unmountedVolumes", texts<&Metadata::unmounted_volumes, Metadata>},
    Key<Metadata>{"workdir", text<&Metadata::workdir, Metadata>},
    Key<Metadata>{"user", text<&Metadata::user, Metadata>}};

// ---- the file ----
Result<> read_version(const Value& value, StructureDocument& /*into*/) {
  const std::string version = TRY(text_of(value));
  if (version == "2.0.0") return {};
  Error error = at(value, "schemaVersion " + excerpt(version, 32) + " is not read").error();
  return fail(Errc::unsupported, error.message, "write the tests for schemaVersion 2.0.0");
}

Result<> read_licenses(const Value& list, StructureDocument& into) {
  if (list.kind() != Value::Kind::array) return wrong(list, "a list");
  if (!list.items().empty()) into.unsupported.emplace_back("licenseTests");
  return {};
}

Result<> read_user(const Value& value, StructureDocument& into) {
  into.user = TRY(text_of(value));
  return {};
}

// Whoever may write a tests file does not grant a container anything: that is the configuration's.
Result<> read_run_options(const Value& options, StructureDocument& into) {
  if (options.kind() != Value::Kind::object) return wrong(options, "a mapping");
  for (const auto& [key, value] : options.members()) {
    constexpr auto kKnown =
        std::to_array<std::string_view>({"user", "privileged", "allocateTty", "envFile", "envVars",
                                         "capabilities", "bindMounts", "network", "runtime"});
    if (std::ranges::find(kKnown, key) == kKnown.end()) return at(value, "unknown key");
    const bool nothing = value.kind() == Value::Kind::null ||
                         (value.kind() == Value::Kind::boolean && !*value.boolean()) ||
                         (value.kind() == Value::Kind::array && value.items().empty());
    if (nothing) continue;
    if (key == "user") TRY(read_user(value, into));
    if (key != "user") into.unsupported.push_back("containerRunOptions." + key);
  }
  return {};
}

constexpr std::array kDocument = {
    Key<StructureDocument>{"schemaVersion", read_version},
    Key<StructureDocument>{"globalEnvVars",
                           variables<&StructureDocument::global_env, StructureDocument>},
    Key<StructureDocument>{"commandTests", read_commands},
    Key<StructureDocument>{"fileExistenceTests",
                           [](const Value& list, StructureDocument& into) {
                             return read_files(list, kExistence, into);
                           }},
    Key<StructureDocument>{"fileContentTests",
                           [](const Value& list, StructureDocument& into) {
                             return read_files(list, kContent, into);
                           }},
    Key<StructureDocument>{"metadataTest",
                           [](const Value& value, StructureDocument& into) {
                             return read_object<StructureMetadata>(value, kMetadata,
                                                                   into.metadata.emplace());
                           }},
    Key<StructureDocument>{"licenseTests", read_licenses},
    Key<StructureDocument>{"containerRunOptions", read_run_options}};

}  // namespace

Result<StructureDocument> parse_structure_document(std::string_view text, bool json) {
  const Value root = TRY(json ? json::parse(text, kLimits) : yaml::parse(text, kLimits));
  if (root.kind() != Value::Kind::object) return wrong(root, "a mapping");
  const Value* version = root.find("schemaVersion");
  if (version == nullptr || version->kind() == Value::Kind::null) {
    return at(root, "a container-structure-test file begins with schemaVersion: 2.0.0");
  }
  StructureDocument document;
  TRY(read_version(*version, document));  // before the keys of another one are called unknown
  TRY(read_object<StructureDocument>(root, kDocument, document));
  return document;
}

}  // namespace nodeproof::smoke
