#include "agent/smoke/record.hpp"

#include <algorithm>
#include <array>

#include "common/content_hash.hpp"
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

constexpr std::array<Word<StartCause>, 15> kCauses = {
    {{StartCause::none, "none"},
     {StartCause::file_missing, "file-missing"},
     {StartCause::file_empty, "file-empty"},
     {StartCause::file_zeroed, "file-zeroed"},
     {StartCause::file_truncated, "file-truncated"},
     {StartCause::wrong_architecture, "wrong-architecture"},
     {StartCause::no_shebang, "no-shebang"},
     {StartCause::interpreter_missing, "interpreter-missing"},
     {StartCause::interpreter_unusable, "interpreter-unusable"},
     {StartCause::not_mapped, "not-mapped"},
     {StartCause::not_executable, "not-executable"},
     {StartCause::user_unknown, "user-unknown"},
     {StartCause::cwd_unusable, "cwd-unusable"},
     {StartCause::sandbox, "sandbox"},
     {StartCause::other, "other"}}};

constexpr std::array<Word<FileProblem>, 8> kProblems = {{{FileProblem::missing, "missing"},
                                                         {FileProblem::not_regular, "not-regular"},
                                                         {FileProblem::unreadable, "unreadable"},
                                                         {FileProblem::empty, "empty"},
                                                         {FileProblem::truncated, "truncated"},
                                                         {FileProblem::longer, "longer"},
                                                         {FileProblem::zeroed, "zeroed"},
                                                         {FileProblem::changed, "changed"}}};

constexpr std::array<Word<ServiceState>, 7> kServiceStates = {
    {{ServiceState::not_up, "not-up"},
     {ServiceState::silent, "silent"},
     {ServiceState::garbage, "garbage"},
     {ServiceState::wrong_status, "wrong-status"},
     {ServiceState::check_failed, "check-failed"},
     {ServiceState::check_unusable, "check-unusable"},
     {ServiceState::up, "up"}}};

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
      .member("call", static_cast<std::int64_t>(fault.call))
      .member("arch", std::uint64_t{fault.arch})
      .end_object();
}

// JSON from a container may hold no NUL, yet what the image wrote or named may: U+FFFD in its
// place. It is three bytes long, as what becomes of a byte that is no UTF-8.
std::string without_nul(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (const char one : text) {
    if (one == '\0')
      clean += "\xef\xbf\xbd";
    else
      clean += one;
  }
  return clean;
}

// What the image named.
std::string clipped(std::string_view text) { return without_nul(text.substr(0, kMaxName)); }

void write(json::Writer& writer, const ServiceRecord& service) {
  writer.begin_object().member("state", word(kServiceStates, service.state));
  writer.member("status", std::int64_t{service.status}).member("body", without_nul(service.body));
  writer.member("bodyCut", service.body_cut).member("stopped", service.stopped);
  writer.member("killed", service.killed).member("seconds", service.seconds);
  writer.member("listening", service.listening).end_object();
}

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
  writer.member("out", without_nul(record.out))
      .member("err", without_nul(record.err))
      .member("outCut", record.out_cut)
      .member("errCut", record.err_cut)
      .member("outBytes", record.out_bytes)
      .member("errBytes", record.err_bytes)
      .member("stdoutSha256", record.stdout_sha256)
      .member("seconds", record.seconds)
      .member("cpuSeconds", record.cpu_seconds)
      .member("maxRssKib", record.max_rss_kib)
      .member("pageFaults", record.page_faults);
  write_cgroup_events(writer.key("cgroup"), record.cgroup);
  if (record.service) write(writer.key("service"), *record.service);
}

void write(json::Writer& writer, const CommandRecord& command) {
  writer.begin_object().member("place", std::uint64_t{command.place});
  write_members(writer, command.run);
  writer.end_object();
}

void write(json::Writer& writer, const FileFacts& file) {
  writer.begin_object().member("error", std::int64_t{file.error}).member("size", file.size);
  writer.member("link", clipped(file.link)).member("mode", std::uint64_t{file.mode});
  writer.member("uid", std::uint64_t{file.uid}).member("gid", std::uint64_t{file.gid});
  if (file.content) writer.member("content", without_nul(*file.content));
  writer.member("foreign", file.foreign).end_object();
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
  const json::Value* call = TRY(object.at("call"));
  const std::int64_t number = TRY(call->integer());  // of x32 large ones, and any that was tried
  fault.call = static_cast<int>(number);
  fault.arch = static_cast<std::uint32_t>(TRY(count_at(object, "arch")));
  return fault;
}

