#include "agent/report/sink/sink_state.hpp"

#include <algorithm>
#include <system_error>
#include <vector>

#include "agent/json_read.hpp"
#include "agent/report/verifier.hpp"
#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof::report {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kMaxState = 1 << 20;

fs::path folder(const fs::path& run_dir) { return run_dir / "sinks"; }

fs::path file_of(const fs::path& run_dir, const std::string& name) {
  return folder(run_dir) / (name + std::string(kSuffix));
}

// Sorted.
std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == kSuffix) files.push_back(at->path());
  }
  std::ranges::sort(files);
  return files;
}

Result<std::optional<seconds>> read_optional(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  if (value == nullptr) return std::optional<seconds>();
  return std::optional(seconds(TRY(value->integer())));
}

Result<SinkState> parse(const std::string& text) {
  const json::Value document = TRY(json::parse(text));
  SinkState state;
  TRY(json::read(document, "sink", state.counters.sink));
  TRY(json::read(document, "failures", state.counters.failures));
  TRY(json::read(document, "delivered", state.counters.delivered));
  TRY(json::read(document, "dropped", state.counters.dropped));
  TRY(json::read(document, "spoolBytes", state.counters.spool_bytes));
  TRY(json::read(document, "spoolEvents", state.counters.spool_events));
  TRY(json::read(document, "attempts", state.attempts));
  TRY(json::read(document, "receiver", state.receiver));
  TRY(json::read(document, "problem", state.problem));
  TRY(json::read(document, "done", state.done));
  TRY(json::read(document, "stopped", state.stopped));
  TRY(json::read(document, "more", state.more));
  TRY(json::read(document, "kept", state.kept));
  TRY(json::read(document, "memory", state.memory));
  state.retry_after = TRY(read_optional(document, "retryAfter"));
  state.since = sys_seconds(TRY(read_optional(document, "since")).value_or(seconds(0)));
  const auto success = TRY(read_optional(document, "lastSuccess"));
  if (success) state.counters.last_success = sys_seconds(*success);
  return state;
}

std::string to_json(const SinkState& state) {
  const SinkCounters& counters = state.counters;
  json::Writer out;
  out.begin_object().member("sink", counters.sink).member("failures", counters.failures);
  out.member("delivered", counters.delivered).member("dropped", counters.dropped);
  out.member("spoolBytes", counters.spool_bytes).member("spoolEvents", counters.spool_events);
  out.member("attempts", state.attempts);
  out.member("since", std::int64_t{state.since.time_since_epoch().count()});
  if (counters.last_success) {
    out.member("lastSuccess", std::int64_t{counters.last_success->time_since_epoch().count()});
  }
  if (state.retry_after) out.member("retryAfter", std::int64_t{state.retry_after->count()});
  out.member("receiver", state.receiver).member("done", state.done);
  out.member("problem", state.problem).member("stopped", state.stopped);
  out.member("more", state.more).member("kept", state.kept).member("memory", state.memory);
  return out.end_object().str();
}

}  // namespace

SinkState load_sink_state(const fs::path& run_dir, const std::string& name, sys_seconds now) {
  auto text = read_file(file_of(run_dir, name), kMaxState);
  auto state = text ? parse(*text) : Result<SinkState>(std::unexpected(text.error()));
  if (state && state->counters.sink == name) return *std::move(state);
  SinkState fresh;
  fresh.counters.sink = name;
  fresh.since = now;
  return fresh;
}

Result<> save_sink_state(const fs::path& run_dir, const SinkState& state) {
  TRY(make_directories(folder(run_dir), 0700));
  return write_file_atomically(file_of(run_dir, state.counters.sink), to_json(state), 0600);
}

void keep_sink_states(const fs::path& run_dir, const std::vector<SinkSetting>& settings) {
  for (const fs::path& file : files_in(folder(run_dir))) {
    const std::string name = file.stem().string();
    const bool named = std::ranges::find(settings, name, &SinkSetting::name) != settings.end();
    if (!named) static_cast<void>(remove_file(file));
  }
}

std::vector<SinkState> load_sink_states(const fs::path& run_dir) {
  std::vector<SinkState> states;
  for (const fs::path& file : files_in(folder(run_dir))) {
    SinkState state = load_sink_state(run_dir, file.stem().string(), {});
    if (state.since != sys_seconds()) states.push_back(std::move(state));
  }
  return states;
}

AgentCounters load_counters(const fs::path& run_dir) {
  AgentCounters counters;
  for (const SinkState& state : load_sink_states(run_dir)) {
    counters.since = std::min(counters.since.value_or(state.since), state.since);
    counters.sinks.push_back(state.counters);
  }
  std::error_code error;
  if (fs::exists(run_dir / "verifier.json", error)) {
    counters.verifier = load_verifier_counters(run_dir);
  }
  return counters;
}

}  // namespace nodeproof::report
