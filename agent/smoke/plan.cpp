#include "agent/smoke/plan.hpp"

#include <algorithm>

#include "common/json.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::int64_t kVersion = 1;

using Commands = std::vector<std::vector<std::string>>;

void write_commands(json::Writer& writer, std::string_view key, const Commands& commands) {
  if (commands.empty()) return;
  writer.key(key).begin_array();
  for (const auto& command : commands) {
    writer.begin_array();
    for (const std::string& word : command) writer.string(word);
    writer.end_array();
  }
  writer.end_array();
}

void write(json::Writer& writer, const SmokeExpectation& expect) {
  writer.begin_object().member("exit", std::int64_t{expect.exit});
  writer.member("stdout", expect.stdout_matches).member("stdoutExcludes", expect.stdout_excludes);
  writer.member("stderr", expect.stderr_matches).member("stderrExcludes", expect.stderr_excludes);
  writer.member("stdoutSha256", expect.stdout_sha256).end_object();
}

void write(json::Writer& writer, const PlannedService& service) {
  writer.begin_object().member("port", std::uint64_t{service.port});
  writer.member("http", service.http_path).member("status", std::uint64_t{service.http_status});
  writer.member("body", service.http_body);
  if (!service.check.empty()) {
    writer.member("check", service.check);
    writer.member("checkTimeoutMs", std::int64_t{service.check_timeout.count()});
    writer.member("checkPauseMs", std::int64_t{service.check_pause.count()});
  }
  writer.member("stopSignal", std::int64_t{service.stop_signal}).end_object();
}

void write_kind(json::Writer& writer, const PlannedRun& run) {
  if (!run.input.empty()) writer.member("input", run.input);
  if (run.repeat != 1) writer.member("repeat", std::uint64_t{run.repeat});
  if (run.cpus != 0) writer.member("cpus", std::uint64_t{run.cpus});
  write_commands(writer, "before", run.before);
  write_commands(writer, "after", run.after);
  if (run.expect != SmokeExpectation{}) write(writer.key("expect"), run.expect);
  if (run.service) write(writer.key("service"), *run.service);
  if (!run.file) return;
  writer.key("file").begin_object().member("path", run.file->path);
  writer.member("content", run.file->content).end_object();
}

void write(json::Writer& writer, const PlannedRun& run) {
  writer.begin_object()
      .member("name", run.name)
      .member("args", run.args)
      .member("env", run.env)
      .member("user", run.user)
      .member("cwd", run.cwd)
      .member("timeoutMs", static_cast<std::int64_t>(run.timeout.count()));
  write_kind(writer, run);
  writer.end_object();
}

Result<std::string> text_at(const json::Value& value, std::string_view key) {
  const json::Value* member = TRY(value.at(key));
  return member->string();
}

Result<std::vector<std::string>> texts_at(const json::Value& value, std::string_view key) {
  const json::Value* member = TRY(value.at(key));
  return member->strings();
}

Result<std::uint64_t> number_at(const json::Value& value, std::string_view key) {
  const json::Value* member = TRY(value.at(key));
  return member->unsigned_integer();
}

Result<std::chrono::milliseconds> milliseconds_at(const json::Value& value, std::string_view key) {
  constexpr std::uint64_t kDay = 24ULL * 3600 * 1000;
  const std::uint64_t count = TRY(number_at(value, key));
  if (count == 0 || count > kDay)
    return fail(Errc::invalid_document, value.path() + ": no sensible time");
  return std::chrono::milliseconds(count);
}

// What execve(2) and chdir(2) would cut short at a NUL is refused.
bool has_nul(const std::vector<std::string>& texts) {
  return std::ranges::any_of(texts, [](const std::string& t) { return t.find('\0') != t.npos; });
}

Result<unsigned> small_at(const json::Value& value, std::string_view key, unsigned most) {
  const json::Value* member = TRY(value.at(key));
  const std::uint64_t number = TRY(member->unsigned_integer());
  if (number > most) return std::unexpected(member->wrong("a smaller number"));
  return static_cast<unsigned>(number);
}

Result<Commands> parse_commands(const json::Value& value) {
  Commands commands;
  if (value.items().size() > kMaxCommands)
    return fail(Errc::too_large, value.path() + ": too many");
  for (const json::Value& item : value.items()) {
    auto command = TRY(item.strings());
    if (command.empty() || command[0].empty() || has_nul(command))
      return fail(Errc::invalid_document, item.path() + ": no command");
    commands.push_back(std::move(command));
  }
  return commands;
}

Result<SmokeExpectation> parse_expectation(const json::Value& value) {
  SmokeExpectation expect;
  const json::Value* exit = TRY(value.at("exit"));
  expect.exit = static_cast<int>(TRY(exit->integer()));
  expect.stdout_matches = TRY(texts_at(value, "stdout"));
  expect.stdout_excludes = TRY(texts_at(value, "stdoutExcludes"));
  expect.stderr_matches = TRY(texts_at(value, "stderr"));
  expect.stderr_excludes = TRY(texts_at(value, "stderrExcludes"));
  expect.stdout_sha256 = TRY(text_at(value, "stdoutSha256"));
  return expect;
}