Result<bool> truth_at(const json::Value& object, std::string_view key) {
  const json::Value* member = TRY(object.at(key));
  return member->boolean();
}

// Whatever a process or a file's inode may have: 32 bits.
Result<unsigned> id_at(const json::Value& object, std::string_view key) {
  const std::uint64_t number = TRY(count_at(object, key));
  if (number > 0xffffffffU)
    return fail(Errc::invalid_document, object.path() + ": no small number");
  return static_cast<unsigned>(number);
}

Result<ServiceRecord> parse_service(const json::Value& object) {
  constexpr std::size_t kMostAddress = 64;
  ServiceRecord service;
  service.state = TRY(meaning(kServiceStates, object, "state"));
  service.status = TRY(number_at(object, "status"));
  service.body = TRY(text_at(object, "body", 3 * kMaxBodyBytes));
  service.body_cut = TRY(truth_at(object, "bodyCut"));
  service.stopped = TRY(truth_at(object, "stopped"));
  service.killed = TRY(truth_at(object, "killed"));
  service.seconds = TRY(real_at(object, "seconds"));
  const json::Value* listening = TRY(object.at("listening"));
  service.listening = TRY(listening->strings());
  const bool long_one = std::ranges::any_of(
      service.listening, [](const std::string& address) { return address.size() > kMostAddress; });
  if (long_one || service.listening.size() > kMaxListening)
    return fail(Errc::too_large, object.path() + " is too long");
  return service;
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
  record.out_cut = TRY(truth_at(object, "outCut"));
  record.err_cut = TRY(truth_at(object, "errCut"));
  record.out_bytes = TRY(count_at(object, "outBytes"));
  record.err_bytes = TRY(count_at(object, "errBytes"));
  record.stdout_sha256 = TRY(text_at(object, "stdoutSha256", 64));
  record.seconds = TRY(real_at(object, "seconds"));
  record.cpu_seconds = TRY(real_at(object, "cpuSeconds"));
  record.max_rss_kib = TRY(count_at(object, "maxRssKib"));
  record.page_faults = TRY(count_at(object, "pageFaults"));
  const json::Value* cgroup = TRY(object.at("cgroup"));
  record.cgroup = TRY(parse_cgroup_events(*cgroup));
  if (const json::Value* found = object.find("service"))
    record.service = TRY(parse_service(*found));
  return record;
}

Result<CommandRecord> parse_command(const json::Value& object, const Plan& plan,
                                    std::size_t commands) {
  CommandRecord command;
  command.place = TRY(id_at(object, "place"));
  if (command.place >= commands)
    return fail(Errc::invalid_document, "a result for a command that was not asked for");
  command.run = TRY(parse_run(object, plan));
  return command;
}

Result<FileFacts> parse_facts(const json::Value& object) {
  FileFacts file;
  file.error = TRY(number_at(object, "error"));
  file.link = TRY(text_at(object, "link"));
  file.mode = TRY(id_at(object, "mode"));
  file.uid = TRY(id_at(object, "uid"));
  file.gid = TRY(id_at(object, "gid"));
  file.size = TRY(count_at(object, "size"));
  file.foreign = TRY(truth_at(object, "foreign"));
  if (object.find("content") != nullptr)
    file.content = TRY(text_at(object, "content", 3 * kMaxContentBytes));
  return file;
}

Result<TestRecord> parse_test(const json::Value& object, const Plan& plan, const PlannedRun& test) {
  TestRecord record = TRY(parse_run(object, plan));
  record.runs = TRY(id_at(object, "runs"));
  record.all_seconds = TRY(real_at(object, "allSeconds"));
  if (const json::Value* found = object.find("before"))
    record.before = TRY(parse_command(*found, plan, test.before.size()));
  if (const json::Value* found = object.find("after"))
    record.after = TRY(parse_command(*found, plan, test.after.size()));
  if (const json::Value* found = object.find("fileFacts")) record.file = TRY(parse_facts(*found));
  if (object.find("cpus") != nullptr) record.cpus = TRY(id_at(object, "cpus"));
  if (record.runs > test.repeat || record.file.has_value() != test.file.has_value())
    return fail(Errc::invalid_document, "a result that no such test has");
  return record;
}

Result<FileRecord> parse_file(const json::Value& object) {
  FileRecord record;
  record.path = TRY(text_at(object, "path"));
  record.problem = TRY(meaning(kProblems, object, "problem"));
  record.size = TRY(count_at(object, "size"));
  record.hash = TRY(text_at(object, "xxh128", kContentHashDigits));
  record.error = TRY(number_at(object, "error"));
  if (object.find("place") != nullptr) record.place = TRY(count_at(object, "place"));
  return record;
}

