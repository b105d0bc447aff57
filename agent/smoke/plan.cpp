#include "agent/smoke/plan.hpp"

#include <algorithm>

#include "common/json.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::int64_t kVersion = 1;

void write(json::Writer& writer, const PlannedRun& run) {
  writer.begin_object()
      .member("name", run.name)
      .member("args", run.args)
      .member("env", run.env)
      .member("user", run.user)
      .member("cwd", run.cwd)
      .member("timeoutMs", static_cast<std::int64_t>(run.timeout.count()))
      .end_object();
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

Result<PlannedRun> parse_run(const json::Value& value) {
  PlannedRun run;
  run.name = TRY(text_at(value, "name"));
  run.args = TRY(texts_at(value, "args"));
  run.env = TRY(texts_at(value, "env"));
  run.user = TRY(text_at(value, "user"));
  run.cwd = TRY(text_at(value, "cwd"));
  run.timeout = TRY(milliseconds_at(value, "timeoutMs"));
  if (run.args.empty() || run.args[0].empty()) {
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
  file.sha256 = TRY(text_at(value, "sha256"));
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
  if (plan.loader) write(writer.key("loader"), *plan.loader);
  writer.key("tests").begin_array();
  for (const PlannedRun& run : plan.tests) write(writer, run);
  writer.end_array().key("files").begin_array();
  for (const FileExpectation& file : plan.files) {
    writer.begin_object().member("path", file.path).member("size", file.size);
    writer.member("sha256", file.sha256).end_object();
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
  if (const json::Value* loader = document.find("loader")) plan.loader = TRY(parse_run(*loader));
  const json::Value* tests = TRY(document.at("tests"));
  if (tests->items().size() > kMaxRuns) return fail(Errc::too_large, "more than 256 tests");
  for (const json::Value& test : tests->items()) plan.tests.push_back(TRY(parse_run(test)));
  const json::Value* files = TRY(document.at("files"));
  for (const json::Value& file : files->items()) plan.files.push_back(TRY(parse_file(file)));
  return plan;
}

}  // namespace nodeproof::smoke
