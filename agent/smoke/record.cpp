#include "agent/smoke/record.hpp"

#include <algorithm>
#include <array>

#include "common/json.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::size_t kMaxName = 4096;

template <class E>
struct Word {
  E value;
  std::string_view text;
};

constexpr std::array<Word<RunState>, 5> kStates = {{{RunState::not_started, "not-started"},
                                                    {RunState::exited, "exited"},
                                                    {RunState::signaled, "signaled"},
                                                    {RunState::timed_out, "timed-out"},
                                                    {RunState::output_limit, "output-limit"}}};

constexpr std::array<Word<StartCause>, 14> kCauses = {
    {{StartCause::none, "none"},
     {StartCause::file_missing, "file-missing"},
     {StartCause::file_empty, "file-empty"},
     {StartCause::file_zeroed, "file-zeroed"},
     {StartCause::file_truncated, "file-truncated"},
     {StartCause::wrong_architecture, "wrong-architecture"},
     {StartCause::no_shebang, "no-shebang"},
     {StartCause::interpreter_missing, "interpreter-missing"},
     {StartCause::interpreter_unusable, "interpreter-unusable"},
     {StartCause::not_executable, "not-executable"},
     {StartCause::user_unknown, "user-unknown"},
     {StartCause::cwd_unusable, "cwd-unusable"},
     {StartCause::sandbox, "sandbox"},
     {StartCause::other, "other"}}};

constexpr std::array<Word<FileProblem>, 7> kProblems = {{{FileProblem::missing, "missing"},
                                                         {FileProblem::not_regular, "not-regular"},
                                                         {FileProblem::unreadable, "unreadable"},
                                                         {FileProblem::empty, "empty"},
                                                         {FileProblem::truncated, "truncated"},
                                                         {FileProblem::longer, "longer"},
                                                         {FileProblem::changed, "changed"}}};

template <class E, std::size_t N>
std::string_view word(const std::array<Word<E>, N>& table, E value) {
  return std::ranges::find(table, value, &Word<E>::value)->text;
}

template <class E, std::size_t N>
Result<E> meaning(const std::array<Word<E>, N>& table, const json::Value& object,
                  std::string_view key) {
  const json::Value* member = TRY(object.at(key));
  const std::string text = TRY(member->string());
  const auto found = std::ranges::find(table, text, &Word<E>::text);
  if (found == table.end()) return std::unexpected(member->wrong("a known word"));
  return found->value;
}

// ---- writing
// ---------------------------------------------------------------------------------------------------------

void write(json::Writer& writer, const Fault& fault) {
  writer.begin_object()
      .member("signal", static_cast<std::int64_t>(fault.signal))
      .member("code", static_cast<std::int64_t>(fault.code))
      .member("address", fault.address)
      .member("instruction", fault.instruction)
      .member("bytes", fault.bytes)
      .member("main", fault.main)
      .end_object();
}

// What the image named; each byte that is no UTF-8 becomes three.
std::string_view clipped(std::string_view text) { return text.substr(0, kMaxName); }

void write_members(json::Writer& writer, const RunRecord& record) {
  writer.member("state", word(kStates, record.state))
      .member("cause", word(kCauses, record.cause))
      .member("detail", clipped(record.detail))
      .member("exit", static_cast<std::int64_t>(record.exit))
      .member("signal", static_cast<std::int64_t>(record.signal))
      .member("error", static_cast<std::int64_t>(record.error))
      .member("program", clipped(record.program))
      .member("mapped", clipped(record.mapped));
  if (record.fault) write(writer.key("fault"), *record.fault);
  writer.member("out", record.out)
      .member("err", record.err)
      .member("outBytes", record.out_bytes)
      .member("errBytes", record.err_bytes)
      .member("stdoutSha256", record.stdout_sha256)
      .member("seconds", record.seconds)
      .member("cpuSeconds", record.cpu_seconds)
      .member("maxRssKib", record.max_rss_kib);
}

std::string line(json::Writer& writer) { return writer.end_object().str() + '\n'; }

// ---- reading
// ---------------------------------------------------------------------------------------------------------

Result<std::string> text_at(const json::Value& object, std::string_view key,
                            std::size_t most = 3 * kMaxName) {
  const json::Value* member = TRY(object.at(key));
  std::string text = TRY(member->string());
  if (text.size() > most) return fail(Errc::too_large, member->path() + " is too long");
  return text;
}

Result<std::uint64_t> count_at(const json::Value& object, std::string_view key) {
  const json::Value* member = TRY(object.at(key));
  return member->unsigned_integer();
}

Result<int> number_at(const json::Value& object, std::string_view key) {
  const json::Value* member = TRY(object.at(key));
  const std::int64_t number = TRY(member->integer());
  if (number < -1'000'000 || number > 1'000'000) {
    return std::unexpected(member->wrong("a small number"));
  }
  return static_cast<int>(number);
}

Result<double> real_at(const json::Value& object, std::string_view key) {
  const json::Value* member = TRY(object.at(key));
  return member->real();
}

Result<Fault> parse_fault(const json::Value& object) {
  Fault fault;
  fault.signal = TRY(number_at(object, "signal"));
  fault.code = TRY(number_at(object, "code"));
  fault.address = TRY(count_at(object, "address"));
  fault.instruction = TRY(count_at(object, "instruction"));
  fault.bytes = TRY(text_at(object, "bytes", 64));
  const json::Value* main = TRY(object.at("main"));
  fault.main = TRY(main->boolean());
  return fault;
}