Result<> take_test(Records& records, const json::Value& object, const Plan& plan) {
  const std::uint64_t index = TRY(count_at(object, "index"));
  if (index >= records.tests.size() || records.tests[index]) {
    return fail(Errc::invalid_document, "a result for a test that was not asked for");
  }
  records.tests[index] = TRY(parse_test(object, plan, plan.tests[index]));
  return {};
}

Result<> take_file(Records& records, const json::Value& object, const Plan& plan) {
  FileRecord record = TRY(parse_file(object));
  const bool asked = record.place ? plan.listed
                                  : std::ranges::find(plan.files, record.path,
                                                      &FileExpectation::path) != plan.files.end();
  if (!asked || records.files.size() == kMaxFileRecords) {
    return fail(Errc::invalid_document, "a result for a file that was not asked for");
  }
  records.files.push_back(std::move(record));
  return {};
}

Result<> take_count_of_files(Records& records, const json::Value& object) {
  records.files_compared = TRY(count_at(object, "compared"));
  records.files_wrong = TRY(count_at(object, "wrong"));
  if (object.find("lowest") == nullptr) return {};
  records.lowest_wrong = static_cast<unsigned>(TRY(number_at(object, "lowest")));
  return {};
}

Result<> take(Records& records, const json::Value& object, const Plan& plan) {
  const std::string kind = TRY(text_at(object, "kind", 16));
  if (records.ended || records.deadline)
    return fail(Errc::invalid_document, "a record after the last");
  if (kind == "test") return take_test(records, object, plan);
  if (kind == "file") return take_file(records, object, plan);
  if (kind == "files") return take_count_of_files(records, object);
  if (kind == "loader") {
    if (records.loader || !plan.loader)
      return fail(Errc::invalid_document, "a loader not asked for");
    records.loader = TRY(parse_run(object, plan));
  } else if (kind == "problem") {
    records.problem = TRY(text_at(object, "text"));
  } else if (kind == "clone3") {
    records.clone3 = static_cast<int>(TRY(number_at(object, "errno")));
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

std::string test_line(std::size_t index, const TestRecord& record) {
  json::Writer writer;
  writer.begin_object().member("kind", "test").member("index", static_cast<std::uint64_t>(index));
  write_members(writer, record);
  writer.member("runs", std::uint64_t{record.runs}).member("allSeconds", record.all_seconds);
  if (record.before) write(writer.key("before"), *record.before);
  if (record.after) write(writer.key("after"), *record.after);
  if (record.file) write(writer.key("fileFacts"), *record.file);
  if (record.cpus) writer.member("cpus", std::uint64_t{*record.cpus});
  return line(writer);
}

std::string file_line(const FileRecord& record) {
  json::Writer writer;
  writer.begin_object().member("kind", "file").member("path", record.path);
  writer.member("problem", word(kProblems, record.problem)).member("size", record.size);
  writer.member("xxh128", record.hash).member("error", static_cast<std::int64_t>(record.error));
  if (record.place) writer.member("place", *record.place);
  return line(writer);
}

std::string files_line(std::uint64_t compared, std::uint64_t wrong,
                       std::optional<unsigned> lowest) {
  json::Writer writer;
  writer.begin_object().member("kind", "files").member("compared", compared).member("wrong", wrong);
  if (lowest) writer.member("lowest", std::uint64_t{*lowest});
  return line(writer);
}

std::string clone3_line(int error) {
  json::Writer writer;
  writer.begin_object().member("kind", "clone3");
  writer.member("errno", static_cast<std::uint64_t>(error));
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
  std::size_t kinds = 0;
  for (const PlannedRun& test : plan.tests) {
    const std::size_t commands = (test.before.empty() ? 0 : 1) + (test.after.empty() ? 0 : 1);
    kinds += commands * ((kMaxCommandBytes * 2 * 6) + (64 << 10));
    if (test.service) kinds += (kMaxBodyBytes * 6) + (4 << 10);
    if (test.file && test.file->content) kinds += kMaxContentBytes * 6;
  }
  const std::size_t told = plan.listed ? kMaxFileRecords : plan.files.size();
  const std::size_t files = std::min(told, kMaxFileRecords) * (32 << 10);
  return (run * (plan.tests.size() + 1)) + kinds + files + (64 << 10);
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
        TRY(json::parse(one, {.max_bytes = 8 << 20, .max_depth = 6, .max_values = 400}));
    TRY(take(records, object, plan));
  }
  return records;
}

}  // namespace nodeproof::smoke