Result<PlannedService> parse_service(const json::Value& value) {
  constexpr unsigned kMaxPort = 65535, kMaxStatus = 599, kMaxSignal = 64;
  PlannedService service;
  service.port = TRY(small_at(value, "port", kMaxPort));
  service.http_path = TRY(text_at(value, "http"));
  service.http_status = TRY(small_at(value, "status", kMaxStatus));
  service.http_body = TRY(text_at(value, "body"));
  service.stop_signal = static_cast<int>(TRY(small_at(value, "stopSignal", kMaxSignal)));
  if (value.find("check") != nullptr) {
    service.check = TRY(texts_at(value, "check"));
    service.check_timeout = TRY(milliseconds_at(value, "checkTimeoutMs"));
    service.check_pause = TRY(milliseconds_at(value, "checkPauseMs"));
    if (service.check.empty() || service.check[0].empty() || has_nul(service.check))
      return fail(Errc::invalid_document, value.path() + ": no command");
  }
  if ((service.port == 0 && service.check.empty()) || service.stop_signal == 0)
    return fail(Errc::invalid_document, value.path() + ": no port or no signal");
  return service;
}

Result<PlannedFile> parse_planned_file(const json::Value& value) {
  PlannedFile file;
  file.path = TRY(text_at(value, "path"));
  const json::Value* content = TRY(value.at("content"));
  file.content = TRY(content->boolean());
  if (!file.path.starts_with('/') || has_nul({file.path}))
    return fail(Errc::invalid_document, value.path() + ": the path is not absolute");
  return file;
}

Result<> parse_kind(const json::Value& value, PlannedRun& run) {
  if (value.find("input") != nullptr) run.input = TRY(text_at(value, "input"));
  if (value.find("repeat") != nullptr) run.repeat = TRY(small_at(value, "repeat", kMaxRepeat));
  if (value.find("cpus") != nullptr) run.cpus = TRY(small_at(value, "cpus", kMaxRepeat));
  if (const json::Value* found = value.find("before")) run.before = TRY(parse_commands(*found));
  if (const json::Value* found = value.find("after")) run.after = TRY(parse_commands(*found));
  if (const json::Value* found = value.find("expect")) run.expect = TRY(parse_expectation(*found));
  if (const json::Value* found = value.find("service")) run.service = TRY(parse_service(*found));
  if (const json::Value* found = value.find("file")) run.file = TRY(parse_planned_file(*found));
  return {};
}

Result<PlannedRun> parse_run(const json::Value& value) {
  PlannedRun run;
  run.name = TRY(text_at(value, "name"));
  run.args = TRY(texts_at(value, "args"));
  run.env = TRY(texts_at(value, "env"));
  run.user = TRY(text_at(value, "user"));
  run.cwd = TRY(text_at(value, "cwd"));
  run.timeout = TRY(milliseconds_at(value, "timeoutMs"));
  TRY(parse_kind(value, run));
  const bool needed = !run.file && !(run.service && run.args.empty());
  if (needed && (run.args.empty() || run.args[0].empty())) {
    return fail(Errc::invalid_document, value.path() + ": no program");
  }
  if (!run.cwd.starts_with('/'))
    return fail(Errc::invalid_document, value.path() + ": cwd is relative");
  if (has_nul(run.args) || has_nul(run.env) || has_nul({run.cwd})) {
    return fail(Errc::invalid_document, value.path() + ": a NUL byte inside");
  }
  return run;
}

Result<FileExpectation> parse_file(const json::Value& value) {
  FileExpectation file;
  file.path = TRY(text_at(value, "path"));
  file.size = TRY(number_at(value, "size"));
  file.hash = TRY(text_at(value, "xxh128"));
  if (!file.path.starts_with('/') || file.path.find('\0') != file.path.npos) {
    return fail(Errc::invalid_document, value.path() + ": the path is not absolute");
  }
  return file;
}

}  // namespace

std::string to_json(const Plan& plan) {
  json::Writer writer;
  writer.begin_object().member("version", kVersion);
  writer.member("deadlineMs", static_cast<std::int64_t>(plan.deadline.count()));
  writer.member("keepBytes", plan.keep_bytes).member("outputLimit", plan.output_limit);
  if (plan.listed) writer.member("listed", true);
  if (plan.loader) write(writer.key("loader"), *plan.loader);
  writer.key("tests").begin_array();
  for (const PlannedRun& run : plan.tests) write(writer, run);
  writer.end_array().key("files").begin_array();
  for (const FileExpectation& file : plan.files) {
    writer.begin_object().member("path", file.path).member("size", file.size);
    writer.member("xxh128", file.hash).end_object();
  }
  return writer.end_array().end_object().str();
}

Result<Plan> parse_plan(std::string_view text) {
  const json::Value document =
      TRY(json::parse(text, {.max_bytes = kMaxPlanBytes, .max_depth = 6, .max_values = 4'000'000}));
  Plan plan;
  if (TRY(number_at(document, "version")) != kVersion) {
    return fail(Errc::unsupported, "the plan is of another version of nodeproof");
  }
  plan.deadline = TRY(milliseconds_at(document, "deadlineMs"));
  plan.keep_bytes = TRY(number_at(document, "keepBytes"));
  plan.output_limit = TRY(number_at(document, "outputLimit"));
  if (plan.keep_bytes > kMaxKeepBytes) return fail(Errc::too_large, "$.keepBytes is too large");
  if (const json::Value* listed = document.find("listed")) plan.listed = TRY(listed->boolean());
  if (const json::Value* loader = document.find("loader")) plan.loader = TRY(parse_run(*loader));
  const json::Value* tests = TRY(document.at("tests"));
  if (tests->items().size() > kMaxRuns) return fail(Errc::too_large, "more than 256 tests");
  for (const json::Value& test : tests->items()) plan.tests.push_back(TRY(parse_run(test)));
  const json::Value* files = TRY(document.at("files"));
  for (const json::Value& file : files->items()) plan.files.push_back(TRY(parse_file(file)));
  return plan;
}

}  // namespace nodeproof::smoke