Result<RunRecord> parse_run(const json::Value& object, const Plan& plan) {
  // Kept bytes that are not UTF-8 come back three times as long; the mark of what was left out is
  // short.
  const std::size_t most = (plan.keep_bytes * 3) + 256;
  RunRecord record;
  record.state = TRY(meaning(kStates, object, "state"));
  record.cause = TRY(meaning(kCauses, object, "cause"));
  record.detail = TRY(text_at(object, "detail"));
  record.exit = TRY(number_at(object, "exit"));
  record.signal = TRY(number_at(object, "signal"));
  record.error = TRY(number_at(object, "error"));
  record.program = TRY(text_at(object, "program"));
  record.mapped = TRY(text_at(object, "mapped"));
  if (const json::Value* fault = object.find("fault")) record.fault = TRY(parse_fault(*fault));
  record.out = TRY(text_at(object, "out", most));
  record.err = TRY(text_at(object, "err", most));
  record.out_bytes = TRY(count_at(object, "outBytes"));
  record.err_bytes = TRY(count_at(object, "errBytes"));
  record.stdout_sha256 = TRY(text_at(object, "stdoutSha256", 64));
  record.seconds = TRY(real_at(object, "seconds"));
  record.cpu_seconds = TRY(real_at(object, "cpuSeconds"));
  record.max_rss_kib = TRY(count_at(object, "maxRssKib"));
  return record;
}

Result<FileRecord> parse_file(const json::Value& object) {
  FileRecord record;
  record.path = TRY(text_at(object, "path"));
  record.problem = TRY(meaning(kProblems, object, "problem"));
  record.size = TRY(count_at(object, "size"));
  record.sha256 = TRY(text_at(object, "sha256", 64));
  record.error = TRY(number_at(object, "error"));
  return record;
}

Result<> take_test(Records& records, const json::Value& object, const Plan& plan) {
  const std::uint64_t index = TRY(count_at(object, "index"));
  if (index >= records.tests.size() || records.tests[index]) {
    return fail(Errc::invalid_document, "a result for a test that was not asked for");
  }
  records.tests[index] = TRY(parse_run(object, plan));
  return {};
}

Result<> take_file(Records& records, const json::Value& object, const Plan& plan) {
  FileRecord record = TRY(parse_file(object));
  const bool asked =
      std::ranges::find(plan.files, record.path, &FileExpectation::path) != plan.files.end();
  if (!asked || records.files.size() == kMaxFileRecords) {
    return fail(Errc::invalid_document, "a result for a file that was not asked for");
  }
  records.files.push_back(std::move(record));
  return {};
}

Result<> take(Records& records, const json::Value& object, const Plan& plan) {
  const std::string kind = TRY(text_at(object, "kind", 16));
  if (records.ended || records.deadline)
    return fail(Errc::invalid_document, "a record after the last");
  if (kind == "test") return take_test(records, object, plan);
  if (kind == "file") return take_file(records, object, plan);
  if (kind == "loader") {
    if (records.loader || !plan.loader)
      return fail(Errc::invalid_document, "a loader not asked for");
    records.loader = TRY(parse_run(object, plan));
  } else if (kind == "files") {
    records.files_compared = TRY(count_at(object, "compared"));
    records.files_wrong = TRY(count_at(object, "wrong"));
  } else if (kind == "problem") {
    records.problem = TRY(text_at(object, "text"));
  } else if (kind == "end") {
    records.ended = true;
  } else if (kind == "deadline") {
    records.deadline = true;
  } else {
    return fail(Errc::invalid_document, "a record of unknown kind");
  }
  return {};
}

}  // namespace

std::string loader_line(const RunRecord& record) {
  json::Writer writer;
  write_members(writer.begin_object().member("kind", "loader"), record);
  return line(writer);
}

std::string test_line(std::size_t index, const RunRecord& record) {
  json::Writer writer;
  writer.begin_object().member("kind", "test").member("index", static_cast<std::uint64_t>(index));
  write_members(writer, record);
  return line(writer);
}

std::string file_line(const FileRecord& record) {
  json::Writer writer;
  writer.begin_object().member("kind", "file").member("path", record.path);
  writer.member("problem", word(kProblems, record.problem)).member("size", record.size);
  writer.member("sha256", record.sha256).member("error", static_cast<std::int64_t>(record.error));
  return line(writer);
}

std::string files_line(std::uint64_t compared, std::uint64_t wrong) {
  json::Writer writer;
  writer.begin_object().member("kind", "files").member("compared", compared).member("wrong", wrong);
  return line(writer);
}

std::string problem_line(std::string_view text) {
  json::Writer writer;
  writer.begin_object().member("kind", "problem").member("text", text.substr(0, 1000));
  return line(writer);
}

std::size_t max_record_bytes(const Plan& plan) {
  // A control character costs six bytes in JSON; two streams per run.
  const std::size_t run = (plan.keep_bytes * 2 * 6) + (64 << 10);
  const std::size_t files = std::min(plan.files.size(), kMaxFileRecords) * (32 << 10);
  return (run * (plan.tests.size() + 1)) + files + (64 << 10);
}

Result<Records> parse_records(std::string_view text, const Plan& plan) {
  constexpr std::size_t kMaxNoise = 8192;
  Records records;
  records.tests.resize(plan.tests.size());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!one.starts_with('{')) {
      if (records.noise.size() + one.size() < kMaxNoise) records.noise.append(one).append("\n");
      continue;
    }
    const json::Value object =
        TRY(json::parse(one, {.max_bytes = 8 << 20, .max_depth = 4, .max_values = 200}));
    TRY(take(records, object, plan));
  }
  return records;
}

}  // namespace nodeproof::smoke
